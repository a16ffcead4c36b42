"""Claims about the workflow: every kind of flow goes from its configuration to the figures.

One folder for all kinds, as of a user who edits `flow.model` and calls Snakemake again: the chains
of the classical samplers are made once. The default flow seeks its number of layers, and records
control variates.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from scalar_figures import FIGURES

from lfmc.table_files import read_table

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("kinds")]

SHAPES = {1: [8], 2: [4, 4], 3: [4, 2, 2], 4: [4, 2, 2, 2]}
# Tiny models: kind -> (the dimensions in which it runs here, its settings).
KINDS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "heatbath": ((2, 3, 4), {"layers": 2, "table": 64}),
    "realnvp": ((2, 4), {"couplings": 2, "hidden": [16], "prior": "variational"}),
    "convolutional": ((2, 3), {"couplings": 2, "channels": [4]}),
    "continuous": ((2, 4), {"features": 2, "order": 1, "steps": 4}),
    "spline": ((2, 3), {"couplings": 2, "hidden": [8], "bins": 4}),
    "multiscale": ((1, 2), {"rounds": 1, "channels": [4]}),
    "hierarchy": ((2,), {}),
}
TARGET = 0.2
AUTO = "heatbath"  # trained to the best of several numbers of layers
TRIED = [2, 4]
SEEDS = (1904, 1905)


def configuration(kind: str, seed: int) -> dict[str, Any]:
    dimensions, model = KINDS[kind]
    auto: dict[str, Any] = {"targets": [TARGET]}
    best: dict[str, Any] = {}
    if kind == AUTO:
        auto = {"targets": "auto", "layers_tried": TRIED}
        best = {"shared_by": 1000, "best_by": "controls"}
    return {
        "seed": seed,
        "ensembles": [
            {"name": f"D{d}", "shape": SHAPES[d], "m2": 1.0, "lam": 4.0} for d in dimensions
        ],
        "statistics": {"configurations": 20_000, "save_every": 2, "keep_fields": 20},
        "samplers": {name: {"thermalisation": 200} for name in ("hmc", "local", "cluster")},
        "flow": {
            "model": {"kind": kind, **model},
            **auto,
            "models": 1,
            "training": {
                **{"batch": 128, "check_samples": 512, "decide_samples": 1024, "check_every": 5},
                **{"max_steps": 400, "natural": {"samples": 512}, **best},
            },
        },
        "propose": {"block": 2048, "controls": kind == AUTO, "zero_mode": 0.5 * (kind == AUTO)},
        "accept": {"replicas": 4, "burn_in": 20},
    }


def run(root: Path, folder: Path, kind: str, seed: int) -> subprocess.CompletedProcess[str]:
    (folder / "config.yaml").write_text(yaml.safe_dump(configuration(kind, seed)))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile")]
    return subprocess.run(
        [*command, "--cores", "2", "--nolock"], cwd=folder, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("kinds")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_goes_to_its_figures(root, folder, kind):
    """The gates of a right run fail in about 1 of 100 tables; a second seed must then pass."""
    for seed in SEEDS:
        done = run(root, folder, kind, seed)
        if "gates failed" not in done.stdout + done.stderr:
            break
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    flow, results = f"flow-{round(100 * TARGET)}", folder / "results"
    if kind == AUTO:
        flow = "flow-best"
        training = read_table(results / "tables" / "training.csv")
        assert set(training[training.flow == flow].layers) <= set(TRIED)
        weighted = read_table(results / "tables" / "weighted.csv")
        chi2 = weighted[(weighted.observable == "chi2") & (weighted.sampler == flow)]
        assert (chi2.proposals < 0.8 / chi2.ess).all()  # by control variates
    ensembles = {f"D{d}" for d in KINDS[kind][0]}
    acceptance = read_table(results / "tables" / "acceptance.csv")
    flows = acceptance[acceptance.sampler == flow]
    assert set(flows.ensemble) == ensembles
    assert (flows.acceptance + 4 * flows.error >= TARGET).all()  # false alarms: 3e-5 each
    assert read_table(results / "tables" / "gates.csv").passed.all()
    for ensemble in ensembles:
        assert (results / "verify" / ensemble / f"{flow}.json").is_file()
    for name in FIGURES:
        assert (results / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG"), name
    drawn = [n for n in FIGURES if "Not drawn" not in (results / f"figures/{n}.txt").read_text()]
    assert {"table1", "tau_int", "greens", "cost_per_sample"} <= set(drawn)


def test_the_kinds_here_are_all_that_there_are():
    from lfmc.config.flow_sections import KINDS as built

    # Flows of other fields: tests/test_{u1,cpn,schwinger}_run.py, tests/test_workflow_spheres.py.
    elsewhere = {"decimation", "quenched", "sphere_couplings"}
    assert set(KINDS) | elsewhere == set(built)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_runs_here_in_its_dimensions(kind):
    """All but the default flow in two of them: tests/test_flows_exactness.py has every one."""
    from lfmc.config import parse_config

    here, exists = (
        KINDS[kind][0],
        tuple(parse_config(configuration(kind, 1)).flow.model.exists_in()),
    )
    assert set(here) <= set(exists)
    assert kind != AUTO or here == exists
    assert {d for dimensions, _ in KINDS.values() for d in dimensions} == set(SHAPES)
