"""A run whose training misses targets, from configuration to figures, command by command."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from lfmc.cli.main import lfmc
from lfmc.not_reached import not_reached
from lfmc.store import read_json
from lfmc.table_files import read_table

pytestmark = pytest.mark.workflow

ENSEMBLES = ("S4", "T4")
CONFIG = {
    "seed": 1904,
    "ensembles": [
        {"name": "S4", "L": 4, "m2": -4.0, "lam": 9.0},
        {"name": "T4", "L": 4, "m2": -4.0, "lam": 8.0},
    ],
    "statistics": {"configurations": 6400, "replicas": 16, "keep_fields": 20},
    "samplers": {
        "hmc": {"thermalisation": 200},
        "local": {"thermalisation": 500},
        "cluster": {"thermalisation": 200},
    },
    "flow": {
        "model": {"kind": "heatbath", "layers": 2, "table": 128},
        "models": 2,
        "retrain_configurations": 3200,
        "start": {"T4": "S4"},
    },
    "propose": {"block": 1024},
    "accept": {"replicas": 4, "burn_in": 50},
}
TRAINING = {
    "natural": {"divergence": 0.005, "samples": 512},
    "check_samples": 2048,
    "decide_samples": 4096,
}


class Run:
    """A folder with a configuration, and commands that must end well."""

    def __init__(self, folder: Path, targets: list[float], **training) -> None:
        flow = CONFIG["flow"] | {"targets": targets, "training": TRAINING | training}
        self.path, self.results = folder / "run.yaml", folder / "results"
        self.path.write_text(yaml.safe_dump(CONFIG | {"flow": flow, "results": str(self.results)}))
        self.flows = [f"flow-{100 * target:.0f}" for target in targets]
        self.samplers = [*self.flows, "hmc", "local", "cluster"]

    def __call__(self, stage: str, *options: str) -> str:
        done = CliRunner().invoke(lfmc, [stage, "--config", str(self.path), *options])
        assert done.exit_code == 0, f"{stage} {options}: {done.output} {done.exception!r}"
        return done.output

    def flow_chains(self) -> str:
        message = "".join(self("train", "--ensemble", e) for e in ENSEMBLES)
        for e in ENSEMBLES:
            self("retrain", "--ensemble", e, "--model", "1")
            for flow in self.flows:
                self("propose", "--ensemble", e, "--sampler", flow)
                self("accept", "--ensemble", e, "--sampler", flow)
        return message

    def classical(self) -> None:
        for e in ENSEMBLES:
            for stage in ("tune", "hmc", "local", "cluster"):
                self(stage, "--ensemble", e)

    def to_figures(self) -> None:
        for e in ENSEMBLES:
            for sampler in self.samplers:
                for stage in ("measure", "autocorrelation", "verify"):
                    self(stage, "--ensemble", e, "--sampler", sampler)
        for stage in ("fit", "gates"):
            self(stage)
        self("plot", "--all")


def pairs(table) -> set[tuple[str, str]]:
    return set(zip(table.ensemble, table.sampler, strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def run(folder) -> Run:
    run = Run(folder, [0.5, 0.99], max_steps=4)
    run.classical()
    run.message = run.flow_chains()
    run.to_figures()
    return run


def test_what_was_missed_is_said_in_one_line_with_the_way_on(run):
    lines = [line for line in run.message.splitlines() if "warning" in line]
    assert len(lines) == len(ENSEMBLES)
    assert "flow-99: target 0.99 not reached: flow.training.max_steps = 4 at accept" in lines[0]
    assert f"'lfmc train --config {run.path} --ensemble S4'" in lines[0]


def test_every_file_of_a_missed_target_is_a_marker(run):
    for e in ENSEMBLES:
        names = [f"{stage}/{e}/flow-99.h5" for stage in ("propose", "accept", "measure")]
        for name in (f"train/{e}/flow-99.safetensors", *names):
            assert not_reached(run.results / name).target == 0.99
        for stage in ("measure", "autocorrelation"):
            assert not len(read_table(run.results / stage / e / "flow-99.csv"))
        found = read_json(run.results / "verify" / e / "flow-99.json")
        assert "not reached" in found["summary"]
        assert not_reached(run.results / f"train/{e}/flow-50.safetensors") is None


def test_tables_and_figures_are_of_those_that_were_reached(run):
    tables = {p.stem: read_table(p) for p in (run.results / "tables").glob("*.csv")}
    chains = {(e, s) for e in ENSEMBLES for s in run.samplers if s != "flow-99"}
    for name in ("observables", "tau_int"):
        assert pairs(tables[name]) == chains
    assert {s for names in tables["gates"].sampler for s in names.split("|")} == {
        s for _, s in chains
    }
    rates = tables["acceptance"]
    assert pairs(rates[rates.reached]) == chains
    assert pairs(rates[~rates.reached]) == {(e, "flow-99") for e in ENSEMBLES}
    trained = tables["training"]
    assert set(trained[~trained.reached].flow) == {"flow-99"}
    assert len(trained) == 2 * 2 * len(ENSEMBLES)
    texts = list((run.results / "figures").glob("*.txt"))
    assert len(texts) > 10
    for path in texts:
        assert "Targets not reached, hence no chain: flow-99 in S4, T4." in path.read_text()


def test_a_start_that_was_not_reached_begins_at_the_next_lower_one(run):
    assert set(read_table(run.results / "train/T4/training.csv").start) == {"S4"}
    assert read_table(run.results / "train/S4/training.csv").start.isna().all()


def test_a_raised_limit_leaves_the_files_of_reached_targets_alone(run, folder):
    model = run.results / "train/S4/flow-50.safetensors"
    before, steps = model.stat().st_mtime_ns, len(read_table(model.with_name("history.csv")))
    more = Run(folder, [0.5, 0.99], max_steps=6)
    more("train", "--ensemble", "S4")
    assert model.stat().st_mtime_ns == before
    assert len(read_table(model.with_name("history.csv"))) > steps


def test_with_no_target_reached_the_others_have_their_tables_and_figures(run, folder):
    none = Run(folder, [0.98, 0.99], max_steps=4)
    none.flow_chains()
    none.to_figures()
    found = read_table(none.results / "tables" / "observables.csv")
    assert pairs(found) == {(e, s) for e in ENSEMBLES for s in ("hmc", "local", "cluster")}
    assert "without a start" not in run.message
    assert set(read_table(none.results / "train/T4/training.csv").reached) == {False}
