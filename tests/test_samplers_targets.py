"""Every classical sampler against exactly known targets, and broken ones that must fail."""

from itertools import product

import numpy as np
import pytest
from exact_targets import quadrature, sigmas

from lfmc.kernels.lanes import aligned
from lfmc.lattice import khat2, volume
from lfmc.samplers import hmc
from lfmc.samplers.cluster import ClusterParameters, sample_cluster
from lfmc.samplers.hmc import HmcParameters, leapfrog, sample_hmc
from lfmc.samplers.local import LocalParameters, sample_local
from lfmc.samplers.state import buffers, cold_start, copied, info
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.stat

CHAINS = 256
SAMPLERS = {
    "hmc": (sample_hmc, HmcParameters(1.2, 10), 1),
    "hmc random": (sample_hmc, HmcParameters(1.2, 10, 0.5), 1),
    "local": (sample_local, LocalParameters(0.55), 4),
    "cluster": (sample_cluster, ClusterParameters(0.55, 1, 1), 2),
}
every_sampler = pytest.mark.parametrize("name", SAMPLERS)


def run(name, action, updates, seed=1, save_every=None, parameters=None):
    """Thermalised chains: Info of `updates` updates, times the sampler's own factor."""
    sample, usual, factor = SAMPLERS[name]
    state = cold_start(action, seed, range(CHAINS), "check", name)
    state, _ = sample_local(state, action, LocalParameters(0.5), 300, 301)
    state, _ = sample(state, action, parameters or usual, 100, 101)
    updates *= factor
    return sample(state, action, parameters or usual, updates, save_every or updates)[1]


@every_sampler
@pytest.mark.parametrize("shape", [(4, 4), (2, 6), (4, 2, 2)])
def test_free_field_has_the_exact_propagator(name, shape):
    """4.5 sigma on at most 16 momenta x 12 cases: false-alarm rate 1e-3.

    Negative control: m2 off by 10 %.
    """
    action = Phi4(shape, 1.0, 0.0)
    saved = run(name, action, 600, save_every=5).saved
    axes = tuple(range(2, 2 + len(shape)))
    mode = np.fft.fftn(saved.reshape(*saved.shape[:2], *shape), axes=axes)
    power = (abs(mode) ** 2 / volume(shape)).mean(1).reshape(CHAINS, -1)
    assert sigmas(power, 1 / (2 * (khat2(shape) + 1.0))).max() < 4.5
    assert sigmas(power, 1 / (2 * (khat2(shape) + 1.1))).max() > 6


@every_sampler
@pytest.mark.parametrize(("m2", "normalisation"), [(-4.0, 1.0), (-2.0, 0.5)])
def test_interacting_2x2_lattice_agrees_with_quadrature(name, m2, normalisation):
    """4.5 sigma on 4 numbers x 8 cases: false-alarm rate 2e-4. Negative control: lam off by 3 %."""
    action = Phi4((2, 2), m2, 5.0, normalisation)
    found = run(name, action, 4000).scalars
    values = {
        "phi2": found["phi2"],
        "phi4": found["phi4"],
        "E": found["E"],
        "chi2": 4 * found["m"] ** 2,
    }
    exact, wrong = quadrature(action), quadrature(Phi4((2, 2), m2, 5.15, normalisation))
    deviation = {k: sigmas(v.mean(1), exact[k]) for k, v in values.items()}
    assert max(deviation.values()) < 4.5, deviation
    assert max(sigmas(v.mean(1), wrong[k]) for k, v in values.items()) > 6


@every_sampler
def test_decoupled_sites_without_hopping(name):
    """Normalisation 0: independent sites, by quadrature; 4.5 sigma on 3 numbers: 2e-5."""
    action = Phi4((2, 4), 0.0, 2.0, 0.0)
    found = run(name, action, 1500).scalars
    x = np.linspace(-4, 4, 4001)
    weight = np.exp(-2 * x**4)
    for value, exact in (
        (found["phi2"], (weight * x**2).sum() / weight.sum()),
        (found["phi4"], (weight * x**4).sum() / weight.sum()),
        (found["E"], 0.0),
    ):
        assert sigmas(value.mean(1), exact) < 4.5


def schwinger_dyson(scalars, action):
    """1/V sum_x phi dS/dphi by chain; its expectation is 1 (integration by parts)."""
    d = action.dimension
    value = 4 * action.lam * scalars["phi4"] + 2 * action.quadratic * scalars["phi2"]
    return (value - 4 * d * action.hopping * scalars["E"]).mean(1)


