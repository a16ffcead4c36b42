"""Checkpoints that are not of this code, torn or odd: training starts again, in one line."""

import logging

import pytest
import torch
from flows_small import SMALL, small

from lfmc.training.train import Trainer

pytestmark = pytest.mark.unit


def trainer(work, limit: int = 3) -> Trainer:
    training = {**SMALL["flow"]["training"], "max_steps": limit}
    config = small(flow={**SMALL["flow"], "targets": [0.99], "training": training})
    return Trainer(config, config.ensembles[0], work)


def finish(work, limit: int = 3):
    return trainer(work, limit).run(lambda state: None, lambda: False).state


def rewrite(path, change) -> None:
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)


OTHER, DAMAGED = "is of another version of lfmc", "is damaged"
CHANGES = {
    "a format of the past": (lambda c: c.pop("format"), OTHER),
    "a format of the future": (lambda c: c.update(format=99), OTHER),
    "an unknown key": (lambda c: c.update(before_seconds=1.0), OTHER),
    "a key that is missing": (lambda c: c.pop("kept"), OTHER),
    "another key": (lambda c: c.update(key="x"), "is of other settings"),
    "a step that is text": (lambda c: c.update(step="3"), DAMAGED),
    "a history that is a number": (lambda c: c.update(history=3), DAMAGED),
    "a method without a part": (lambda c: c["method"].pop("damping"), OTHER),
    "weights of another flow": (
        lambda c: c["method"]["weights"].update(extra=torch.zeros(1)),
        OTHER,
    ),
}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return finish(tmp_path_factory.mktemp("work"))


@pytest.mark.parametrize("name", CHANGES)
def test_a_checkpoint_that_is_not_this_trainings_starts_it_again(reference, tmp_path, caplog, name):
    finish(tmp_path, 1)
    change, reason = CHANGES[name]
    rewrite(tmp_path / "checkpoint.pt", change)
    with caplog.at_level(logging.WARNING):
        found = trainer(tmp_path)
    (record,) = caplog.records
    assert record.getMessage().endswith(f"checkpoint.pt {reason}; training starts again")
    assert found.state.step == 0
    state = found.run(lambda state: None, lambda: False).state
    assert all(
        torch.equal(value, reference.optimiser["weights"][key])
        for key, value in state.optimiser["weights"].items()
    )


@pytest.mark.parametrize("content", [[1, 2], "text", {"key": 3}, torch.zeros(3)])
def test_a_file_of_something_else_starts_again(tmp_path, caplog, content):
    tmp_path.mkdir(exist_ok=True)
    torch.save(content, tmp_path / "checkpoint.pt")
    with caplog.at_level(logging.WARNING):
        assert trainer(tmp_path).state.step == 0
    assert "training starts again" in caplog.text


def test_a_good_checkpoint_continues(tmp_path, caplog):
    finish(tmp_path, 1)
    assert trainer(tmp_path).state.step == 1
    assert not caplog.records
