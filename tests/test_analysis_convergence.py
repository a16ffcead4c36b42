"""Chains that the analysis refuses, and numbers that it withholds while it gives the others."""

import logging

import numpy as np
import pytest
from analysis_synthetic import autoregressive, chain_of_fields, free_fields

from lfmc.analysis.autocorrelation import autocorrelation_rows
from lfmc.analysis.binned import bin_chain
from lfmc.analysis.convergence import (
    require_agreement,
    require_finite,
    require_length,
    require_moving,
    split_rhat,
)
from lfmc.analysis.measurement import measurement_rows
from lfmc.analysis.unresolved import Unresolved
from lfmc.errors import LfmcError

SHAPE = (4, 4)


def small_chain(frozen=None, replicas=8, length=400):
    fields = free_fields(np.random.default_rng(1), SHAPE, 1.0, replicas, length, 2.0)
    if frozen is not None:
        fields[frozen] = fields[frozen, :1]
    return chain_of_fields(fields, SHAPE, 1.0)


def ordered_chain(signs, length=1000):
    """Replicas of m near +-1 that never change sign: 4 x 4, m^2 decorrelates at once."""
    rng = np.random.default_rng(5)
    fields = rng.normal(0.0, 0.3, size=(len(signs), length, 16))
    fields += (1 + 0.1 * rng.normal(size=(len(signs), length, 1))) * np.array(signs)[:, None, None]
    return chain_of_fields(fields, SHAPE, 1.0)


def keyed(rows, *keys):
    return {tuple(r[k] for k in keys): r for r in rows}


@pytest.mark.unit
@pytest.mark.parametrize("analysis", [bin_chain, autocorrelation_rows])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_value_is_refused_with_its_place(analysis, bad):
    chain = small_chain()
    chain.scalars["E"][2, 17] = bad
    with pytest.raises(LfmcError, match=r"local in X: E is (nan|inf) at update 17 of replica 2"):
        analysis(chain)


@pytest.mark.unit
def test_frozen_replica_withholds_errors_but_not_values(caplog):
    chain = small_chain(frozen=3)
    bins = bin_chain(chain)
    assert bins.withheld == "1 of 8 replicas never moved"
    assert "zero variance in replica 3" in caplog.text
    rows = keyed(measurement_rows(chain, bins), "observable")
    mean = chain.scalars["phi2"].mean(dtype=np.float64)
    assert rows["phi2",]["value"] == pytest.approx(mean)
    assert rows["acceptance",]["value"] == 0.7
    for name in ("chi2", "E", "sd", "m", "mpL", "Gt_0"):
        assert np.isnan(rows[name,]["error"])
        assert rows[name,]["note"] == "1 of 8 replicas never moved"


@pytest.mark.unit
def test_frozen_replica_gives_bounds_of_tau():
    """1 of 8 replicas of 400 updates: it alone contributes 400 / 2 / 8 = 25 to tau."""
    rows = autocorrelation_rows(small_chain(frozen=3))
    assert {r["estimator"] for r in rows} == {"bound", "rhat"}
    bounds = keyed([r for r in rows if r["estimator"] == "bound"], "observable", "unit")
    assert bounds["chi2", "update"]["tau"] == 25
    assert bounds["G0", "update"] == bounds["phi2", "update"] | {"observable": "G0"}
    assert all(np.isnan(r["error"]) for r in bounds.values())
    assert {r["note"] for r in bounds.values()} == {"1 of 8 replicas never moved"}


@pytest.mark.unit
def test_one_observable_without_a_window_leaves_the_others(caplog):
    """m keeps its sign: tau(m) is a bound, tau of |m| and chi2 are not."""
    caplog.set_level(logging.WARNING)
    chain = ordered_chain([1, -1] * 8)
    found = keyed(autocorrelation_rows(chain), "observable", "estimator", "unit")
    bound = found["m", "bound", "update"]
    assert bound["note"] == "never changed sign in 16 of 16 chains"
    assert bound["tau"] == chain.scalars["m"].shape[1] / 2
    assert ("m", "gamma", "update") not in found
    for name in ("E", "chi2", "phi2", "absm"):
        assert found[name, "gamma", "update"]["tau"] == pytest.approx(0.5, abs=0.05)
        assert found[name, "gamma", "update"]["note"] == ""
    assert "local in X: tau(m) > " in caplog.text


