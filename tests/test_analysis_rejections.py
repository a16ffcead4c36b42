"""tau_acc from rejection runs and from importance weights."""

import numpy as np
import pytest
from analysis_synthetic import independence_chain
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erfcinv
from scipy.stats import norm

from lfmc.analysis.gamma_method import integrated_time
from lfmc.analysis.rejections import (
    acceptance_error,
    acceptance_time,
    jensen_bound,
    rejection_runs,
)
from lfmc.analysis.weights import weight_time
from lfmc.errors import LfmcError
from lfmc.weights import leaving_probability

# acceptance -> tau_int, bound, of Gaussian log weights
GAUSSIAN = [
    (0.9, 0.62, 0.61),
    (0.8, 0.81, 0.75),
    (0.7, 1.09, 0.93),
    (0.6, 1.57, 1.17),
    (0.5, 2.45, 1.50),
    (0.4, 4.3, 2.0),
]


def gaussian_log_weights(acceptance, count):
    """Quantiles of the normal log w whose independence chain accepts with this probability."""
    spread = 2 * erfcinv(acceptance)
    return spread * norm.ppf((np.arange(count) + 0.5) / count)


def flags_of(index, replicas):
    """Rejected transitions, (replicas, states - 1), of an expanded chain of indices."""
    states = index.reshape(replicas, -1)
    return states[:, 1:] == states[:, :-1]


@pytest.mark.unit
@pytest.mark.parametrize(("acceptance", "tau", "bound"), GAUSSIAN)
def test_weights_give_the_gaussian_table(acceptance, tau, bound):
    """10^6 quantiles: within the table's last digit and 1 % of truncated tail."""
    found = weight_time(gaussian_log_weights(acceptance, 10**6))
    assert found.value == pytest.approx(tau, rel=0.01, abs=0.006)
    assert jensen_bound(acceptance, 0.0).value == pytest.approx(bound, abs=0.006)
    assert bound <= tau


@pytest.mark.unit
@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40))
def test_leaving_probability_is_the_double_sum(log_weight):
    ordered = np.sort(np.array(log_weight))
    ratio = np.minimum(1.0, np.exp(ordered[None, :] - ordered[:, None]))
    np.testing.assert_allclose(leaving_probability(ordered, ordered), ratio.mean(1), rtol=1e-9)


@pytest.mark.unit
def test_huge_log_weights_do_not_overflow():
    spread = gaussian_log_weights(0.7, 1000)
    assert weight_time(spread + 5000.0).value == pytest.approx(weight_time(spread).value)


@pytest.mark.unit
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_weights_are_refused(bad):
    with pytest.raises(LfmcError, match="NaN or \\+inf"):
        weight_time(np.append(np.zeros(100), bad))
    with pytest.raises(LfmcError, match="at least 40"):
        weight_time(np.zeros(5))


@pytest.mark.stat
@pytest.mark.parametrize(("acceptance", "tau"), [(0.7, 1.09), (0.5, 2.45)])
def test_rejections_weights_and_gamma_agree_where_the_observable_ignores_the_weight(
    acceptance, tau
):
    """3 x 2 numbers at 4 sigma: false-alarm rate 4e-4; tau from the runs of 2 10^5 states."""
    rng = np.random.default_rng(int(100 * acceptance))
    log_weight = rng.normal(0, 2 * erfcinv(acceptance), size=200_000)
    index, multiplicity, _ = independence_chain(log_weight, rng)
    states = np.repeat(index, multiplicity)
    rejected = flags_of(states, 10)
    runs = acceptance_time(rejected)
    assert abs(runs.value - tau) < 4 * runs.error + 0.005
    weights = weight_time(log_weight)
    assert abs(weights.value - tau) < 4 * weights.error + 0.005
    blind = rng.normal(size=200_000)[states].reshape(10, -1)
    gamma = integrated_time(blind)
    assert abs(gamma.value - runs.value) < 4 * np.hypot(gamma.error, runs.error)
    error = acceptance_error(rejected)
    assert abs(1 - rejected.mean() - acceptance) < 4 * error
    assert 0.5e-3 < error < 3e-3
    # negative control: a geometric distribution of runs gives the Jensen bound, which is too low
    assert jensen_bound(acceptance, 0.0).value < runs.value - 4 * runs.error


@pytest.mark.stat
def test_rejections_miss_what_the_weight_selects():
    """p = N(0,1), q = N(0, 0.8^2): acceptance 0.86, tau of rejections 0.83. The tau of x^2, which
    is correlated with rare large weights, is several times that (4.6 for long chains)."""
    rng = np.random.default_rng(86)
    x = 0.8 * rng.normal(size=400_000)
    index, multiplicity, _ = independence_chain(-(x**2) / 2 + x**2 / (2 * 0.64), rng)
    states = np.repeat(index, multiplicity)
    assert 1 - flags_of(states, 10).mean() == pytest.approx(0.86, abs=0.01)
    assert acceptance_time(flags_of(states, 10)).value == pytest.approx(0.83, abs=0.1)
    assert integrated_time((x[states] ** 2).reshape(10, -1)).value > 2.0


@pytest.mark.unit
def test_runs_of_a_known_chain():
    """R = rejected: RR.R... and .RRR..R"""
    rejected = np.array([[1, 1, 0, 1, 0, 0, 0], [0, 1, 1, 1, 0, 0, 1]], dtype=bool)
    runs = rejection_runs(rejected)
    assert runs.length.tolist() == [2, 1, 3, 1]
    assert runs.histogram.tolist() == [0, 2, 1, 1]
    assert runs.longest == 3
    assert runs.replica.tolist() == [0, 0, 1, 1]
    assert runs.start.tolist() == [0, 3, 1, 6]


@pytest.mark.unit
@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 60), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_runs_hold_every_rejection(replicas, transitions, seed, probability):
    rejected = np.random.default_rng(seed).random((replicas, transitions)) < probability
    runs = rejection_runs(rejected)
    assert runs.length.sum() == rejected.sum()
    assert (runs.histogram * np.arange(len(runs.histogram))).sum() == rejected.sum()
    expected = 0.5 + (runs.length * (runs.length + 1) / 2).sum() / rejected.size
    assert acceptance_time(rejected).value == pytest.approx(expected)


@pytest.mark.unit
def test_chain_that_never_rejects_has_tau_one_half():
    assert acceptance_time(np.zeros((3, 50), dtype=bool)) == (0.5, 0.0, 0)
