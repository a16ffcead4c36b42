"""Samples of p that decide on targets reach fields that HMC alone does not: det D < 0."""

import numpy as np
import pytest
from schwinger_small import dense

from lfmc.samplers.hmc import HmcParameters
from lfmc.samplers.schwinger_hmc import sample_schwinger_hmc
from lfmc.samplers.state import cold_start, fields
from lfmc.theories.schwinger import Schwinger
from lfmc.training.target import CHAINS, target_fields

pytestmark = pytest.mark.stat

THEORY = Schwinger((4, 4), 2.0, 0.35)
COUNT, EXACT_COUNT = 8 * CHAINS, 2000


def negative(fields):
    """Whether det D < 0, (batch,)."""
    each = [np.linalg.slogdet(dense(one, THEORY.shape, THEORY.kappa))[0].real for one in fields]
    return np.array(each) < 0


@pytest.fixture(scope="module")
def exact():
    """Share of p with det D < 0 and its error: perfect samples of U(1), with weights."""
    gauge = THEORY.companion
    fields = gauge.independent_fields(EXACT_COUNT, 3)
    w = gauge.evaluate(fields) - THEORY.evaluate(fields)
    w = np.exp(w - w.max())
    w /= w.sum()
    found = negative(fields)
    share = w @ found
    return share, float(np.sqrt((w**2 * (found - share) ** 2).sum()))


def sigmas(fields, exact):
    """Deviation of the share; the means of chains are independent."""
    means = negative(fields).reshape(-1, CHAINS).mean(0)
    error = np.hypot(means.std(ddof=1) / CHAINS**0.5, exact[1])
    return (means.mean() - exact[0]) / error


def test_samples_of_p_have_the_exact_share_of_negative_determinants(exact):
    """A false alarm has a probability of 1e-5; the control, HMC alone, has no such fields."""
    assert abs(sigmas(target_fields(THEORY, COUNT, 1, "X"), exact)) < 4.5
    state = cold_start(THEORY, 2, range(CHAINS), "check")
    state, _ = sample_schwinger_hmc(state, THEORY, HmcParameters(1.0, 6, 0.5), 60, 60)
    assert sigmas(fields(state), exact) < -5