@pytest.mark.unit
def test_chains_that_all_stay_in_one_well_do_not_pass_for_fast():
    """Fluctuations within the well have tau = 0.5; the other well is never seen."""
    found = autocorrelation_rows(ordered_chain([1] * 4))
    assert [r["estimator"] for r in found if r["observable"] == "m" and r["unit"] == "update"] == [
        "bound"
    ]
    flips = ordered_chain([1] * 4)
    flips.scalars["m"][:] *= np.random.default_rng(1).choice([-1, 1], size=(4, 1000))
    found = keyed(autocorrelation_rows(flips), "observable", "estimator", "unit")
    assert found["m", "gamma", "update"]["tau"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.stat
def test_m_that_keeps_its_sign_has_the_error_of_whole_chains():
    """16 chains of m near +-1: the error is that of 16 signs, 1/4, not of 16000 values.

    Negative control: the common bins would give an error 3 times too small or less.
    """
    signs = np.random.default_rng(9).choice([-1, 1], size=16)
    chain = ordered_chain(signs)
    bins = bin_chain(chain)
    assert not bins.withheld
    rows = keyed(measurement_rows(chain, bins), "observable")
    assert rows["m",]["note"] == "m never changed sign in 16 of 16 chains; error from whole chains"
    expected = np.std(signs, ddof=1) / 4
    assert rows["m",]["error"] == pytest.approx(expected, rel=0.05)
    assert rows["bins_m",]["value"] == 16
    common = bins.scalars["m"]
    assert len(common) > 100
    assert common.std() / np.sqrt(len(common)) < rows["m",]["error"] / 3
    assert np.isfinite(rows["chi2",]["error"])


@pytest.mark.unit
def test_two_chains_that_keep_their_sign_give_m_no_error():
    chain = ordered_chain([1, -1], length=4000)
    rows = keyed(measurement_rows(chain, bin_chain(chain)), "observable")
    assert np.isnan(rows["m",]["error"])
    assert "never changed sign in 2 of 2 chains; too few" in rows["m",]["note"]


@pytest.mark.unit
@pytest.mark.parametrize("length", [1, 2, 5, 30])
def test_chain_too_short_for_anything_gives_values_alone(length):
    chain = small_chain(replicas=2, length=length)
    rows = keyed(measurement_rows(chain, bin_chain(chain)), "observable")
    assert np.isfinite(rows["chi2",]["value"])
    assert np.isnan(rows["chi2",]["error"])
    assert rows["chi2",]["note"]
    assert any(r["estimator"] == "bound" for r in autocorrelation_rows(chain))


@pytest.mark.unit
def test_short_chain_is_named_with_the_length_that_would_do():
    require_length((10, 100), 20.0, "E")
    with pytest.raises(Unresolved, match="at least 101 updates per replica") as caught:
        require_length((10, 100), 20.2, "E")
    assert caught.value.bound == 20  # the largest tau for which 100 updates would do
    with pytest.raises(Unresolved, match="at least 200 updates per replica"):
        require_length((1, 199), 4.0, "E")


@pytest.mark.stat
def test_short_autoregressive_chain_has_bounds_below_the_true_tau():
    """4 replicas of 120 at tau(m) = 40 (12 tau in all)."""
    fields = free_fields(np.random.default_rng(2), (4, 4), 0.2, 4, 120, 40.0)
    rows = autocorrelation_rows(chain_of_fields(fields, (4, 4), 0.2))
    found = [r for r in rows if (r["observable"], r["unit"]) == ("m", "update")]
    assert [r["estimator"] for r in found] == ["bound"]
    assert 0.5 <= found[0]["tau"] < 40


@pytest.mark.stat
def test_rhat_is_one_where_replicas_agree_and_not_where_one_is_displaced():
    """20 x 2000 at tau 5: expected sqrt(1 + 2 tau/1000) = 1.005; one replica shifted by 3."""
    series = autoregressive(np.random.default_rng(3), 20, 2000, 5.0)
    good = split_rhat(series)
    assert 1.0 <= good < 1.015
    require_agreement(good, 5.0, 2000, "x")
    series[4] += 3.0
    with pytest.raises(Unresolved, match="replicas disagree"):
        require_agreement(split_rhat(series), 5.0, 2000, "x")


@pytest.mark.stat
def test_rhat_sees_a_drift_common_to_all_replicas():
    series = autoregressive(np.random.default_rng(4), 20, 2000, 5.0)
    with pytest.raises(Unresolved, match="replicas disagree"):
        require_agreement(split_rhat(series + np.linspace(0, 3, 2000)), 5.0, 2000, "x")


@pytest.mark.unit
def test_constant_replica_is_named():
    constant = np.array([[1.0, 1.0], [1.0, 2.0], [0.0, 0.0]])
    with pytest.raises(Unresolved, match="2 of 3 replicas never moved"):
        require_moving(constant, "x")
    require_finite(constant, "x")
