"""Chains that would come back to where they were: half periods of HMC, signs that alternate."""

import numpy as np
import pytest
from exact_targets import sigmas

from lfmc.config import parse_config, stage_settings
from lfmc.kernels.lanes import LANES
from lfmc.samplers.cluster import ClusterParameters, sample_cluster
from lfmc.samplers.hmc import WINDOW, HmcParameters, leapfrog, sample_hmc
from lfmc.samplers.local import LocalParameters, sample_local
from lfmc.samplers.method import method
from lfmc.samplers.state import State, cold_start, copied
from lfmc.samplers.tune import tune
from lfmc.theories.ensembles import theory_of
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.stat

FREE = Phi4((8, 8), 1.0, 1e-6)
HALF_PERIOD = np.pi / np.sqrt(2)  # of the zero mode of FREE
CHAINS = 256


def warm(action: Phi4, name: str) -> State:
    state = cold_start(action, 17, range(CHAINS), "check", name)
    return sample_local(state, action, LocalParameters(0.5), 400, 401)[0]


def zero_mode(window: float | None):
    """V m^2 of every chain and update; its mean is 1 / (2 m2) = 0.5."""
    state = warm(FREE, "period")
    _, found = sample_hmc(state, FREE, HmcParameters(HALF_PERIOD, 30, window), 400, 401)
    return 64 * found.scalars["m"] ** 2


def test_a_random_length_moves_the_zero_mode_where_a_fixed_one_never_does():
    """Variance of the zero mode, 4.5 sigma: false-alarm rate 7e-6.

    Negative controls: m2 off by 20 %, and a fixed length.
    """
    random, fixed = zero_mode(WINDOW), zero_mode(None)
    assert sigmas(random.mean(1), 0.5) < 4.5
    assert sigmas(random.mean(1), 0.5 / 1.2) > 6
    # What 400 updates average away in one chain stays in the other: a spread between chains.
    assert random.mean(1).std() < 0.2 * random.std()
    assert fixed.mean(1).std() > 0.8 * fixed.std()


def test_every_chain_draws_lengths_of_its_own_from_the_window():
    """One trajectory of a free mode tells its length: phi(T) = phi cos(w T) + p sin(w T) / w."""
    state = warm(FREE, "lengths")
    momenta = copied(state)
    from lfmc.samplers.state import draw_normals

    draw_normals(momenta.phi, momenta.streams, 1.0)
    new, _ = sample_hmc(state, FREE, HmcParameters(1e-3, 4, WINDOW), 1, 1)
    moved = (new.phi - state.phi).sum(1) / momenta.phi.sum(1)  # to 1e-6: the momenta times T
    lengths = moved.ravel()[abs(momenta.phi.sum(1).ravel()) > 0.5] / 1e-3
    assert 1 - WINDOW - 0.02 < lengths.min() < 1 - 0.9 * WINDOW
    assert 1 + 0.9 * WINDOW < lengths.max() < 1 + WINDOW + 0.02
    assert sigmas(lengths, 1.0) < 4.5


def test_a_trajectory_of_given_length_is_reversible():
    action = Phi4((4, 6), -4.0, 5.0)
    phi = cold_start(action, 5, range(LANES), "check", "reverse", width=0.4).phi
    p = cold_start(action, 6, range(LANES), "check", "momenta", width=1.0).phi
    for length in (0.5, 1.5):
        parameters = HmcParameters(length, 10, WINDOW)
        end, p_end = leapfrog(phi, p, action, parameters)
        back, p_back = leapfrog(end, -p_end, action, parameters)
        assert max(abs(back - phi).max(), abs(p_back + p).max()) < 1e-12


def flips(save_every: int) -> np.ndarray:
    """Share of saved configurations whose sign differs from the one before, by chain."""
    action = Phi4((8, 8), -4.0, 2.0)
    state = warm(action, "signs")
    state, _ = sample_cluster(state, action, ClusterParameters(0.5, 1, 1), 100, 101)
    _, found = sample_cluster(state, action, ClusterParameters(0.5, 1, 1), 400, save_every)
    sign = found.saved.sum(2) > 0
    return (sign[:, 1:] != sign[:, :-1]).mean(1)


@pytest.mark.parametrize("save_every", [1, 2, 3])
def test_signs_of_saved_configurations_are_random(save_every):
    """Deep in the ordered phase; 4.5 sigma, three times: false-alarm rate 2e-5.

    The next test is its negative control.
    """
    share = flips(save_every)
    assert sigmas(share, 0.5) < 4.5
    assert share.min() > 0.2


def test_signs_alternate_without_the_common_one():
    """Negative control: a cluster flips almost the whole lattice, and two of them nothing."""
    action = Phi4((8, 8), -4.0, 2.0)
    state = warm(action, "signs")
    for _ in range(3):
        new, found = sample_cluster(state, action, ClusterParameters(0.5, 1, 1), 1, 1)
        assert (found.extra["cluster_size"] > 56).mean() > 0.8
        state = new


CONFIG = {
    "ensembles": [{"name": "T", "L": 4, "m2": 1.0, "lam": 1e-6}],
    "statistics": {"configurations": 1000, "replicas": 10},
}


def configured(**hmc: object):
    return parse_config({**CONFIG, "samplers": {"hmc": hmc}})


def test_fixed_lengths_leave_no_trace_in_the_settings():
    """The settings as they were before there was a choice: nothing finished is computed anew."""
    for stage in ("hmc", "tune"):
        fixed = stage_settings(configured(length="fixed"), stage, "T")
        random = stage_settings(configured(), stage, "T")
        hmc = fixed["settings"] if stage == "hmc" else fixed["settings"]["hmc"]
        assert hmc == {"steps": 10, "acceptance": 0.7, "thermalisation": 1000}
        assert fixed != random == stage_settings(configured(length="random"), stage, "T")


def test_the_acceptance_is_tuned_with_the_lengths_that_are_used():
    """The measured acceptance of both, with its error: 5 sigma and the 0.002 of a finite search."""
    found = {}
    for length in ("random", "fixed"):
        config = configured(length=length)
        tuned = tune(config, "T")
        chosen = method(config, "hmc", theory_of(config.ensembles[0]), tuned)
        assert chosen.parameters.window == (WINDOW if length == "random" else None)
        assert ("window" in chosen.known()) == (length == "random")
        _, info = chosen.advance(warm(Phi4((4, 4), 1.0, 1e-6), "tuned"), FREE_4, 1000, 1001)
        by_chain = info.accepted.mean(1)
        assert abs(by_chain.mean() - 0.7) < 5 * by_chain.std() / CHAINS**0.5 + 0.02
        found[length] = chosen.parameters.length
    assert found["random"] < found["fixed"]


FREE_4 = Phi4((4, 4), 1.0, 1e-6)
