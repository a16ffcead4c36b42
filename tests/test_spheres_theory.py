"""O(N) models: action, observables, kernels and the one-site law against exact numbers."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import ive

from lfmc.errors import LfmcError
from lfmc.kernels.lanes import LANES, kernel, load, store
from lfmc.kernels.theory import action_change, measure
from lfmc.kernels.tuples import store_each
from lfmc.theories.spheres import Spheres, exact
from lfmc.theories.spheres.charge import topological_charge
from lfmc.theories.spheres.law_kernels import (
    LARGEST,
    cosine_and_sine,
    log_normaliser,
    mean_cosine,
    polar_angle,
)

pytestmark = pytest.mark.unit


def fields(theory, count=LANES, seed=1):
    normals = np.random.default_rng(seed).standard_normal((count, theory.numbers))
    vectors = normals.reshape(count, -1, theory.N)
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).reshape(count, -1)


def states(sites):
    return np.array(list(product((-1.0, 1.0), repeat=sites)))


@pytest.mark.parametrize("shape", [(4,), (3, 4), (4, 4)])
def test_ising_values_are_those_of_all_states(shape):
    theory = Spheres(shape, 1, 0.4)
    every = states(theory.numbers)
    seen, weight = theory.measure(every), np.exp(-theory.evaluate(every))
    mean = {name: (weight * value).sum() / weight.sum() for name, value in seen.items()}
    assert np.log(weight.sum()) == pytest.approx(theory.known["log_Z"], abs=1e-12)
    assert mean["E"] == pytest.approx(theory.known["E"], abs=1e-10)
    assert mean["force2"] == pytest.approx(2 * theory.dimension * mean["E"], abs=1e-12)
    if len(shape) == 1:
        assert theory.numbers * mean["m2"] == pytest.approx(theory.known["chi"], abs=1e-12)


def test_ising_energy_at_the_critical_point():
    """Onsager's sqrt(1/2), and the finite-size correction of Ferdinand and Fisher (1969), 1/L."""
    beta = 0.5 * np.log(1 + np.sqrt(2))
    small, large = (exact.ising_energy(beta, size, size) for size in (32, 64))
    assert 2 * large - small == pytest.approx(np.sqrt(0.5), abs=3e-5)
    assert small - large == pytest.approx(0.3112 / 64, rel=2e-2)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_ring_values_are_derivatives_of_log_z(n):
    def log_z(beta, length):
        return exact.ring(n, beta, length)["log_Z"]

    slope = (log_z(1.3 + 1e-4, 6) - log_z(1.3 - 1e-4, 6)) / 2e-4
    assert exact.ring(n, 1.3, 6)["E"] == pytest.approx(slope / 6, abs=1e-7)
    # no coupling: the area of the spheres
    assert log_z(1e-9, 5) == pytest.approx(5 * exact.log_area(n), abs=1e-7)


def test_ring_levels_of_known_models():
    order = np.arange(4)
    bessel = ive(order, 0.9) * np.exp(0.9)
    np.testing.assert_allclose(np.exp(exact.ring_levels(2, 0.9)[1][:4]), 2 * np.pi * bessel)
    assert exact.ring_levels(3, 0.9)[0][:3].tolist() == [1, 3, 5]
    assert exact.ring_levels(2, 0.9)[0][:3].tolist() == [1, 2, 2]


@kernel
def _law(k, u, out, zeros):
    n = len(zeros)
    strength = load(k, 0)
    store(out, 0, log_normaliser(strength, n))
    store(out, 1, mean_cosine(strength, n))
    if n == 1:
        store(out, 2, strength)
    elif n == 3:
        store(out, 2, cosine_and_sine(load(u, 0), strength, n)[0])
    else:
        store(out, 2, polar_angle(load(u, 0), strength, n))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_one_site_in_a_field(n):
    """Normaliser and mean against Bessel functions, quantiles against numerical integrals."""
    k = np.geomspace(1e-6, 45, LANES)
    u, out = np.random.default_rng(n).random((1, LANES)), np.empty((3, LANES))
    _law(k[None], u, out, (0.0,) * n)
    index = 0.5 * n - 1
    if n == 1:
        normaliser, mean = np.log(2 * np.cosh(k)), np.tanh(k)
    else:
        normaliser = np.log(ive(index, k)) + k + 0.5 * n * np.log(2 * np.pi) - index * np.log(k)
        mean = ive(index + 1, k) / ive(index, k)
    np.testing.assert_allclose(out[0], normaliser, atol=1e-9)  # the Bessel functions at small k
    np.testing.assert_allclose(out[1], mean, atol=1e-12)
    if n == 1:
        return
    for strength, uniform, angle in zip(k, u[0], out[2], strict=True):

        def density(t, strength=strength):
            return np.sin(t) ** (n - 2) * np.exp(strength * (np.cos(t) - 1))

        if n == 3:  # u is the distribution of the cosine, in closed form
            angle, uniform = np.arccos(angle), 1 - uniform
        below, above = quad(density, 0, angle)[0], quad(density, angle, np.pi)[0]
        assert below / (below + above) == pytest.approx(uniform, abs=1e-8)


