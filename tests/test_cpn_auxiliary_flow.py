"""The hierarchy of CP^(N-1) vectors with auxiliary phases: a law of few vectors, for large N."""

import numpy as np
import pytest
import torch
from hierarchy_claims import exact_weights, slope_of, uniforms

from lfmc.config.flow_sections import HierarchySettings
from lfmc.flows.hierarchy.flow import HierarchyFlow
from lfmc.kernels.lanes import LANES
from lfmc.samplers.cpn_heatbath import HeatbathParameters, sample_heatbath
from lfmc.samplers.state import cold_start
from lfmc.theories.cpn.auxiliary import CPNAuxiliary
from lfmc.theories.cpn.bingham_kernels import bingham_normaliser, bingham_residual, terms_for
from lfmc.theories.cpn.low_rank_kernels import (
    add_vector,
    clear_vectors,
    form_along,
    low_rank_draw,
    low_rank_normaliser,
    low_rank_residual,
    rows_of,
)
from lfmc.theories.cpn.low_rank_loops import add_vectors_loop

SIGMAS = 5.0
LARGEST = 30.0
TERMS = terms_for(LARGEST)
RANK, VECTORS, LOOP = 3, 4, 2.5
WEIGHTS = ((9.0, 4.0, -3.0, 2.0), (7.0, 5.0, 3.0, 0.0))  # of four vectors; half of the lanes each


def unit_vectors(n, count, seed=1):
    raw = np.random.default_rng(seed).normal(size=(2, count, n, LANES))
    z = raw[0] + 1j * raw[1]
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def law_of(n, z, weights):
    """The work of exp(z^+ M z) after the normaliser, and M as (LANES, N, N).

    `z` are vectors (count, N, LANES), weights (count, LANES). The first one is added in two parts.
    """
    phi = np.zeros((2 * n * (len(z) + 1), LANES))
    parts = np.stack([z.real, z.imag], 2).reshape(-1, LANES)
    phi[: len(parts)] = parts
    rank = min(n, RANK)
    work = np.full((rows_of(n, rank, VECTORS, TERMS), LANES), np.nan)
    of_law = (n, rank, VECTORS, TERMS)
    clear_vectors(work, *of_law)
    for entry, weight in enumerate(weights):
        work[-1] = weight - 1.0 if entry == 0 else weight
        add_vector(work, phi, entry, entry, *of_law)
    work[-1] = 1.0
    add_vector(work, phi, 0, -1, *of_law)
    matrix = np.einsum("sl,sal,sbl->lab", weights, z, z.conj())
    if len(z) > 2:  # and a loop of the first and the third
        work[-1] = LOOP
        add_vectors_loop(work, phi, 0, 2, *of_law)
        one, two = (np.einsum("al,bl->lab", z[s], z[s].conj()) for s in (0, 2))
        matrix = matrix + 0.5 * LOOP * (one @ two + two @ one)
    low_rank_normaliser(work, *of_law, LARGEST)
    return work, phi, of_law, matrix


def example(n):
    """Two vectors that are the same but for a phase, and a third one; M has a negative part."""
    z, half = unit_vectors(n, 3), LANES // 2
    z = np.stack([z[0], 1j * z[0], z[1], z[2]])[: 4 if n >= RANK else 2]
    weights = np.repeat(np.array(WEIGHTS).T[: len(z)], half, axis=1)
    if n >= RANK:
        weights[3] = 0.0  # the fourth vector would be a third column behind an empty one
    return law_of(n, z, weights)


@pytest.mark.unit
@pytest.mark.parametrize("n", [2, 3, 7])
def test_normaliser_and_mean_are_those_of_the_matrix(n):
    """Against the law of an N x N matrix, negative and equal eigenvalues included."""
    work, phi, of_law, matrix = example(n)
    full = np.zeros((6 * n * n + n + 2 * TERMS + 1, LANES))
    flat = matrix.reshape(LANES, -1).T
    full[: n * n], full[n * n : 2 * n * n] = flat.real, flat.imag
    bingham_normaliser(full, n, TERMS, LARGEST)
    np.testing.assert_allclose(work[-1], full[-1], atol=1e-11)
    assert np.isfinite(work[-1]).all()
    empty = len(phi) // (2 * n) - 1  # no vector: what is left is less the mean of z z^+
    low_rank_residual(work, phi, empty, *of_law)
    bingham_residual(full, phi, empty, n, TERMS)
    rest = (full[: n * n] + 1j * full[n * n : 2 * n * n]).T.reshape(LANES, n, n)
    rest = rest + np.triu(rest, 1).conj().swapaxes(1, 2) - np.tril(rest, -1)
    for site in range(empty):
        form_along(work, phi, site, *of_law)
        pair = phi[2 * n * site : 2 * n * (site + 1)].reshape(n, 2, LANES)
        z = pair[:, 0] + 1j * pair[:, 1]
        expected = np.einsum("al,lab,bl->l", z.conj(), rest, z).real
        if not (n >= RANK and site == 3):
            np.testing.assert_allclose(work[-1], expected, atol=1e-11)


