"""Claims about `best` for estimates by weights: what is counted, and when a training ends."""

import numpy as np
import pytest

from lfmc.training.cheapest import (
    FEW,
    UNEXPLAINED,
    chain_tau,
    cheaper,
    exhausted,
    proposals_per_value,
    training_cost,
)

pytestmark = pytest.mark.unit


def test_by_weights_best_counts_proposals_of_an_independent_value():
    """1/ESS, and 1/ESS - 1 of what control variates follow; of an unresolved one its variance's."""
    log_weight = np.random.default_rng(1).normal(size=4096) * 0.6
    weight = np.exp(log_weight)
    inverse = 4096 * (weight @ weight) / weight.sum() ** 2
    found = {by: proposals_per_value(log_weight, by) for by in ("chain", "weights", "controls")}
    assert found["weights"] == pytest.approx(inverse)
    assert found["controls"] == pytest.approx(inverse - 1 + UNEXPLAINED)
    assert found["chain"] == 2 * chain_tau(log_weight)
    heavy = 2.0 * log_weight / log_weight.std()
    assert proposals_per_value(heavy, "weights") == pytest.approx(np.exp(4.0))


def test_by_weights_a_training_ends_after_fewer_checks_of_new_models():
    best = {"cost": 5.0, "since": 0}
    for k in range(FEW):
        assert not exhausted(best, 1.0, "controls")
        best = cheaper(cheaper(best, {"cost": 6.0}), {"cost": 7.0}, counted=False)
        assert best["since"] == k + 1
    assert exhausted(best, 1.0, "controls")
    assert not exhausted(best, 1.0)
    # As measured at L = 14 and 32, for steps of 1024 samples and of 8192.
    assert training_cost(1, 1024, 196, "weights") == pytest.approx(9900, rel=0.02)
    assert training_cost(1, 1024, 1024, "weights") == pytest.approx(6000, rel=0.02)
    assert training_cost(1, 8192, 1024, "controls") == pytest.approx(20_000, rel=0.02)
