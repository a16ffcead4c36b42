"""Every kind of flow learns a small lattice from its default settings, in a number of steps."""

from pathlib import Path

import pytest
from flows_small import small

from lfmc.config.flow_sections import KINDS
from lfmc.flows.build import load_flow, save_flow
from lfmc.flows.exactness import log_q_error
from lfmc.training.train import Trainer

pytestmark = pytest.mark.unit

MODELS = {
    "realnvp": {"kind": "realnvp", "couplings": 6, "hidden": [32], "prior": "variational"},
    "convolutional": {"kind": "convolutional", "couplings": 4},
    "spline": {"kind": "spline", "couplings": 2, "hidden": [8]},
    "multiscale": {"kind": "multiscale", "rounds": 1},
    "continuous": {"kind": "continuous", "steps": 8},
    "heatbath": {"kind": "heatbath", "layers": 2, "table": 128},
}
ERROR = {"continuous": 1e-3}


def test_every_kind_is_here():
    # of other fields: test_*_run
    elsewhere = {"decimation", "quenched", "hierarchy", "sphere_couplings"}
    assert set(MODELS) | elsewhere == set(KINDS)


@pytest.mark.parametrize("kind", MODELS)
def test_training_reaches_half_and_its_model_is_exact(kind, tmp_path: Path):
    training = {"batch": 256, "check_samples": 1024, "decide_samples": 2048, "max_steps": 3000}
    config = small(flow={"model": MODELS[kind], "targets": [0.5], "training": training})
    trainer = Trainer(config, config.ensembles[0], tmp_path)
    state = trainer.run(lambda state: None, lambda: False).state
    (passed,) = state.passed
    assert min(passed["acceptance_q"], passed["acceptance_p"]) >= 0.5
    path = tmp_path / "flow-50.safetensors"
    save_flow(path, passed["weights"], config.flow, config.ensembles[0])
    flow = load_flow(path, config.ensembles[0])
    assert log_q_error(flow, samples=4) < ERROR.get(kind, 1e-9)
