"""The hierarchy of CP^(N-1) vectors: the Bingham law, exact densities, and what must fail."""

from decimal import Decimal, localcontext
from itertools import pairwise
from math import prod

import numpy as np
import pytest
import torch
from hierarchy_claims import exact_weights, sample_in_any_batch, slope_of, uniforms
from scipy.integrate import dblquad

from lfmc.config.flow_sections import HierarchySettings
from lfmc.flows.hierarchy.flow import HierarchyFlow
from lfmc.kernels.lanes import LANES
from lfmc.samplers.cpn_heatbath import HeatbathParameters, sample_heatbath
from lfmc.samplers.state import cold_start
from lfmc.theories.cpn import CPN
from lfmc.theories.cpn.bingham_kernels import (
    bingham_draw,
    bingham_normaliser,
    bingham_residual,
    eigen,
    terms_for,
)

SIGMAS = 5.0
LARGEST = 30.0
TERMS = terms_for(LARGEST)


def hermitian(n, spread, seed=1):
    """Matrices (LANES, N, N) with eigenvalues up to about `spread`, some of them equal."""
    rng = np.random.default_rng(seed)
    values = spread * rng.random((LANES, n))
    values[: LANES // 4, 0] = values[: LANES // 4, -1]
    values[0] = 0.0
    raw = rng.normal(size=(LANES, n, n)) + 1j * rng.normal(size=(LANES, n, n))
    unitary = np.linalg.qr(raw)[0]
    return (unitary * values[:, None]) @ unitary.conj().swapaxes(1, 2)


def work_of(matrices):
    n = matrices.shape[1]
    work = np.zeros((6 * n * n + n + 2 * TERMS + 1, LANES))
    flat = matrices.reshape(LANES, -1).T
    work[: n * n], work[n * n : 2 * n * n] = flat.real, flat.imag
    return work


def divided_difference(values):
    """exp[k_1 ... k_N] = sum_i exp(k_i)/prod_j (k_i - k_j), equal k moved apart by 1e-20.

    In 300 decimals, which cancellations need.
    """
    with localcontext() as context:
        context.prec = 300
        moved = [Decimal(float(k)) + i * Decimal("1e-20") for i, k in enumerate(values)]
        return float(sum(k.exp() / prod(k - x for x in moved if x != k) for k in moved))


@pytest.mark.unit
@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_eigenvalues_and_vectors(n):
    matrices = hermitian(n, 20.0)
    work = work_of(matrices)
    eigen(work, n)
    parts = work[4 * n * n : 6 * n * n].T.reshape(LANES, 2, n, n)
    vectors, values = parts[:, 0] + 1j * parts[:, 1], work[6 * n * n : 6 * n * n + n].T
    np.testing.assert_allclose(values, np.linalg.eigvalsh(matrices), atol=1e-12)
    again = (vectors * values[:, None]) @ vectors.conj().swapaxes(1, 2)
    np.testing.assert_allclose(again, matrices, atol=1e-12)
    assert (work[-1] < 1e-20).all()


@pytest.mark.unit
@pytest.mark.parametrize("n", [2, 3, 4, 7])
@pytest.mark.parametrize("spread", [1e-6, 1.0, 25.0])
def test_normaliser_and_mean_are_those_of_the_law(n, spread):
    """Against divided differences and central differences, equal eigenvalues included."""
    matrices = hermitian(n, spread)
    work = work_of(matrices)
    bingham_normaliser(work, n, TERMS, LARGEST)
    values = np.linalg.eigvalsh(matrices)
    expected = [np.log(2 * np.pi**n * divided_difference(k)) for k in values]
    np.testing.assert_allclose(work[-1], expected, atol=1e-10)
    phi = np.zeros((2 * n, LANES))  # no vector: what is left is less the mean of z z^+
    bingham_residual(work, phi, 0, n, TERMS)
    mean = -(work[: n * n] + 1j * work[n * n : 2 * n * n]).T.reshape(LANES, n, n)
    np.testing.assert_allclose(np.einsum("bii->b", mean), 1, atol=1e-12)
    step = 1e-5 * np.eye(n)[1][:, None] * np.eye(n)[1]
    both = []
    for sign in (1, -1):
        other = work_of(matrices + sign * step)
        bingham_normaliser(other, n, TERMS, LARGEST)
        both.append(other[-1])
    np.testing.assert_allclose(mean[:, 1, 1].real, (both[0] - both[1]) / 2e-5, atol=1e-8)


@pytest.mark.unit
def test_normaliser_of_three_components_is_an_integral():
    work = work_of(np.tile(np.diag([0.3, 2.0, 5.0]).astype(complex), (LANES, 1, 1)))
    bingham_normaliser(work, 3, TERMS, LARGEST)
    found = dblquad(
        lambda q, p: np.exp(0.3 * p + 2 * q + 5 * (1 - p - q)), 0, 1, 0, lambda p: 1 - p
    )
    assert work[-1, 0] == pytest.approx(np.log(2 * np.pi**3 * found[0]), abs=1e-9)


@pytest.mark.stat
@pytest.mark.parametrize("n", [2, 4])
def test_draws_have_the_moments_of_the_law(n):
    """<z z^+> of 32 laws from 20000 draws each; the largest of n^2 x 32 deviations, 5 sigma."""
    matrices = hermitian(n, 8.0)
    work, phi = work_of(matrices), np.zeros((2 * n, LANES))
    rng, count = np.random.default_rng(2), 20_000
    bingham_normaliser(work, n, TERMS, LARGEST)
    total, square = np.zeros((n, LANES)), np.zeros((n, LANES))
    for _ in range(count):
        bingham_draw(work, phi, 0, rng.random((2 * n - 1, LANES)), 0, n, TERMS)
        size = phi[0::2] ** 2 + phi[1::2] ** 2
        total, square = total + size, square + size * size
    mean = total / count
    error = np.sqrt((square / count - mean**2) / count)
    bingham_residual(work, np.zeros_like(phi), 0, n, TERMS)
    expected = -work[: n * n : n + 1]
    assert np.abs((mean - expected) / error).max() < SIGMAS
    assert np.abs((mean - expected[:, ::-1]) / error).max() > 2 * SIGMAS  # of other laws


@pytest.mark.unit
def test_a_field_beyond_the_series_is_nan():
    work = work_of(np.tile(np.diag([0.0, LARGEST + 1]).astype(complex), (LANES, 1, 1)))
    bingham_normaliser(work, 2, TERMS, LARGEST)
    assert np.isnan(work[-1]).all()


def flow_of(shape=(4, 4), n=3, beta=0.8, seed=1, **settings):
    """A flow with parameters that nobody fitted."""
    flow = HierarchyFlow(CPN(shape, n, beta), HierarchySettings(**settings))
    noise = np.random.default_rng(seed).normal(0, 0.1, flow.k.shape)
    with torch.no_grad():
        flow.k.add_(torch.from_numpy(noise))
    return flow.requires_grad_(False)


@pytest.mark.unit
@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("shape", [(2, 2), (6, 4)])
def test_log_q_of_a_drawn_field_is_that_of_its_draw(n, shape):
    flow = flow_of(shape, n)
    phi, log_q = flow(uniforms(flow, 40))
    np.testing.assert_allclose(flow.log_q(phi), log_q, atol=1e-11)
    weight = -flow.action.evaluate(phi) - log_q
    np.testing.assert_allclose(flow.log_weight(phi), weight, atol=1e-10)
    lengths = np.square(phi.numpy().reshape(40, -1, 2 * n)).sum(-1)
    np.testing.assert_allclose(lengths, 1, atol=1e-13)


@pytest.mark.unit
@pytest.mark.parametrize("n", [2, 3])
def test_log_q_is_that_of_the_jacobian(n):
    """Finite differences of every field in its uniforms, in the tangent planes of its vectors."""
    flow = flow_of((2, 2), n)
    z = uniforms(flow, 4) * 0.8 + 0.1
    phi, log_q = flow(z)
    count, step, wide = z.shape[1], 1e-6, 2 * n
    for one in range(len(z)):
        shift = step * torch.eye(count, dtype=torch.float64)
        change = (flow(z[one] + shift).phi - flow(z[one] - shift).phi).numpy() / (2 * step)
        columns = []
        for first, last in pairwise(range(0, 4 * wide + 1, wide)):
            frame = np.linalg.svd(phi[one, first:last][None].numpy())[2][1:]
            columns.append(change[:, first:last] @ frame.T)
        jacobian = np.concatenate(columns, 1)
        assert np.linalg.slogdet(jacobian)[1] == pytest.approx(-float(log_q[one]), abs=1e-4)


@pytest.mark.unit
def test_a_sample_does_not_depend_on_its_batch():
    sample_in_any_batch(flow_of(), None)


@pytest.mark.unit
def test_log_q_is_gauge_invariant_and_symmetric():
    """Phases of every vector, one unitary matrix, and complex conjugation change nothing."""
    flow = flow_of()
    phi, log_q = flow(uniforms(flow, 5))
    rng = np.random.default_rng(3)
    z = flow.action.vectors(phi.numpy())
    unitary = np.linalg.qr(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))[0]
    turned = (z @ unitary) * np.exp(2j * np.pi * rng.random((5, 16, 1)))
    for other in (turned, z.conj()):
        flat = np.ascontiguousarray(other).view(np.float64).reshape(phi.shape)
        np.testing.assert_allclose(flow.log_q(torch.from_numpy(flat)), log_q, atol=1e-11)


