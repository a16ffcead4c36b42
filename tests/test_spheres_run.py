"""O(N) spins through training and proposals: both acceptances, and the same bits on any ranks."""

import subprocess

import h5py
import numpy as np
import pytest
import torch
import yaml
from flows_small import PATIENCE, environment, lfmc

from lfmc.config import parse_config
from lfmc.flows.build import load_flow, save_flow
from lfmc.flows.exactness import log_q_error
from lfmc.training.train import Trainer

RAW = {
    "seed": 5,
    "results": "results",
    "ensembles": [{"name": "H4", "L": 4, "theory": {"kind": "spheres", "N": 3, "beta": 0.9}}],
    "statistics": {"configurations": 2000, "save_every": 5, "replicas": 40, "keep_fields": 50},
    "samplers": ["wolff"],
    "flow": {
        "model": {"kind": "hierarchy"},
        "targets": [0.8],
        "models": 1,
        "training": {"check_samples": 1024, "decide_samples": 4096},
    },
    "propose": {"block": 400},
    "accept": {"replicas": 4, "burn_in": 20},
}


@pytest.mark.unit
def test_a_training_passes_its_target_on_both_sides_and_is_saved(tmp_path):
    config = parse_config(RAW)
    (ensemble,) = config.ensembles
    trainer = Trainer(config, ensemble, tmp_path)
    (passed,) = trainer.run(lambda state: None, lambda: False).state.passed
    assert min(passed["acceptance_q"], passed["acceptance_p"]) >= 0.8
    path = tmp_path / "flow-80.safetensors"
    save_flow(path, passed["weights"], config.flow, ensemble)
    flow = load_flow(path, ensemble)
    assert log_q_error(flow) is None  # tests/test_spheres_flow.py has the Jacobian
    z = flow.base.tensor(torch.Generator().manual_seed(1), 100, torch.float64)
    phi, log_q = flow(z)
    assert float((flow.log_q(phi) - log_q).abs().max()) < flow.inverse_tolerance


@pytest.mark.mpi
def test_proposals_do_not_depend_on_the_number_of_ranks(tmp_path):
    (tmp_path / "on.yaml").write_text(yaml.safe_dump(RAW))

    def done(*arguments, ranks=0):
        command = lfmc(arguments[0], "--config", "on.yaml", "--ensemble", "H4", *arguments[1:])
        command = ["mpiexec", "-n", str(ranks), *command] if ranks else command
        found = subprocess.run(
            command, cwd=tmp_path, env=environment(), capture_output=True, text=True,
            timeout=PATIENCE,
        )  # fmt: skip
        assert found.returncode == 0, found.stdout + found.stderr

    done("train")
    found = []
    for ranks, folder in ((0, "one"), (2, "two")):
        done("propose", "--sampler", "flow-80", ranks=ranks)
        with h5py.File(tmp_path / "results/propose/H4/flow-80.h5") as file:
            found.append([file[name][()] for name in ("log_q", "S", "fields/phi", "fields/prior")])
        (tmp_path / "results/propose").rename(tmp_path / folder)
    assert len(found[0][0]) >= 2000
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)
