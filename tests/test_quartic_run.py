"""A phi^4 field by the hierarchy through the stages: training, chain, verification, gates."""

from pathlib import Path

import pytest
import yaml
from stages import stage_runner

from lfmc.table_files import read_table

RAW = {
    "seed": 5,
    "results": "results",
    "ensembles": [{"name": "H4", "L": 4, "d": 2, "m2": -4.0, "lam": 6.975}],
    "statistics": {"configurations": 6400, "save_every": 2, "replicas": 32, "keep_fields": 50},
    "samplers": {"run": ["cluster"]},
    "flow": {
        "model": {"kind": "hierarchy"},
        "targets": [0.8],
        "models": 1,
        "training": {"check_samples": 1024, "decide_samples": 2048},
    },
    "propose": {"block": 400},
    "accept": {"replicas": 4, "burn_in": 20},
    "fit": {"L": []},
}


done = stage_runner("quartic.yaml")


@pytest.mark.workflow
def test_every_stage_and_gate_of_a_small_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("quartic.yaml").write_text(yaml.safe_dump(RAW))
    of_flow = ("--ensemble", "H4", "--sampler", "flow-80")
    for stage in ("tune", "train", "cluster"):
        done(stage, "--ensemble", "H4")
    done("propose", *of_flow)
    done("accept", *of_flow)
    for sampler in ("cluster", "flow-80"):
        for stage in ("measure", "autocorrelation", "verify"):
            done(stage, "--ensemble", "H4", "--sampler", sampler)
    done("fit")
    done("gates")
    gates = read_table(Path("results/tables/gates.csv"))
    assert gates.passed.all()
    assert {"schwinger_dyson", "symmetry", "agreement"} <= set(gates.gate)
    trained = read_table(Path("results/train/H4/training.csv"))
    assert (trained[["acceptance_q", "acceptance_p"]] >= 0.8).all(axis=None)
