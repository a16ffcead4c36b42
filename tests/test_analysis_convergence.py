"""Chains that the analysis refuses."""

import numpy as np
import pytest
from analysis_synthetic import autoregressive, chain_of_fields, free_fields

from lfmc.analysis.autocorrelation import autocorrelation_rows
from lfmc.analysis.convergence import (
    require_agreement,
    require_length,
    require_moving,
    split_rhat,
)
from lfmc.analysis.measurement import bin_chain
from lfmc.errors import LfmcError


def small_chain(**changes):
    fields = free_fields(np.random.default_rng(1), (4, 4), 1.0, 8, 400, 2.0)
    chain = chain_of_fields(fields, (4, 4), 1.0)
    return chain._replace(**changes)


@pytest.mark.unit
@pytest.mark.parametrize("analysis", [bin_chain, autocorrelation_rows])
def test_frozen_replica_is_refused(analysis):
    chain = small_chain()
    for series in chain.scalars.values():
        series[3] = series[3, 0]
    with pytest.raises(LfmcError, match="zero variance in replica 3"):
        analysis(chain)


@pytest.mark.unit
@pytest.mark.parametrize("analysis", [bin_chain, autocorrelation_rows])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_value_is_refused_with_its_place(analysis, bad):
    chain = small_chain()
    chain.scalars["E"][2, 17] = bad
    with pytest.raises(LfmcError, match=r"E is (nan|inf) at update 17 of replica 2"):
        analysis(chain)


@pytest.mark.unit
def test_correlators_of_other_configurations_are_refused():
    chain = small_chain()
    with pytest.raises(LfmcError, match="belong to different configurations"):
        bin_chain(chain._replace(two_point=chain.two_point * 1.01))


@pytest.mark.unit
def test_short_chain_is_refused_with_the_length_that_would_do():
    require_length((10, 100), 20.0, "E")
    with pytest.raises(LfmcError, match="at least 101 updates per replica"):
        require_length((10, 100), 20.2, "E")
    with pytest.raises(LfmcError, match="at least 200 updates per replica"):
        require_length((1, 199), 4.0, "E")


@pytest.mark.stat
def test_short_autoregressive_chain_is_refused():
    """4 replicas of 120 at tau 20 (24 tau in all)."""
    fields = free_fields(np.random.default_rng(2), (4, 4), 0.2, 4, 120, 40.0)
    with pytest.raises(LfmcError, match=r"per replica|R-hat"):
        autocorrelation_rows(chain_of_fields(fields, (4, 4), 0.2))


@pytest.mark.stat
def test_rhat_is_one_where_replicas_agree_and_not_where_one_is_displaced():
    """20 x 2000 at tau 5: expected sqrt(1 + 2 tau/1000) = 1.005; one replica shifted by 3."""
    series = autoregressive(np.random.default_rng(3), 20, 2000, 5.0)
    good = split_rhat(series)
    assert 1.0 <= good < 1.015
    require_agreement(good, 5.0, 2000, "x")
    series[4] += 3.0
    with pytest.raises(LfmcError, match="replicas disagree"):
        require_agreement(split_rhat(series), 5.0, 2000, "x")


@pytest.mark.stat
def test_rhat_sees_a_drift_common_to_all_replicas():
    series = autoregressive(np.random.default_rng(4), 20, 2000, 5.0)
    with pytest.raises(LfmcError, match="replicas disagree"):
        require_agreement(split_rhat(series + np.linspace(0, 3, 2000)), 5.0, 2000, "x")


@pytest.mark.unit
def test_constant_replica_is_named():
    with pytest.raises(LfmcError, match="2 of 3 replicas never moved"):
        require_moving(np.array([[1.0, 1.0], [1.0, 2.0], [0.0, 0.0]]), "x")