@every_sampler
@pytest.mark.parametrize("normalisation", [1.0, 0.5])
def test_schwinger_dyson_and_both_signs_at_e1(name, normalisation):
    """4.5 sigma on 2 numbers x 8 cases: false-alarm rate 1e-4.

    Negative controls: lam off by 2 %, and an action without the factor 1/2.
    """
    action = Phi4((6, 6), -4.0, 6.975, normalisation)
    found = run(name, action, 2000).scalars
    assert sigmas(schwinger_dyson(found, action), 1) < 4.5
    assert sigmas(found["m"].mean(1), 0) < 4.5
    assert sigmas((found["m"] > 0).mean(1), 0.5) < 4.5
    assert sigmas(schwinger_dyson(found, Phi4((6, 6), -4.0, 7.115, normalisation)), 1) > 6
    assert sigmas(schwinger_dyson(found, Phi4((6, 6), -4.0, 6.975, 1.5 - normalisation)), 1) > 20


def creutz(sign, window=None):
    action = Phi4((4, 4), 1.0, 0.0)
    state = cold_start(action, 3, range(CHAINS), "check", "creutz")
    state, _ = sample_local(state, action, LocalParameters(0.5), 300, 301)
    new, records = copied(state), buffers(state, action, 400, 401)
    arguments = (action.geometry(), 3.0, 10, window, action.couplings(), *records, 401, sign)
    hmc._run(new.phi, new.streams, *arguments, aligned((2, *state.phi.shape[1:])))
    found = info(new, action, records, "dH")
    return found.accepted.mean(), np.exp(-found.extra["dH"]).mean(1)


@pytest.mark.parametrize("window", [None, 0.5])
def test_hmc_satisfies_creutz_equality(window):
    """<exp(-dH)> = 1 on a free field at acceptance 0.5 to 0.9; 4.5 sigma, twice: 1.4e-5."""
    acceptance, weight = creutz(1.0, window)
    assert 0.5 < acceptance < 0.95
    assert sigmas(weight, 1) < 4.5


def test_wrong_sign_acceptance_is_caught():
    """The negative control of Creutz' equality."""
    _, weight = creutz(-1.0)
    assert weight.mean() > 5
    assert np.median(weight) > 2


def trajectory(steps, length=1.0):
    action = Phi4((4, 6), -4.0, 5.0)
    state = cold_start(action, 5, range(32), "check", "leapfrog", width=0.4)
    p = cold_start(action, 6, range(32), "check", "momenta", width=1.0).phi
    return action, state.phi, p, leapfrog(state.phi, p, action, HmcParameters(length, steps))


def energy(action, phi, p):
    return action.evaluate(np.moveaxis(phi, 1, 2)) + 0.5 * (p**2).sum(1)


@pytest.mark.parametrize("steps", [1, 2, 9, 10])
def test_leapfrog_is_reversible(steps):
    action, phi, p, (end, p_end) = trajectory(steps, 0.1 * steps)
    back, p_back = leapfrog(end, -p_end, action, HmcParameters(0.1 * steps, steps))
    assert abs(end - phi).max() > 0.01
    assert abs(back - phi).max() < 1e-12
    assert abs(p_back + p).max() < 1e-12


def test_leapfrog_moves_the_momentum_first():
    action, phi, p, (end, p_end) = trajectory(1, 0.1)
    half = p - 0.05 * np.moveaxis(action.gradient(np.moveaxis(phi, 1, 2)), 2, 1)
    moved = phi + 0.1 * half
    last = half - 0.05 * np.moveaxis(action.gradient(np.moveaxis(moved, 1, 2)), 2, 1)
    assert abs(end - moved).max() < 1e-14
    assert abs(p_end - last).max() < 1e-13


def test_leapfrog_error_is_of_second_order():
    errors = []
    for steps in (40, 80):
        action, phi, p, (end, p_end) = trajectory(steps)
        errors.append(abs(energy(action, end, p_end) - energy(action, phi, p)).mean())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_recorded_dh_is_that_of_the_trajectory():
    """One trajectory whose momenta are drawn by hand from the same stream."""
    action = Phi4((4, 4), -4.0, 6.0)
    state = cold_start(action, 7, range(32), "check", "dh", width=0.3)
    momenta = copied(state)
    from lfmc.samplers.state import draw_normals

    draw_normals(momenta.phi, momenta.streams, 1.0)
    parameters = HmcParameters(0.8, 7)
    end, p_end = leapfrog(state.phi, momenta.phi, action, parameters)
    expected = energy(action, end, p_end) - energy(action, state.phi, momenta.phi)
    _, found = sample_hmc(state, action, parameters, 1, 1)
    assert abs(found.extra["dH"][:, 0] - expected.ravel()).max() < 1e-11


