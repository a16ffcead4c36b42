"""Boosts of CP^(N-1) vectors: the map, its density, scores, and what must fail."""

from itertools import product
from math import factorial

import numpy as np
import pytest
import torch
from hierarchy_claims import slope_of, uniforms
from scipy.linalg import expm

from lfmc.config.flow_sections import HierarchySettings
from lfmc.flows.hierarchy.flow import HierarchyFlow
from lfmc.kernels.lanes import LANES, kernel, store
from lfmc.kernels.site_boost import boost, boosted_along
from lfmc.kernels.site_law import solve
from lfmc.theories.cpn import CPN
from lfmc.theories.cpn.boost_kernels import LARGEST, first_row


@kernel
def _boosted(work, phi, couplings):
    boost(work, phi, 0, couplings)


@kernel
def _boosted_density(work, phi, couplings, found):
    """log density of lanes of vectors, from M and A in `work`."""
    normaliser = solve(work, couplings)
    store(found, 0, boosted_along(work, phi, 0, couplings) - normaliser)


def hermitian(n, norm, seed):
    """A matrix without a trace, of this Frobenius norm."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    found = raw + raw.conj().T
    found -= np.eye(n) * np.trace(found) / n
    return found * (norm / np.linalg.norm(found))


def vectors(n, count, seed):
    raw = np.random.default_rng(seed).normal(size=(count, n, 2)) @ np.array([1, 1j])
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


def flat(z):
    """Vectors (LANES, N) as a field of one site."""
    return np.ascontiguousarray(np.ascontiguousarray(z).view(np.float64).T)


def unflat(phi):
    return np.ascontiguousarray(phi.T).view(np.complex128)


def law_of(n, m, a):
    """(work with M and A of each lane, couplings)."""
    theory = CPN((4, 4), n, 1.0)
    law, couplings = theory.site_law(), theory.couplings()
    work = np.zeros((law.rows, LANES))
    for row, matrix in ((0, m), (first_row.py_func(n, couplings.terms), a)):
        lanes = np.broadcast_to(matrix, (LANES, n, n)).reshape(LANES, -1).T
        work[row : row + n * n] = lanes.real
        work[row + n * n : row + 2 * n * n] = lanes.imag
    return work, couplings


@pytest.mark.unit
@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_a_boost_is_the_exponential_of_its_matrix_and_has_its_jacobian(n):
    """Lanes with norms from 0 to the largest; the number that A is beyond its trace has no say."""
    norms = np.linspace(0, 0.99 * LARGEST, LANES)
    a = np.array([hermitian(n, norm, seed) for seed, norm in enumerate(norms)])
    before = vectors(n, LANES, 1)
    work, couplings = law_of(n, np.zeros((n, n)), a + 0.7 * np.eye(n))
    phi = flat(before)
    _boosted(work, phi, couplings)
    mapped = np.array([expm(x) @ z for x, z in zip(a, before, strict=True)])
    length = np.linalg.norm(mapped, axis=1)
    np.testing.assert_allclose(unflat(phi), mapped / length[:, None], atol=1e-12)
    work, couplings = law_of(n, np.zeros((n, n)), a + 0.7 * np.eye(n))
    found = np.empty((1, LANES))
    _boosted_density(work, phi, couplings, found)
    uniform = found[0, 0]  # of norm 0
    np.testing.assert_allclose(found[0] - uniform, 2 * n * np.log(length), atol=1e-10)


@pytest.mark.unit
def test_a_lane_does_not_depend_on_the_others():
    norms = np.linspace(0.01, 0.9 * LARGEST, LANES)
    a = np.array([hermitian(3, norm, seed) for seed, norm in enumerate(norms)])
    z = vectors(3, LANES, 2)
    found = []
    for order in (np.arange(LANES), np.zeros(LANES, int)):
        work, couplings = law_of(3, np.zeros((3, 3)), a[order])
        phi = flat(z[order])
        _boosted(work, phi, couplings)
        found.append(phi[:, 0])
    np.testing.assert_array_equal(*found)


@pytest.mark.unit
def test_two_components_are_boosted_as_spins_are():
    sigma = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    direction, strength = np.array([0.6, 0.0, 0.8]), 0.4
    z = vectors(2, LANES, 3)
    work, couplings = law_of(2, np.zeros((2, 2)), strength * np.tensordot(direction, sigma, 1))
    phi = flat(z)
    _boosted(work, phi, couplings)

    def spins(x):
        return np.einsum("bi,aij,bj->ba", x.conj(), sigma, x).real

    v, g = np.sinh(2 * strength) * direction, np.cosh(2 * strength)
    m = spins(z)
    along = (m @ v)[:, None]
    expected = (m + v * (1 + along / (1 + g))) / (g + along)
    np.testing.assert_allclose(spins(unflat(phi)), expected, atol=1e-13)


def quadrature(n):
    """Vectors and weights that add up to the area of the sphere, one phase left out."""
    c, weight = np.polynomial.legendre.leggauss(20)
    c, weight = (1 + c) / 2, weight / 2
    turns = np.exp(2j * np.pi * (np.arange(24) + 0.5) / 24)
    area = 2 * np.pi**n / factorial(n - 1)
    if n == 2:
        grid = [(np.sqrt([p, 1 - p]), w) for p, w in zip(c, weight, strict=True)]
    else:
        grid = [
            (np.sqrt([p, (1 - p) * q, (1 - p) * (1 - q)]), 2 * (1 - p) * v * w)
            for (p, v), (q, w) in product(list(zip(c, weight, strict=True)), repeat=2)
        ]
    phases = [np.array([1, *each]) for each in product(turns, repeat=n - 1)]
    z = np.array([size * phase for size, _ in grid for phase in phases])
    weights = np.array([w * area / len(phases) for _, w in grid for _ in phases])
    return z, weights


@pytest.mark.unit
@pytest.mark.parametrize("n", [2, 3])
def test_the_density_of_a_boosted_vector_is_normalised_and_not_without_its_jacobian(n):
    m = hermitian(n, 1.5, 4)
    a = 0.2 * m + hermitian(n, 0.3, 5)
    z, weights = quadrature(n)
    assert len(z) % LANES == 0
    found = np.empty(len(z))
    for first in range(0, len(z), LANES):
        work, couplings = law_of(n, m, a)
        out = np.empty((1, LANES))
        _boosted_density(work, flat(z[first : first + LANES]), couplings, out)
        found[first : first + LANES] = out[0]
    assert np.exp(found) @ weights == pytest.approx(1, abs=1e-7)
    jacobian = -2 * n * np.log(np.linalg.norm(z @ expm(-a).T, axis=1))
    assert abs(np.exp(found - jacobian) @ weights - 1) > 0.02


@pytest.mark.unit
def test_a_boost_beyond_the_largest_is_nan():
    work, couplings = law_of(3, np.zeros((3, 3)), hermitian(3, 1.01 * LARGEST, 6))
    found = np.empty((1, LANES))
    _boosted_density(work, flat(vectors(3, LANES, 7)), couplings, found)
    assert np.isnan(found).all()


@pytest.mark.unit
@pytest.mark.parametrize("size", [0.0, 1e-9, 0.3])
def test_scores_of_boosts_are_the_derivatives_of_log_q(size):
    """Also where a fit begins, without a boost, where the series has but one term."""
    flow = HierarchyFlow(CPN((4, 4), 3, 0.8), HierarchySettings()).requires_grad_(False)
    noise = np.random.default_rng(8).normal(0, size, flow.k.shape)
    flow.k.add_(torch.from_numpy(noise))
    boosts = np.unique(np.concatenate([
        flow.terms.terms[middle:last, 0]
        for middle, last in zip(flow.terms.boosts, flow.terms.begin[1:], strict=True)
    ]))  # fmt: skip
    z = uniforms(flow, 40)[:, : flow.reduced_base.numbers]
    found = flow.scores(z)
    assert (found.scores[:, boosts].abs().amax(0) > 1e-3).all()
    for p in boosts[:: 1 if size else 4]:
        slope = slope_of(flow, found.x, int(p), 1e-6)
        np.testing.assert_allclose(found.scores[:, int(p)], slope, atol=1e-6)
    alone = flow.scores(z[33:34])
    np.testing.assert_array_equal(alone.scores[0], found.scores[33])