@pytest.mark.stat
@pytest.mark.parametrize("n", [3, 7])
def test_draws_have_the_moments_of_the_law(n):
    """<|z_a|^2> of 32 laws from 10000 draws; the largest of 32 N deviations, 5 sigma."""
    work, phi, of_law, matrix = example(n)
    full = np.zeros((6 * n * n + n + 2 * TERMS + 1, LANES))
    flat = matrix.reshape(LANES, -1).T
    full[: n * n], full[n * n : 2 * n * n] = flat.real, flat.imag
    bingham_normaliser(full, n, TERMS, LARGEST)
    site, rng, count = len(phi) // (2 * n) - 1, np.random.default_rng(2), 10_000
    bingham_residual(full, np.zeros_like(phi), site, n, TERMS)
    total, square = np.zeros((n, LANES)), np.zeros((n, LANES))
    own = phi[2 * n * site :]
    for _ in range(count):
        low_rank_draw(work, phi, site, rng.random((3 * n - 1 + of_law[1], LANES)), 0, *of_law)
        size = own[0::2] ** 2 + own[1::2] ** 2
        total, square = total + size, square + size * size
    np.testing.assert_allclose((own**2).sum(0), 1, atol=1e-13)
    mean = total / count
    error = np.sqrt((square / count - mean**2) / count)
    expected = -full[: n * n : n + 1]
    assert np.abs((mean - expected) / error).max() < SIGMAS
    assert np.abs((mean - expected[:, ::-1]) / error).max() > 2 * SIGMAS  # of other laws


@pytest.mark.unit
def test_a_field_beyond_the_series_is_nan():
    work, *_ = law_of(7, unit_vectors(7, 1), np.full((1, LANES), LARGEST + 1))
    assert np.isnan(work[-1]).all()


def flow_of(shape, n, beta=0.5, seed=1):
    """A flow with parameters that nobody fitted."""
    flow = HierarchyFlow(CPNAuxiliary(shape, n, beta), HierarchySettings())
    noise = np.random.default_rng(seed).normal(0, 0.1, flow.k.shape)
    with torch.no_grad():
        flow.k.add_(torch.from_numpy(noise))
    return flow.requires_grad_(False)


def drawn(flow, count, seed=2):
    return flow(uniforms(flow, count, seed))


@pytest.mark.unit
@pytest.mark.parametrize(("n", "shape"), [(3, (2, 2)), (3, (6, 4)), (21, (4, 4))])
def test_log_q_is_one_function_of_the_field(n, shape):
    """For drawn and for given fields, whatever their phases, and turned by one unitary matrix."""
    flow = flow_of(shape, n)
    phi, log_q = drawn(flow, 5)
    np.testing.assert_allclose(flow.log_q(phi), log_q, atol=1e-11)
    weight = -flow.action.evaluate(phi) - log_q
    np.testing.assert_allclose(flow.log_weight(phi), weight, atol=1e-10)
    rng = np.random.default_rng(3)
    z = flow.action.vectors(phi.numpy())
    unitary = np.linalg.qr(rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))[0]
    turned = (z @ unitary) * np.exp(2j * np.pi * rng.random((*z.shape[:2], 1)))
    flat = np.ascontiguousarray(turned).view(np.float64).reshape(phi.shape)
    np.testing.assert_allclose(flow.log_q(torch.from_numpy(flat)), log_q, atol=1e-9)


@pytest.mark.unit
def test_scores_are_the_derivatives_of_log_q():
    flow = flow_of((4, 4), 21)
    found = flow.scores(flow.reduced_base.tensor(torch.Generator(), 3, torch.float64))
    for p in range(0, flow.terms.parameters, 5):
        slope = slope_of(flow, found.x, p, 1e-5)
        np.testing.assert_allclose(found.scores[:, p], slope, atol=1e-6)


@pytest.mark.stat
@pytest.mark.parametrize(("n", "beta"), [(3, 0.3), (21, 0.1)])
def test_weights_give_the_exact_partition_function_and_energy(n, beta):
    """4 deviations, 5 sigma: 2e-6."""
    exact_weights(flow_of((2, 2), n, beta), 8000, off=0.2)


@pytest.mark.stat
def test_the_first_fit_ends_where_the_mean_score_is_zero():
    """With 21 components the scores of the start are far from it, 25 steps must be enough."""
    theory = CPNAuxiliary((4, 4), 21, 0.4)
    state = cold_start(theory, 1, range(64), "check", "fit")
    state, _ = sample_heatbath(state, theory, HeatbathParameters(1, 4), 50, 50)
    _, info = sample_heatbath(state, theory, HeatbathParameters(1, 4), 40, 5)
    samples = info.saved.reshape(-1, theory.numbers)
    flow = HierarchyFlow(theory, HierarchySettings(products=False)).requires_grad_(False)

    def mean_scores():
        blocks = samples.reshape(-1, LANES, theory.numbers).swapaxes(1, 2).copy()
        scores = flow.given(blocks, flow.parameters_array())[2].swapaxes(1, 2)
        scores = scores.reshape(len(samples), -1)
        return np.abs(scores.mean(0) / scores.std(0)).max()

    assert mean_scores() > 1
    flow.start_from(samples)
    assert mean_scores() < 0.05
