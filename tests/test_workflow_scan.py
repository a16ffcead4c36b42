"""Claims about a scan of a coupling through the whole workflow: every figure drawn, or why not."""

import subprocess
import sys

import numpy as np
import pytest
import yaml

from lfmc.table_files import read_table

pytestmark = pytest.mark.workflow

LAM = (5.0, 6.0, 7.0)
CONFIG = {
    "seed": 3,
    "results": "results",
    "ensembles": [{"name": f"S{k}", "L": 4, "m2": -4.0, "lam": lam} for k, lam in enumerate(LAM)],
    "samplers": {
        "run": ["hmc", "cluster"],
        "hmc": {"steps": 4, "thermalisation": 100},
        "cluster": {"thermalisation": 100},
    },
    "statistics": {"configurations": 3200, "save_every": 2, "replicas": 8, "keep_fields": 20},
    "flow": {"targets": []},
}
WITHOUT = {"training_cost", "training_quality", "tau_ratio"}


def test_a_scan_goes_from_its_configuration_to_figures_and_report(tmp_path):
    """Fixed seed; where bits differ, the gates make one false alarm in a hundred runs."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    command = [sys.executable, "-m", "lfmc.cli.main", "run", "--cores", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    results = tmp_path / "results"
    captions = {path.stem: path.read_text() for path in (results / "figures").glob("*.txt")}
    left_out = {name for name, text in captions.items() if text.startswith("Not drawn: ")}
    assert left_out == WITHOUT
    assert all(len(captions[name].split()) > 3 for name in left_out)
    for name in ("tau_int", "tau_int_update", "chi2_energy", "cost_per_sample"):
        assert "against lam at L = 4" in captions[name]
    assert "No fit of a power of L: all ensembles have L = 4." in captions["tau_int"]
    assert not len(read_table(results / "tables" / "exponents.csv"))
    table = read_table(results / "tables" / "observables.csv")
    chi2 = table[(table.observable == "chi2") & (table.sampler == "cluster")].set_index("ensemble")
    values, errors = (chi2[c].loc[["S0", "S1", "S2"]].to_numpy() for c in ("value", "error"))
    # A larger lam is more symmetric; the differences are 6 errors or more, false alarms 1e-4.
    assert (values[:-1] - values[1:] > 2 * np.hypot(errors[:-1], errors[1:])).all()
    text = (results / "report.html").read_text()
    assert "against lam at L = 4" in text
    assert f"report: {results.name}/report.html" in done.stdout
