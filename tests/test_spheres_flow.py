"""The hierarchy of O(N) spins: exact densities, scores, weights, and what must fail."""

import numpy as np
import pytest
import torch
from hierarchy_claims import sample_in_any_batch, slope_of, uniforms

from lfmc.config.flow_sections import HierarchySettings
from lfmc.errors import LfmcError
from lfmc.flows.hierarchy.flow import HierarchyFlow
from lfmc.flows.hierarchy.stages import groups
from lfmc.flows.hierarchy.terms import terms_of
from lfmc.kernels.lanes import LANES, kernel, store
from lfmc.kernels.site_boost import boosted_along
from lfmc.kernels.site_law import solve
from lfmc.samplers.state import cold_start, fields
from lfmc.samplers.wolff import WolffParameters, sample_wolff
from lfmc.theories.spheres import Spheres, exact
from lfmc.theories.spheres.theory import per_site

SIGMAS = 5.0


def flow_of(shape=(4, 4), n=3, beta=0.8, seed=1, **settings):
    """A flow with parameters that nobody fitted."""
    flow = HierarchyFlow(Spheres(shape, n, beta), HierarchySettings(**settings))
    noise = np.random.default_rng(seed).normal(0, 0.1, flow.k.shape)
    with torch.no_grad():
        flow.k.add_(torch.from_numpy(noise))
    return flow.requires_grad_(False)


@pytest.mark.unit
@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(2, 2), (4, 4), (6, 4)])
def test_log_q_of_a_drawn_field_is_that_of_its_draw(n, shape):
    flow = flow_of(shape, n)
    z = uniforms(flow, 40)
    phi, log_q = flow(z)
    np.testing.assert_allclose(flow.log_q(phi), log_q, atol=1e-11)
    weight = -flow.action.evaluate(phi) - log_q
    np.testing.assert_allclose(flow.log_weight(phi), weight, atol=1e-10)
    np.testing.assert_allclose(np.square(flow.action.spins(phi).numpy()).sum(-1), 1, atol=1e-13)


@pytest.mark.unit
def test_a_sample_does_not_depend_on_its_batch():
    flow = flow_of()
    sample_in_any_batch(flow, flow.action.spins)


@pytest.mark.unit
@pytest.mark.parametrize("n", [2, 3])
def test_log_q_is_that_of_the_jacobian(n):
    """Finite differences of every field in its uniforms, in the tangent planes of its vectors."""
    flow = flow_of((2, 2), n)
    z = uniforms(flow, 6) * 0.8 + 0.1
    phi, log_q = flow(z)
    count, step = z.shape[1], 1e-6
    for one in range(len(z)):
        shift = step * torch.eye(count, dtype=torch.float64)
        change = (flow(z[one] + shift).phi - flow(z[one] - shift).phi).numpy() / (2 * step)
        rows = []
        for site in range(4):
            frame = np.linalg.svd(phi[one, site * n : site * n + n][None].numpy())[2][1:]
            rows.append(change[:, site * n : site * n + n] @ frame.T)
        jacobian = np.concatenate(rows, 1)
        assert np.linalg.slogdet(jacobian)[1] == pytest.approx(-float(log_q[one]), abs=1e-5)


@pytest.mark.unit
def test_log_q_of_all_ising_states_sums_to_one():
    flow = flow_of((4, 2), 1)
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    log_q = flow.log_q(torch.from_numpy(2.0 * bits - 1)).numpy()
    assert np.exp(log_q).sum() == pytest.approx(1, abs=1e-12)
    weight = flow.log_weight(torch.from_numpy(2.0 * bits - 1)).numpy()
    ring = exact.ising_log_partition(0.8, 4, 4)  # of another lattice: a number that must differ
    log_z = np.log(np.exp(log_q + weight).sum())
    states = flow.action.evaluate(2.0 * bits - 1)
    assert log_z == pytest.approx(np.log(np.exp(-states).sum()), abs=1e-10)
    assert abs(log_z - ring) > 1


@pytest.mark.stat
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_weights_give_the_exact_partition_function(n):
    """2 x 2 is a ring of four sites with double bonds; 4 flows, 5 sigma: 2e-6."""
    flow = flow_of((2, 2), n, beta=0.3)
    phi, log_q = flow(uniforms(flow, 20_000))
    ratio = np.exp((-flow.action.evaluate(phi) - log_q).numpy() - exact.ring(n, 0.6, 4)["log_Z"])
    error = ratio.std(ddof=1) / len(ratio) ** 0.5
    assert error < 0.02
    assert abs(ratio.mean() - 1) < SIGMAS * error
    wrong = np.exp(0.03 * n) * ratio  # log q off by a few per cent
    assert abs(wrong.mean() - 1) > SIGMAS * error


@pytest.mark.unit
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize(("products", "boosts"), [(False, 0), (True, 2)])
def test_scores_are_the_derivatives_of_log_q(n, products, boosts):
    flow = flow_of((4, 4), n, products=products, boosts=boosts)
    found = flow.scores(uniforms(flow, 3)[:, : flow.reduced_base.numbers])
    for p in range(flow.terms.parameters):
        slope = slope_of(flow, found.x, p, 1e-6)
        np.testing.assert_allclose(found.scores[:, p], slope, atol=1e-7)


@kernel
def _boosted_density(work, phi, couplings, found):
    """exp of the log density of lanes of vectors, from rows h and v of `work`."""
    normaliser = solve(work, couplings)
    store(found, 0, boosted_along(work, phi, 0, couplings) - normaliser)


