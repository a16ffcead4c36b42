"""A further model of an ensemble: the training of the next seed, and a short chain of it."""

import subprocess

import pytest
from flows_small import environment, lfmc, small, write_small

from lfmc.table_files import read_table
from lfmc.training.train import Trainer

pytestmark = pytest.mark.unit


def test_retrained_model_is_that_of_the_next_seed(tmp_path):
    flow = {**small().flow.model_dump(mode="json"), "retrain_configurations": 3000}
    config = write_small(tmp_path, flow=flow)
    common = ("--config", str(config), "--ensemble", "T4")
    options = {"cwd": tmp_path, "env": environment(), "capture_output": True, "text": True}
    run = subprocess.run(lfmc("retrain", *common, "--model", "1"), **options)
    assert run.returncode == 0, run.stderr
    again = subprocess.run(lfmc("train", *common), **options)
    assert again.returncode == 0, again.stderr
    cost = read_table(tmp_path / "results/retrain/T4/model-1-training.csv")
    assert set(cost.seed) == {12}
    same = small(seed=12, flow=flow)
    trained = Trainer(same, same.ensembles[0], tmp_path / "work")
    steps = [p["steps"] for p in trained.run(lambda s: None, lambda: False).state.passed]
    assert cost.steps.tolist() == steps
    times = read_table(tmp_path / "results/retrain/T4/model-1.csv")
    assert set(times.sampler) == {"flow-50", "flow-70"}
    assert set(times.model) == {1}
    accepted = times[(times.observable == "acc") & (times.estimator == "rejections")]
    assert (accepted.tau > 0.5).all()
