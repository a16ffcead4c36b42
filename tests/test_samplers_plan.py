"""What a run is divided into, and when its thermalisation is refused."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfmc.errors import LfmcError
from lfmc.samplers.hmc import HmcParameters, sample_hmc
from lfmc.samplers.plan import plan
from lfmc.samplers.state import Info, cold_start
from lfmc.samplers.thermalise import check
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.unit

THEORY = Phi4((2, 2), 1.0, 1.0)


def fake(updates=400, chains=64, dh=None, stuck=0, drift=0.0):
    rng = np.random.default_rng(3)
    value = rng.normal(1, 0.1, (chains, updates)) + drift * np.arange(updates) / updates
    accepted = (rng.random((chains, updates)) < 0.7).astype(float)
    accepted[:stuck] = 0
    extra = {} if dh is None else {"dH": rng.normal(dh, np.sqrt(0.5), (chains, updates))}
    return Info(dict.fromkeys(Phi4.scalars, value), np.empty((0, 0, 0)), accepted, extra)


def test_thermalisation_is_checked():
    """dH ~ N(s2/2, s2) has <exp(-dH)> = 1; other means have not. False-alarm rate 1e-7."""
    check(fake(dh=0.25), "hmc", THEORY)
    check(fake(updates=1), "hmc", THEORY)
    with pytest.raises(LfmcError, match="1 of 64 chains never accepted"):
        check(fake(stuck=1), "hmc", THEORY)
    with pytest.raises(LfmcError, match=r"<exp\(-dH\)> = 0\.9"):
        check(fake(dh=0.35), "hmc", THEORY)
    with pytest.raises(LfmcError, match="phi2 still drifts"):
        check(fake(drift=0.05), "local", THEORY)


def test_a_hot_start_of_hmc_is_noticed():
    """The trap itself: fields of width 3 at E1, ten steps of a tuned trajectory."""
    action = Phi4((6, 6), -4.0, 6.975)
    hot = cold_start(action, 2, range(128), "check", width=3.0)
    with pytest.raises(LfmcError, match=r"never accepted|exp\(-dH\)"):
        check(sample_hmc(hot, action, HmcParameters(1.66, 10), 500, 501)[1], "hmc", action)


@given(
    cost=st.sampled_from([1.0, 5.0, 15.0]),
    configurations=st.integers(100, 10**6),
    replicas=st.integers(2, 300),
    save_every=st.integers(1, 20),
    keep=st.integers(1, 2000),
    sites=st.sampled_from([4, 36, 196, 4096]),
)
def test_a_plan_covers_every_configuration_once(
    cost, configurations, replicas, save_every, keep, sites
):
    division = plan(cost, configurations, replicas, save_every, keep, sites, 11)
    bounds = [division.bounds(i) for i in range(division.segments)]
    assert bounds[0][0] == 0
    assert bounds[-1][1] == division.saved
    assert all(a[1] == b[0] and a[0] < a[1] for a, b in pairwise(bounds))
    assert configurations <= division.saved * replicas < configurations + replicas
    replica, when = division.kept_fields()
    assert len(set(zip(replica.tolist(), when.tolist(), strict=True))) == division.kept
    assert (np.diff(when) >= 0).all()
    assert when.min() >= 0
    assert when.max() < division.saved
