"""Claims about the observables: identities that hold configuration by configuration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfmc.lattice import coordinates, neighbours, separation_orbits, volume
from lfmc.theories.phi4 import Phi4
from lfmc.theories.two_point import (
    averages,
    ising_energy,
    susceptibility,
    two_point,
    zero_momentum_correlator,
)

pytestmark = pytest.mark.unit

shapes = st.sampled_from([(2,), (8,), (2, 2), (4, 4), (6, 6), (4, 6), (2, 4, 2), (4, 4, 4)])
seeds = st.integers(0, 2**32 - 1)


def fields(shape, seed, batch=4):
    return np.random.default_rng(seed).normal(size=(batch, volume(shape)))


@given(shapes, seeds)
def test_two_point_function_is_its_definition(shape, seed):
    phi = fields(shape, seed)
    x = coordinates(shape)
    full = np.stack(
        [
            (phi * phi[:, np.ravel_multi_index(tuple(((x + r) % shape).T), shape)]).mean(1)
            for r in x
        ],
        axis=1,
    )
    orbits = separation_orbits(shape)
    expected = np.stack([full[:, orbits.label == k].mean(1) for k in range(len(orbits.size))], 1)
    assert np.allclose(two_point(phi, shape), expected, rtol=1e-10, atol=1e-12)


@given(shapes, seeds)
def test_correlator_and_scalars_agree_configuration_by_configuration(shape, seed):
    phi = fields(shape, seed)
    g, s = two_point(phi, shape), averages(phi, shape)
    assert np.allclose(susceptibility(g, shape), volume(shape) * s["m"] ** 2, rtol=1e-9, atol=1e-12)
    assert np.allclose(g[:, 0], s["phi2"], rtol=1e-12)
    assert np.allclose(ising_energy(g, shape), s["E"], rtol=1e-10, atol=1e-12)
    assert np.allclose(
        zero_momentum_correlator(g, shape).sum(1),
        volume(shape) * s["m"] ** 2 * shape[0] / volume(shape),
        rtol=1e-9,
        atol=1e-12,
    )


@given(shapes, seeds)
def test_phi_times_gradient_is_the_schwinger_dyson_combination(shape, seed):
    """phi dS/dphi / V = 4 lam phi4 + 2 (2d + m2) phi2 - 4 d E: the gates' identity."""
    phi, d = fields(shape, seed), len(shape)
    action, s = Phi4(shape, m2=-1.7, lam=0.9), averages(phi, shape)
    direct = (phi * action.gradient(phi)).mean(1)
    combined = 4 * 0.9 * s["phi4"] + 2 * (2 * d - 1.7) * s["phi2"] - 4 * d * s["E"]
    assert np.allclose(direct, combined, rtol=1e-10, atol=1e-12)


def test_schwinger_dyson_combination_is_another_with_the_one_half():
    shape, phi = (4, 4), fields((4, 4), 3)
    action, s = Phi4(shape, -1.7, 0.9, normalisation=0.5), averages(phi, (4, 4))
    combined = 4 * 0.9 * s["phi4"] + 2 * (4 - 1.7) * s["phi2"] - 8 * s["E"]
    assert not np.allclose((phi * action.gradient(phi)).mean(1), combined, rtol=1e-2)


@given(shapes, seeds)
def test_action_density_follows_from_the_scalars(shape, seed):
    phi, d = fields(shape, seed), len(shape)
    s = averages(phi, shape)
    density = (2 * d - 1.7) * s["phi2"] + 0.9 * s["phi4"] - 2 * d * s["E"]
    action = Phi4(shape, m2=-1.7, lam=0.9).evaluate(phi)
    assert np.allclose(action, volume(shape) * density, rtol=1e-10, atol=1e-10)


@given(st.sampled_from([(8,), (4, 4), (6, 6), (4, 4, 4)]), seeds)
def test_zero_momentum_correlator_averages_every_axis_as_time(shape, seed):
    phi = fields(shape, seed)
    grid = phi.reshape(-1, *shape)
    T = shape[0]
    slices = [
        grid.sum(axis=tuple(1 + nu for nu in range(len(shape)) if nu != mu))
        for mu in range(len(shape))
    ]
    # S(t0) S(t0+t) / L^(2d-2) with slice sums S, averaged over t0 and the axes
    expected = np.stack(
        [
            np.mean([(s * np.roll(s, -t, 1)).mean(1) for s in slices], axis=0)
            / (volume(shape) / T) ** 2
            for t in range(T)
        ],
        axis=1,
    )
    found = zero_momentum_correlator(two_point(phi, shape), shape)
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert np.allclose(found[:, 1:], found[:, :0:-1], rtol=1e-9)


@given(shapes, seeds, st.integers(1, 3))
def test_observables_do_not_depend_on_the_batch(shape, seed, alone):
    phi = fields(shape, seed)
    together, single = averages(phi, shape), averages(phi[alone : alone + 1], shape)
    for name in together:
        assert together[name][alone] == single[name][0]
    assert np.allclose(two_point(phi, shape)[alone], two_point(phi[alone : alone + 1], shape)[0])


@given(shapes, seeds)
def test_observables_are_translation_invariant_and_even(shape, seed):
    phi = fields(shape, seed)
    moved = -phi[:, neighbours(shape)[:, 0]]
    a, b = averages(phi, shape), averages(moved, shape)
    assert np.allclose(a["m"], -b["m"])
    assert np.allclose([a["phi2"], a["phi4"], a["E"]], [b["phi2"], b["phi4"], b["E"]])
    assert np.allclose(two_point(phi, shape), two_point(moved, shape))
