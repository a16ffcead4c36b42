"""Bins and jackknife."""

import numpy as np
import pytest
from analysis_synthetic import autoregressive
from hypothesis import given, settings
from hypothesis import strategies as st

from lfmc.analysis.bins import bin_layout
from lfmc.analysis.jackknife import jackknife
from lfmc.errors import LfmcError


@pytest.mark.unit
@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.integers(1, 40), st.integers(5, 700), st.floats(0.5, 40))
def test_bins_hold_every_entry_once(replicas, length, tau):
    series = np.random.default_rng(length).normal(size=(replicas, length, 2))
    try:
        layout = bin_layout(replicas, length, tau)
    except LfmcError:
        assert replicas * length < 10 * 2 * max(100, 20 * tau) or replicas < 10
        return
    assert layout.counts.sum() >= replicas * length - (layout.group - 1) * length
    assert len(layout.counts) >= 10
    total = layout.sums(series)
    if layout.group == 1:
        assert (layout.counts >= min(length, max(100, 20 * tau))).all()
    np.testing.assert_allclose(total.sum(0), series.sum((0, 1)), atol=1e-9)
    np.testing.assert_allclose(layout.means(series), total / layout.counts[:, None])
    fine = layout.finer(3)
    np.testing.assert_allclose(fine.means(np.repeat(series, 3, axis=1)), layout.means(series))


@pytest.mark.unit
def test_too_few_bins_are_refused_with_a_length():
    with pytest.raises(LfmcError, match="save 300 configurations per replica"):
        bin_layout(4, 150, 2.0)


@pytest.mark.unit
def test_jackknife_of_a_mean_is_the_standard_error():
    bins = np.random.default_rng(1).normal(size=(50, 3))
    value, error = jackknife(bins, np.full(50, 7), lambda mean: mean)
    np.testing.assert_allclose(value, bins.mean(0))
    np.testing.assert_allclose(error, bins.std(0, ddof=1) / np.sqrt(50))


@pytest.mark.stat
def test_jackknife_error_of_a_ratio_is_its_scatter():
    """Propagated error of x/y, 400 bins: within 20 % (5 sigma of 1/sqrt(800)), rate 6e-7."""
    rng = np.random.default_rng(2)
    bins = rng.normal([3.0, 2.0], [0.3, 0.2], size=(400, 2))
    _, error = jackknife(bins, np.ones(400, dtype=int), lambda m: m[..., :1] / m[..., 1:])
    expected = 1.5 * np.hypot(0.1, 0.1) / 20
    assert error[0] == pytest.approx(expected, rel=0.2)


@pytest.mark.stat
def test_binned_error_sees_autocorrelation_and_unbinned_does_not():
    """Error of an AR(1) mean of tau 8: sqrt(2 tau/N) within 15 % in bins of 20 tau; a bin of one
    entry is off by a factor 4. (312 bins: 15 % is 3.7 sigma, false-alarm rate 2e-4.)"""
    series = autoregressive(np.random.default_rng(3), 10, 5000, 8.0)
    true = np.sqrt(2 * 8.0 / series.size)
    layout = bin_layout(10, 5000, 8.0)
    _, error = jackknife(layout.means(series)[:, None], layout.counts, lambda m: m)
    assert error[0] == pytest.approx(true, rel=0.15)
    _, naive = jackknife(series.reshape(-1, 1), np.ones(series.size, dtype=int), lambda m: m)
    assert naive[0] < 0.5 * true
