"""Claims about the workflow: samplers that drive flux go from their configuration to the report.

The default samplers of CP^(N-1) leave them out, so no other run of the DAG has them.
"""

import json
import subprocess
import sys

import pytest
import yaml

from lfmc.table_files import read_table

pytestmark = pytest.mark.workflow

SAMPLERS = ["overrelaxation", "flux", "flux-tuned"]
SEEDS = (1, 2)


def configuration(seed):
    return {
        "seed": seed,
        "ensembles": [
            {"name": "A", "L": 4, "theory": {"kind": "cpn_auxiliary", "N": 3, "beta": 0.8}},
        ],
        "statistics": {"configurations": 4000, "save_every": 2, "replicas": 40, "keep_fields": 40},
        "samplers": {"run": SAMPLERS},
        "flow": {"targets": []},
        "fit": {"L": []},
    }


def gates_passed(root, folder, seed):
    """Run the workflow to its report; False where it stops at failed gates."""
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(configuration(seed)))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile")]
    done = subprocess.run(
        [*command, "--cores", "2"], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode and "gates failed" in done.stderr:
        return False
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return True


def test_both_drives_of_flux_go_through_the_whole_workflow(root, tmp_path):
    """The gates of a right run fail in about 1 of 100 tables; a second seed must then pass."""
    seed = next(seed for seed in SEEDS if gates_passed(root, tmp_path / str(seed), seed))
    results = tmp_path / str(seed) / "results"

    gates = read_table(results / "tables" / "gates.csv")
    assert gates.passed.all()
    assert {"schwinger_dyson", "agreement"} <= set(gates.gate)
    costs = read_table(results / "tables" / "costs.csv")
    assert set(costs.sampler) == set(SAMPLERS)
    times = read_table(results / "tables" / "tau_int.csv")
    assert set(times[times.observable == "Q"].sampler) == set(SAMPLERS)
    verified = {path.stem for path in (results / "verify" / "A").glob("*.json")}
    assert verified == set(SAMPLERS)

    program = json.loads((results / "tune" / "A.json").read_text())["flux-tuned"]
    assert program["seconds"] > 0
    assert len(program["scan"]) > 1

    assert (results / "figures" / "spins_topology.png").is_file()
    assert "flux-tuned" in (results / "summary.md").read_text()