def test_trajectories_that_diverge_are_rejected_and_recorded():
    action = Phi4((4, 4), -4.0, 6.0)
    state = cold_start(action, 8, range(40), "check", "far", width=1.0)
    new, found = sample_hmc(state, action, HmcParameters(1000.0, 30), 3, 3)
    assert np.isposinf(found.extra["dH"]).any()
    assert not found.accepted[~np.isfinite(found.extra["dH"])].any()
    assert np.isfinite(new.phi).all()


def test_cluster_flips_only_signs():
    """Without sweeps |phi| stays, and a cluster is connected and of one sign before the flip.

    In about every second chain all signs are turned besides.
    """
    action = Phi4((6, 6), -4.0, 5.0)
    state = cold_start(action, 9, range(64), "check", "signs")
    state, _ = sample_local(state, action, LocalParameters(0.5), 200, 201)
    _, found = sample_cluster(state, action, ClusterParameters(1e-12, 1, 1), 1, 1)
    old = np.concatenate(np.moveaxis(state.phi, 1, 2))
    now = found.saved[:, 0]
    assert abs(abs(now) - abs(old)).max() < 1e-11
    size, near = found.extra["cluster_size"][:, 0], action.geometry()
    flipped = old * now < 0
    turned = (flipped.sum(1) != size).sum()
    assert 15 < turned < 49  # of 64: 2e-5
    for chain in range(64):
        either = [flipped[chain], ~flipped[chain]]
        clusters = [one for one in either if one.sum() == size[chain]]
        assert any(
            len(set(old[chain, one] > 0)) == 1 and connected(np.flatnonzero(one), near)
            for one in clusters
        )


def connected(sites, near):
    reached, waiting = {sites[0]}, [sites[0]]
    while waiting:
        for y in near[waiting.pop()]:
            if y in set(sites) - reached:
                reached.add(y)
                waiting.append(y)
    return len(reached) == len(sites)


def test_wrong_bond_probability_is_caught():
    """Negative control: hopping doubled in the bonds only breaks the 2x2 lattice."""
    from lfmc.kernels.lanes import LANES, kernel
    from lfmc.kernels.theory import measure
    from lfmc.kernels.tuples import store_each
    from lfmc.samplers.cluster import flip_cluster
    from lfmc.samplers.local import sweep
    from lfmc.samplers.state import load_streams, store_streams

    @kernel
    def broken(phi, streams, near, hopping, couplings, scalars):
        stack = np.empty(near.shape[0], np.int64)
        for b in range(phi.shape[0]):
            own = streams[b]
            for k in range(scalars.shape[1] // 4):
                for lane in range(LANES):
                    words = (own[0, lane], own[1, lane], own[2, lane], own[3, lane])
                    _, _, words = flip_cluster(phi[b], lane, near, hopping, words, stack)
                    own[0, lane], own[1, lane], own[2, lane], own[3, lane] = words
                state = load_streams(own)
                _, state = sweep(phi[b], near, couplings, 0.55, state)
                store_streams(own, state)
                seen = measure(phi[b], near, couplings)
                store_each(scalars[b], k * len(seen), seen)

    action = Phi4((2, 2), -4.0, 5.0)
    exact = quadrature(action)
    for factor, wrong in ((1.0, False), (2.0, True)):
        state = cold_start(action, 10, range(CHAINS), "check", "bonds")
        state, _ = sample_local(state, action, LocalParameters(0.5), 300, 301)
        new, records = copied(state), buffers(state, action, 4000, 4001)
        near = action.geometry()
        broken(new.phi, new.streams, near, factor, action.couplings(), records.scalars)
        found = info(new, action, records).scalars
        deviation = max(
            sigmas(found["phi2"].mean(1), exact["phi2"]), sigmas(found["E"].mean(1), exact["E"])
        )
        assert (deviation > 6) == wrong
        assert wrong or deviation < 4.5


def test_samplers_agree_for_all_small_shapes():
    """<phi2> of hmc and local on 8 shapes, 5 sigma: false-alarm rate 5e-6."""
    for shape in [*product((2, 4), repeat=2), (2,), (6,), (2, 2, 2), (2, 2, 2, 2)]:
        action = Phi4(shape, -2.0 * len(shape), 6.0 * len(shape))
        step = LocalParameters(0.5)
        one = run("hmc", action, 200, parameters=HmcParameters(0.8, 10)).scalars["phi2"].mean(1)
        two = run("local", action, 200, parameters=step).scalars["phi2"].mean(1)
        error = np.hypot(one.std(), two.std()) / CHAINS**0.5
        assert abs(one.mean() - two.mean()) < 5 * error, shape