def test_a_field_beyond_the_quadrature_is_nan():
    out = np.empty((3, LANES))
    _law(np.full((1, LANES), LARGEST + 1), np.full((1, LANES), 0.5), out, (0.0, 0.0))
    assert np.isnan(out[:2]).all()


@kernel
def _kernels(old, new, near, couplings, seen, change):
    before, after = measure(old, near, couplings), measure(new, near, couplings)
    store_each(seen, 0, before)
    store(change, 0, action_change(after, before, near, couplings))


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(5,), (4, 6), (2, 4, 2)])
def test_kernels_say_what_arrays_say(n, shape):
    theory = Spheres(shape, n, 0.7)
    old, new = fields(theory, seed=1), fields(theory, seed=2)
    seen, change = np.empty((len(theory.scalars), LANES)), np.empty((1, LANES))
    block, other = np.ascontiguousarray(old.T), np.ascontiguousarray(new.T)
    _kernels(block, other, theory.geometry(), theory.couplings(), seen, change)
    for row, name in zip(seen, theory.scalars, strict=True):
        np.testing.assert_allclose(row, theory.measure(old)[name], atol=1e-12, err_msg=name)
    np.testing.assert_allclose(change[0], theory.evaluate(new) - theory.evaluate(old), atol=1e-10)


def test_gradient_and_torch():
    theory = Spheres((4, 4), 3, 0.7)
    phi = torch.from_numpy(fields(theory)).requires_grad_()
    energy = theory.evaluate(phi)
    (slope,) = torch.autograd.grad(energy.sum(), phi)
    np.testing.assert_allclose(slope.numpy(), theory.gradient(phi.detach().numpy()), atol=1e-13)
    np.testing.assert_allclose(energy.detach().numpy(), theory.evaluate(phi.detach().numpy()))


def test_charge_is_whole_and_turns_with_the_field():
    """A rotation keeps Q, a reflection of one component reverses it; a skyrmion has Q = 1."""
    theory = Spheres((6, 6), 3, 1.0)
    spins = fields(theory, 200).reshape(200, 36, 3)
    charge = topological_charge(spins, (6, 6))
    np.testing.assert_allclose(charge, np.rint(charge), atol=1e-9)
    assert np.abs(charge).max() > 0.5
    turn = np.linalg.qr(np.random.default_rng(5).standard_normal((3, 3)))[0]
    turn *= np.linalg.det(turn)
    np.testing.assert_allclose(topological_charge(spins @ turn, (6, 6)), charge, atol=1e-9)
    mirrored = spins * np.array([1.0, 1.0, -1.0])
    np.testing.assert_allclose(topological_charge(mirrored, (6, 6)), -charge, atol=1e-9)
    x, y = np.meshgrid(*2 * [np.arange(12) - 5.5], indexing="ij")
    radius, polar = np.hypot(x, y), np.pi * np.minimum(np.hypot(x, y) / 5, 1)
    one = [np.sin(polar) * x / radius, np.sin(polar) * y / radius, np.cos(polar)]
    skyrmion = np.stack(one, -1).reshape(1, 144, 3)
    assert abs(topological_charge(skyrmion, (12, 12))[0]) == pytest.approx(1, abs=1e-9)


def test_observables_of_an_ordered_field():
    theory = Spheres((4, 4), 3, 1.0)
    up = np.tile([0.0, 0.0, 1.0], 16)[None]
    seen = theory.measure(up)
    assert seen["E"] == pytest.approx([1.0])
    assert seen["m2"] == pytest.approx([1.0])
    assert seen["Q"] == [0.0]
    np.testing.assert_allclose(theory.correlators(up), 1.0)


@pytest.mark.parametrize(
    ("shape", "n", "beta", "word"),
    [((4, 4), 0, 1.0, "N = 0"), ((4, 4), 33, 1.0, "N = 33"), ((4, 4), 3, 0.0, "beta"),
     ((4, 4), 3, 13.0, "at most 12.5"), ((4, 4), 2.5, 1.0, "N = 2.5")],
)  # fmt: skip
def test_what_is_no_such_model_is_refused(shape, n, beta, word):
    with pytest.raises(LfmcError, match=word):
        Spheres(shape, n, beta)
