"""Acceptance from log weights: against all pairs, against Gaussian weights, against a lost mode."""

import numpy as np
import pytest
from scipy.special import erfc

from lfmc.errors import LfmcError
from lfmc.training.acceptance import (
    acceptance_from_model,
    acceptance_from_target,
    effective_sample_size,
)

pytestmark = pytest.mark.unit


def test_both_estimators_are_the_mean_over_all_pairs():
    random = np.random.default_rng(1)
    model, target = random.normal(0, 2, 300), random.normal(1, 2, 200)
    w = np.exp(model)
    pairs = np.minimum(w[:, None], w[None]).sum() / (len(w) * w.sum())
    assert acceptance_from_model(model, 4).value == pytest.approx(pairs, rel=1e-12)
    ratio = np.minimum(1, np.exp(model[None] - target[:, None])).mean()
    assert acceptance_from_target(target, model, 4).value == pytest.approx(ratio, rel=1e-12)


def test_estimators_survive_huge_log_weights():
    model = np.array([-900.0, 0.0, 800.0, 801.0])
    target = np.array([-2000.0, 2000.0, 800.5])
    expected = (0 + np.exp(-0.5) + 1) / 4
    rate = (1 + 0 + expected) / 3
    assert acceptance_from_target(target, model, 2).value == pytest.approx(rate)
    assert 0 < acceptance_from_model(model, 2).value < 1


@pytest.mark.stat
@pytest.mark.parametrize("sigma", [0.545, 0.954, 1.47])
def test_gaussian_weights_accept_erfc_of_half_sigma(sigma):
    """If log w ~ N(0, sigma^2) under q it is N(sigma^2, sigma^2) under p: acceptance erfc(sigma/2).

    Two estimates at 4 of their own errors: false-alarm rate below 1e-3 (16 blocks).
    """
    random = np.random.default_rng(5)
    model = random.normal(0, sigma, 100_000)
    target = random.normal(sigma**2, sigma, 100_000)
    for estimate in (acceptance_from_model(model), acceptance_from_target(target, model)):
        assert abs(estimate.value - erfc(sigma / 2)) < 4 * estimate.error
    assert effective_sample_size(model) == pytest.approx(np.exp(-(sigma**2)), rel=0.1)


@pytest.mark.stat
def test_a_lost_mode_is_seen_only_from_the_target():
    """Half of p lies where q is 1e-9 of it; the model's own samples never go there.

    No chance is involved: the two differ by a factor of two, 50 errors.
    """
    random = np.random.default_rng(8)
    model = random.normal(0, 0.3, 20_000)
    kept, lost = random.normal(0.09, 0.3, 10_000), np.full(10_000, np.log(1e9))
    own = acceptance_from_model(model).value
    seen = acceptance_from_target(random.permutation(np.concatenate([kept, lost])), model).value
    assert own > 0.8
    assert seen < 0.55 * own


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(bad):
    log_weight = np.zeros(100)
    log_weight[17] = bad
    with pytest.raises(LfmcError, match="index 17"):
        acceptance_from_model(log_weight)
    with pytest.raises(LfmcError, match="1 of 100"):
        effective_sample_size(log_weight)
