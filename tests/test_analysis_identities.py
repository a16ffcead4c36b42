"""Exact identities by which a chain is judged: Creutz, Schwinger and Dyson."""

import numpy as np
import pytest
from analysis_synthetic import free_two_point

from lfmc.samplers.creutz import creutz_factor
from lfmc.theories.phi4 import Phi4

M2 = 0.5


@pytest.mark.stat
def test_creutz_factor_is_unbiased_where_exp_of_dH_is_not():
    """4 10^6 Gaussian dH, a fraction 10^-2 replaced by 100 and infinity: mean 1 within 4 sigma
    (rate 6e-5); the plain mean is 0.99, far below. A wrong accept sign, dH -> -dH,
    and a dH whose mean is not half its variance must fail."""
    rng = np.random.default_rng(31)
    change = rng.normal(0.3, np.sqrt(0.6), size=4_000_000)
    change[::100] = 100.0
    change[::200] = np.inf
    error = creutz_factor(change).std() / 2000
    assert abs(creutz_factor(change).mean() - 1) < 4 * error
    assert np.exp(-change).mean() < 1 - 10 * error
    assert creutz_factor(-change).mean() > 1 + 100 * error
    assert abs(creutz_factor(change * 1.02).mean() - 1) > 6 * error


@pytest.mark.unit
def test_half_normalisation_changes_the_identity():
    """The identity uses the couplings of the action: a field of norm 1 is not one of norm 1/2."""
    exact = free_two_point((6, 6), M2).reshape(6, 6)
    scalar = {"phi4": np.array(0.0), "phi2": exact[0, 0], "E": exact[0, 1]}
    assert Phi4((6, 6), M2, 0.0).schwinger_dyson(scalar) == pytest.approx(1.0)
    assert Phi4((6, 6), M2, 0.0, 0.5).schwinger_dyson(scalar) == pytest.approx(0.5)
