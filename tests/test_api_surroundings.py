"""Claims about what calls leave alone: torch's and Python's global state, the disk."""

import logging
import random
import signal
import sys

import numpy as np
import pytest
import torch
from api_small import EASY, SMALL, small_model

import lfmc
from lfmc.api.surroundings import own_torch

pytestmark = pytest.mark.unit


def global_state():
    signals = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    return {
        "threads": torch.get_num_threads(),
        "random": torch.get_rng_state().tolist(),
        "dtype": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "device": torch.get_default_device(),
        "numpy": np.random.get_state()[1].tolist(),  # noqa: NPY002
        "errors": np.geterr(),
        "python": random.getstate(),
        "signals": signals,
        "logging": (logging.root.level, list(logging.root.handlers)),
        "arguments": list(sys.argv),
    }


CALLS = {
    "train": lambda: lfmc.train(SMALL, target=0.3, seed=3, progress=False),
    "train realnvp": lambda: missed(),
    "sample": lambda: lfmc.sample(small_model(), 400, seed=1, progress=False),
    "hmc": lambda: lfmc.hmc(EASY, chains=2, updates=20, seed=1, progress=False),
    "log_prob": lambda: lfmc.log_prob(small_model(), np.zeros((3, 16))),
    "log_Z": lambda: lfmc.log_Z(small_model(), samples=256),
    "build_flow": lambda: lfmc.build_flow(SMALL, "realnvp"),
}


def missed():
    flow = {"kind": "realnvp", "couplings": 2, "hidden": [8]}
    with pytest.raises(lfmc.TargetNotReached):
        lfmc.train(SMALL, 0.9, seed=1, flow=flow, max_steps=25, progress=False)


@pytest.mark.parametrize("name", CALLS)
def test_calls_leave_global_state_and_the_disk_alone(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    try:
        torch.set_num_threads(2)
        torch.set_default_dtype(torch.float64)
        with torch.no_grad():
            before = global_state()
            CALLS[name]()
            assert global_state() == before
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
    assert not list(tmp_path.iterdir())


def test_a_changed_state_is_noticed():
    before = global_state()
    torch.rand(1)
    assert global_state() != before


def test_results_do_not_depend_on_threads_or_precision_of_the_user():
    first = lfmc.log_prob(small_model(), np.ones((2, 16)))
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.set_default_dtype(torch.float64)
    try:
        flow = lfmc.build_flow(SMALL, "realnvp", seed=4).state_dict()
        assert (lfmc.log_prob(small_model(), np.ones((2, 16))) == first).all()
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(torch.float32)
    again = lfmc.build_flow(SMALL, "realnvp", seed=4).state_dict()
    assert all(torch.equal(again[key], value) for key, value in flow.items())


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupted_call_puts_everything_back(error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from lfmc.training.natural import NaturalGradient

    def interrupted(self, step):
        torch.rand(3)
        raise error

    monkeypatch.setattr(NaturalGradient, "advance", interrupted)
    before = global_state()
    with pytest.raises(error):
        lfmc.train(SMALL, 0.5, seed=1, progress=False)
    assert global_state() == before
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    assert lfmc.train(SMALL, 0.3, seed=1, progress=False).reached


def test_inference_mode_of_the_user_does_not_reach_training():
    with torch.inference_mode():
        assert lfmc.train(SMALL, 0.3, seed=3, progress=False).reached


def test_nothing_is_printed_without_progress(capfd):
    lfmc.train(SMALL, 0.3, seed=3, progress=False)
    lfmc.hmc(EASY, chains=2, updates=20, seed=1, progress=False)
    assert capfd.readouterr() == ("", "")


def test_own_torch_restores_after_changes():
    before = global_state()
    with own_torch():
        torch.manual_seed(9)
        assert torch.get_num_threads() == 1
    assert global_state() == before