@pytest.mark.unit
@pytest.mark.parametrize("n", [2, 3])
def test_the_density_of_a_boosted_spin_is_normalised_and_not_without_its_jacobian(n):
    """By quadrature over the sphere; the boost is against the arithmetic of its docstring."""
    theory = Spheres((4, 4), n, 1.0)
    law, couplings = theory.site_law(), theory.couplings()
    h, v = np.array([0.9, -0.4, 1.1])[:n], np.array([-0.3, 0.8, 0.5])[:n]
    turns = 2 * np.pi * (np.arange(256) + 0.5) / 256
    c, weight = np.polynomial.legendre.leggauss(32) if n == 3 else (np.zeros(1), np.ones(1))
    ring = np.stack([np.cos(turns), np.sin(turns)], 1)
    flat = (np.sqrt(1 - c * c)[:, None, None] * ring).reshape(-1, 2)
    spins = np.hstack([flat, np.repeat(c, 256)[:, None]])[:, :n]
    area = np.repeat(weight, 256) * 2 * np.pi / 256
    found = np.empty(len(spins))
    for lanes in np.arange(len(spins)).reshape(-1, LANES):
        work, out = np.zeros((law.rows, LANES)), np.empty((1, LANES))
        work[:n], work[n + 1 : 2 * n + 1] = h[:, None], v[:, None]
        _boosted_density(work, np.ascontiguousarray(spins[lanes].T), couplings, out)
        found[lanes] = out[0]
    g, s = np.sqrt(1 + v @ v), spins @ v
    before = (spins - np.outer(1 - s / (1 + g), v)) / (g - s)[:, None]
    np.testing.assert_allclose((before * before).sum(1), 1, atol=1e-12)
    without = found + (n - 1) * np.log(g - s)
    np.testing.assert_allclose(without - without[0], (before - before[0]) @ h, atol=1e-12)
    assert np.exp(found) @ area == pytest.approx(1, abs=1e-10)
    assert abs(np.exp(without) @ area - 1) > 0.02


@pytest.mark.unit
@pytest.mark.parametrize("n", [2, 3])
def test_log_q_is_invariant_under_rotations(n):
    flow = flow_of((4, 4), n)
    phi, log_q = flow(uniforms(flow, 5))
    turn = np.linalg.qr(np.random.default_rng(3).standard_normal((n, n)))[0]
    turned = (flow.action.spins(phi).numpy() @ turn).reshape(phi.shape)
    np.testing.assert_allclose(flow.log_q(torch.from_numpy(turned)), log_q, atol=1e-11)


@pytest.mark.unit
@pytest.mark.parametrize("shape", [(2, 2), (8, 8), (12, 12), (6, 4), (16, 8)])
@pytest.mark.parametrize("colours", [1, 2, 4])
def test_every_site_is_drawn_once_and_after_what_it_sees(shape, colours):
    terms = terms_of(shape, 6, colours, True)
    half = shape[0] * shape[1] // 2
    assert sorted(terms.order) == list(range(2 * half))
    assert len(terms.begin) == half + 1
    place = np.argsort(terms.order)
    stage = {site: k for k, group in enumerate(groups(shape, colours)) for site in group}
    for i, site in enumerate(terms.order[:half]):
        seen = terms.terms[terms.begin[i] : terms.begin[i + 1], 1:4]
        assert all(stage[s] < stage[site] and place[s] < i for s in seen[seen >= 0])
    parity = np.add(*np.divmod(terms.order[half:], shape[1])) % 2
    assert (parity == 1).all()


@pytest.mark.stat
def test_the_first_fit_is_the_maximum_of_the_likelihood():
    theory = Spheres((4, 4), 3, 0.8)
    state = cold_start(theory, 1, range(64), "check", "fit")
    state, _ = sample_wolff(state, theory, WolffParameters(4), 100, 100)
    _, info = sample_wolff(state, theory, WolffParameters(4), 640, 20)
    samples = info.saved.reshape(-1, theory.numbers)
    few = HierarchySettings(products=False, boosts=1)  # many would fit the noise of few samples
    flow = HierarchyFlow(theory, few).requires_grad_(False)
    phi, before = torch.from_numpy(samples), 0.0
    before = flow.reduced_log_q(phi).mean()
    flow.start_from(samples)
    best = flow.reduced_log_q(phi).mean()
    assert best > before + 0.05
    k = flow.k.clone()
    for seed in range(10):
        noise = np.random.default_rng(seed).normal(0, 0.02, k.shape)
        flow.k.copy_(k + torch.from_numpy(noise))
        assert flow.reduced_log_q(phi).mean() < best
    flow.k.copy_(k)
    assert flow.log_weight(torch.from_numpy(fields(state))).var() < 0.1


@pytest.mark.unit
def test_fields_beyond_the_one_site_law_are_nan():
    flow = flow_of((4, 4), 2)
    flow.k[0] = 80.0
    assert torch.isnan(flow(uniforms(flow, 1)).log_q).all()


@pytest.mark.unit
def test_lattices_without_a_hierarchy_are_refused():
    with pytest.raises(LfmcError, match="even"):
        HierarchyFlow(Spheres((5, 4), 3, 1.0), HierarchySettings())
    assert "133 laws" in HierarchySettings().refusal((134, 134))
    assert HierarchySettings().refusal((12, 24)) == ""
    assert [per_site(n) for n in (1, 2, 3, 4, 5)] == [1, 1, 2, 5, 7]
