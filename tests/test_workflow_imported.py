"""Claims about imported chains in the whole workflow: like samplers, and wrong ones are caught."""

import subprocess
import sys

import numpy as np
import pytest
import yaml

import lfmc
from lfmc.analysis.autocorrelation import autocorrelation_rows
from lfmc.analysis.binned import bin_chain
from lfmc.analysis.measurement import COUNTED, measurement_rows
from lfmc.table_files import read_table

pytestmark = pytest.mark.workflow

LAM = 6.975
CONFIG = {
    "seed": 3,
    "ensembles": [{"name": "A", "L": 4, "m2": -4.0, "lam": LAM}],
    "samplers": {"run": ["hmc"], "hmc": {"steps": 4, "thermalisation": 100}},
    "statistics": {"configurations": 3200, "save_every": 2, "replicas": 8, "keep_fields": 20},
    "flow": {"targets": []},
}
COSTS = {"tau_int_update", "cost_per_sample", "cheapest", "rejection_runs"}
OF_FLOWS = {"training_cost", "training_quality", "tau_ratio"}


def another_chain(path, lam):
    """A chain of hmc, every saved configuration of it a field of a file (8, 400, 4, 4)."""
    chain = lfmc.hmc(
        lfmc.Phi4((4, 4), m2=-4.0, lam=lam), chains=8, updates=2000, save_every=5,
        keep_fields=3200, seed=8, progress=False,
    )  # fmt: skip
    order = np.lexsort((chain.update, chain.replica))
    np.save(path, chain.fields[order].reshape(8, 400, 4, 4))
    return chain.record


def run(folder, **changes):
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG | changes))
    command = [sys.executable, "-m", "lfmc.cli.main", "run", "--cores", "2"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of hmc alone, its bytes, and then the same with an imported chain."""
    folder = tmp_path_factory.mktemp("imported")
    record = another_chain(folder / "given.npy", LAM)
    alone = run(folder)
    assert alone.returncode == 0, (alone.stdout + alone.stderr)[-5000:]
    made = {
        path: path.read_bytes() for path in (folder / "results").rglob("*.h5") if path.is_file()
    }
    done = run(folder, imported={"elsewhere": {"A": "given.npy"}})
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    return folder, record, made, done


def test_an_imported_chain_is_in_the_tables_with_its_values_and_times(finished):
    folder, record, _, _ = finished
    tables = folder / "results" / "tables"
    table = read_table(tables / "observables.csv")
    found = table[table.sampler == "elsewhere"].set_index("observable")
    wanted = measurement_rows(record, bin_chain(record))
    compared = [row for row in wanted if row["observable"] not in (*COUNTED, "expdH", "bins_m")]
    assert len(compared) > 10
    for row in compared:  # tables are rounded: to a thousandth of the error
        value, error = found.value[row["observable"]], found.error[row["observable"]]
        assert value == pytest.approx(row["value"], abs=5e-3 * row["error"], nan_ok=True)
        assert error == pytest.approx(row["error"], rel=5e-3, nan_ok=True)
    times = read_table(tables / "tau_int.csv")
    times = times[times.sampler == "elsewhere"]
    assert set(times.unit) == {"saved", "none"}
    gamma = times[times.estimator == "gamma"].set_index("observable")
    for row in autocorrelation_rows(record):
        if (row["estimator"], row["unit"]) == ("gamma", "saved"):
            assert gamma.tau[row["observable"]] == pytest.approx(row["tau"], rel=1e-2)
    costs = read_table(tables / "costs.csv")
    assert set(costs.sampler) == {"hmc"}
    gates = read_table(tables / "gates.csv")
    assert gates.passed.all()  # fixed seeds; where bits differ, one false alarm in a hundred runs
    assert {"hmc|elsewhere", "elsewhere"} <= set(gates.sampler)


def test_an_imported_chain_is_in_figures_summary_and_report(finished):
    folder, _, _, done = finished
    results = folder / "results"
    captions = {path.stem: path.read_text() for path in (results / "figures").glob("*.txt")}
    assert {n for n, text in captions.items() if text.startswith("Not drawn")} == OF_FLOWS
    unknown = "Left out, updates of imported chains and their cost are not known: elsewhere."
    assert {name for name, text in captions.items() if unknown in text} == COSTS
    assert "elsewhere" in captions["chi2_energy"] or "hmc" in captions["chi2_energy"]
    rows = [r for r in (results / "summary.md").read_text().splitlines() if r.startswith("| A ")]
    (row,) = (r for r in rows if "elsewhere" in r)
    assert row.count(" - ") >= 4  # updates, seconds, acceptance, cost
    assert "(" in row
    assert "elsewhere" in (results / "report.html").read_text()
    assert "elsewhere" in (results / "summary.tex").read_text()
    assert (results / "verify" / "A" / "elsewhere.json").is_file()
    assert "import A elsewhere" in done.stdout + done.stderr


def test_an_import_recomputes_no_other_chain(finished):
    _, _, made, done = finished
    assert len(made) >= 2
    assert all(path.read_bytes() == whole for path, whole in made.items())
    assert not [line for line in done.stderr.splitlines() if line.endswith(" hmc A")]


def test_a_run_of_imported_chains_alone_goes_to_its_figures(tmp_path):
    another_chain(tmp_path / "given.npy", LAM)
    done = run(tmp_path, samplers=[], imported={"elsewhere": {"A": "given.npy"}})
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    captions = {p.stem: p.read_text() for p in (tmp_path / "results" / "figures").glob("*.txt")}
    left_out = {name for name, text in captions.items() if text.startswith("Not drawn")}
    assert left_out == OF_FLOWS | COSTS
    assert "and there are no others" in captions["cost_per_sample"]


def test_an_imported_chain_of_another_coupling_fails_the_gates(tmp_path):
    """The negative control: it disagrees with hmc and with the Schwinger-Dyson identity."""
    another_chain(tmp_path / "given.npy", 1.2 * LAM)
    done = run(tmp_path, imported={"wrong": {"A": "given.npy"}})
    assert done.returncode != 0
    printed = done.stdout + done.stderr
    assert "schwinger_dyson A wrong sd = " in printed
    assert "agreement A hmc|wrong phi2 = " in printed
    assert not (tmp_path / "results" / "figures" / "chi2_energy.png").exists()
