"""Claims about where trainings and chains start: a model, given fields, a device."""

import numpy as np
import pytest
import torch
from api_small import SMALL, Scaled, small_model

import lfmc
from lfmc.samplers.state import cold_start, fields, started_from

pytestmark = pytest.mark.unit

LARGER = lfmc.Phi4((6, 6), m2=-4.0, lam=6.975)


def test_a_training_starts_from_a_model_of_another_lattice():
    """Its first check is of the transferred parameters; a start at new ones has another loss."""
    warm = lfmc.train(LARGER, 0.5, seed=1, start=small_model(), progress=False)
    cold = lfmc.train(LARGER, 0.5, seed=1, progress=False)
    assert warm.history[0]["loss"] != cold.history[0]["loss"]
    assert warm.reached
    assert warm.steps <= cold.steps
    assert warm.seconds > small_model().seconds  # those of the start count


def test_a_training_that_missed_its_target_continues_from_its_model():
    with pytest.raises(lfmc.TargetNotReached) as missed:
        lfmc.train(LARGER, 0.99, seed=1, max_steps=1, progress=False)
    model = missed.value.model
    continued = lfmc.train(LARGER, 0.5, seed=2, start=model, progress=False)
    assert continued.reached
    assert continued.seconds > model.seconds


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": "model"}, "start is a Model of the heat-bath flow"),
        ({"flow": Scaled(), "start": "model"}, "a flow of your own starts from its parameters"),
        ({"flow": {"kind": "realnvp"}, "start": small_model}, "needs flow.model.kind: heatbath"),
        ({"device": "tpu"}, "device 'tpu'; there are cpu, cuda, auto"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(arguments, message):
    start = arguments.get("start")
    given = arguments | ({"start": start()} if callable(start) else {})
    with pytest.raises(lfmc.LfmcError, match=message):
        lfmc.train(SMALL, 0.5, seed=1, progress=False, **given)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_one_clear_error():
    for call in (
        lambda: lfmc.train(SMALL, 0.5, seed=1, device="cuda", progress=False),
        lambda: lfmc.sample(small_model(), 1000, seed=1, device="cuda", progress=False),
    ):
        with pytest.raises(lfmc.LfmcError, match=r"device cuda: torch .* finds no GPU"):
            call()


def test_a_gpu_is_taken_only_where_there_is_one():
    chain = lfmc.sample(small_model(), 1000, seed=1, device="auto", progress=False)
    other = lfmc.sample(small_model(), 1000, seed=1, progress=False)
    if not torch.cuda.is_available():
        np.testing.assert_array_equal(chain.log_weight, other.log_weight)
    assert next(small_model().flow.parameters()).device.type == "cpu"


def test_every_chain_starts_from_its_field():
    given = np.arange(3 * 16.0).reshape(3, 16)
    state = started_from(cold_start(lfmc.Phi4((4, 4), -4.0, 6.0), 1, range(40), "hmc"), given)
    np.testing.assert_array_equal(fields(state), given[np.arange(40) % 3])


def test_chains_from_given_fields_measure_the_same():
    """chi2 from samples of a model and from a cold start, within 4.5 errors: by chance beyond once
    in 1.5e5. The other lattice's chi2 must fail."""
    start = lfmc.draw(small_model(), 64, seed=5).phi
    arguments = {"chains": 32, "updates": 2000, "progress": False}
    one = lfmc.hmc(SMALL, start=start.reshape(64, 4, 4), seed=3, **arguments)
    two, other = lfmc.hmc(SMALL, seed=4, **arguments), lfmc.hmc(LARGER, seed=4, **arguments)
    assert not np.array_equal(one.fields, lfmc.hmc(SMALL, seed=3, **arguments).fields)
    chi2 = [lfmc.measure(chain).chi2 for chain in (one, two, other)]
    off = [abs(chi2[0].value - c.value) / np.hypot(chi2[0].error, c.error) for c in chi2[1:]]
    assert off[0] < 4.5 < off[1]


def test_fields_of_another_lattice_are_no_start():
    with pytest.raises(lfmc.LfmcError, match=r"start has the shape \(2, 36\)"):
        lfmc.hmc(SMALL, updates=10, seed=1, start=np.zeros((2, 36)), progress=False)
