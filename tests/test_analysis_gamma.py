"""Integrated autocorrelation times against chains whose tau is known."""

import numpy as np
import pytest
from analysis_synthetic import autoregressive
from hypothesis import given, settings
from hypothesis import strategies as st

from lfmc.analysis.gamma_method import autocovariance, integrated_time
from lfmc.errors import LfmcError


def per_replica_time(series, window=None):
    """Negative control: each replica centred on its own mean, or the window nailed."""
    centred = series - series.mean(1, keepdims=True) + 0.0
    lags = series.shape[1] // 2
    gamma = np.array(
        [(centred[:, : series.shape[1] - t] * centred[:, t:]).mean() for t in range(lags)]
    )
    running = 0.5 + np.concatenate([[0.0], np.cumsum(gamma[1:] / gamma[0])])
    return running[window if window else integrated_time(series).window]


@pytest.mark.stat
@pytest.mark.parametrize(
    ("replicas", "length", "tau"),
    [(1, 200_000, 10.0), (16, 20_000, 3.0), (128, 2_000, 1.0), (100, 200, 10.0)],
)
def test_tau_of_an_autoregressive_chain(replicas, length, tau):
    """Within 4 of its errors and 10 %; 4 numbers at 4 sigma: false-alarm rate 3e-4."""
    rng = np.random.default_rng(replicas + length)
    found = integrated_time(autoregressive(rng, replicas, length, tau) + 7.0)
    assert abs(found.value - tau) < 4 * found.error
    assert found.error < 0.1 * tau


@pytest.mark.stat
def test_error_of_tau_is_the_scatter_of_tau():
    """40 chains of tau 5: pulls have variance 1 within 60 % (chi2_40: false-alarm rate 2e-3)."""
    rng = np.random.default_rng(40)
    found = [integrated_time(autoregressive(rng, 4, 5000, 5.0)) for _ in range(40)]
    pull = np.array([(f.value - 5.0) / f.error for f in found])
    assert 0.4 < (pull**2).mean() < 1.6


@pytest.mark.stat
def test_tau_of_two_time_scales():
    """Sum of AR(1) of tau 2 and 30 with variances 1 and 1: tau 16; 4 sigma, rate 6e-5."""
    rng = np.random.default_rng(3)
    series = autoregressive(rng, 20, 20_000, 2.0) + autoregressive(rng, 20, 20_000, 30.0)
    found = integrated_time(series)
    assert abs(found.value - 16.0) < 4 * found.error


@pytest.mark.stat
def test_centring_each_replica_on_its_own_mean_is_caught():
    """The negative control of the 100 x 200 case misses tau = 10 by more than 4 errors.

    It gives about 7.
    """
    series = autoregressive(np.random.default_rng(300), 100, 200, 10.0)
    good = integrated_time(series)
    assert abs(good.value - 10.0) < 4 * good.error
    assert per_replica_time(series) < 10.0 - 4 * good.error


@pytest.mark.stat
def test_window_of_one_is_caught():
    """The negative control with window 1 gives 1/2 + rho(1) = 1.4 for tau 10."""
    series = autoregressive(np.random.default_rng(5), 4, 20_000, 10.0)
    assert per_replica_time(series, window=1) < 10.0 - 4 * integrated_time(series).error


@pytest.mark.unit
def test_autocovariance_is_the_direct_sum():
    series = np.random.default_rng(6).normal(size=(3, 101)) + 2.0
    centred = series - series.mean()
    direct = [(centred[:, : 101 - t] * centred[:, t:]).mean() for t in range(50)]
    np.testing.assert_allclose(autocovariance(series), direct, atol=1e-12)


@pytest.mark.stat
def test_agrees_with_pyerrors_globally_centred():
    """The same formulas on the same data: equal to rounding, no statistics involved."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyerrors

        series = autoregressive(np.random.default_rng(7), 10, 2000, 4.0)
        mean = series.mean()
        names = [f"e|{k:02d}" for k in range(10)]
        obs = pyerrors.Obs([r - mean for r in series], names, means=[mean] * 10)
        obs.gamma_method(S=1.5)
    found = integrated_time(series, 1.5)
    assert found.window == obs.e_windowsize["e"]
    assert found.value == pytest.approx(obs.e_tauint["e"], rel=1e-9)
    # pyerrors takes eq. 42 before the bias correction of eq. 49
    assert found.error == pytest.approx(obs.e_dtauint["e"], rel=0.02)


@pytest.mark.unit
def test_constant_chain_is_refused():
    with pytest.raises(LfmcError, match="zero variance"):
        integrated_time(np.ones((4, 100)))


@pytest.mark.unit
def test_chain_without_a_window_is_refused_with_a_length():
    drift = np.linspace(0, 1, 20)[None] + np.zeros((2000, 1))
    with pytest.raises(LfmcError, match=r"sample at least \d+ per replica"):
        integrated_time(drift)


@pytest.mark.unit
@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(1, 6), st.integers(30, 400), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_tau_does_not_depend_on_offset_or_scale(replicas, length, offset, scale):
    series = np.random.default_rng(replicas * length).normal(size=(replicas, length))
    one, two = integrated_time(series), integrated_time(offset + scale * series)
    assert one.window == two.window
    assert one.value == pytest.approx(two.value, rel=1e-6)