@pytest.mark.unit
@pytest.mark.parametrize(("products", "loops"), [(False, False), (True, False), (False, True)])
def test_scores_are_the_derivatives_of_log_q(products, loops):
    flow = flow_of(products=products, loops=loops)
    found = flow.scores(uniforms(flow, 3)[:, : flow.reduced_base.numbers])
    for p in range(flow.terms.parameters):
        slope = slope_of(flow, found.x, p, 1e-6)
        np.testing.assert_allclose(found.scores[:, p], slope, atol=1e-7)


@pytest.mark.stat
@pytest.mark.parametrize("n", [2, 3, 4])
def test_weights_give_the_exact_partition_function_and_energy(n):
    """6 deviations, 5 sigma: 3e-6."""
    exact_weights(flow_of((2, 2), n, beta=0.5), 20_000, off=0.1)


@pytest.mark.stat
def test_the_first_fit_is_the_maximum_of_the_likelihood():
    theory = CPN((4, 4), 3, 0.8)
    state = cold_start(theory, 1, range(64), "check", "fit")
    state, _ = sample_heatbath(state, theory, HeatbathParameters(1, 2), 100, 100)
    _, info = sample_heatbath(state, theory, HeatbathParameters(1, 2), 320, 10)
    samples = info.saved.reshape(-1, theory.numbers)
    flow = HierarchyFlow(theory, HierarchySettings()).requires_grad_(False)
    phi = torch.from_numpy(samples)
    before = flow.reduced_log_q(phi).mean()
    flow.start_from(samples)
    best = flow.reduced_log_q(phi).mean()
    assert best > before + 0.05
    k = flow.k.clone()
    for seed in range(10):
        noise = np.random.default_rng(seed).normal(0, 0.1, k.shape)
        flow.k.copy_(k + torch.from_numpy(noise))
        assert flow.reduced_log_q(phi).mean() < best
