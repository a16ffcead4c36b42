"""The hierarchy of a phi^4 field: exact densities, scores, weights, and what must fail."""

import numpy as np
import pytest
import torch
from hierarchy_claims import sample_in_any_batch, slope_of, uniforms

from lfmc.config import parse_config
from lfmc.config.flow_sections import HierarchySettings
from lfmc.conformance.exact import exact_averages
from lfmc.conformance.run import conformance
from lfmc.errors import LfmcError
from lfmc.flows.hierarchy.kinds import hierarchy_flow
from lfmc.flows.hierarchy.monomials import monomials_of
from lfmc.flows.hierarchy.quartic_law import fill_knots, log_density, whole
from lfmc.kernels.lanes import LANES, aligned, kernel, load, store
from lfmc.theories.phi4 import Phi4

SIGMAS = 5.0
CASES = [((4, 4), -4.0, 6.975), ((4, 2), -2.0, 3.0), ((6, 4), -8.0, 2.0)]  # the last: two wells


def flow_of(shape=(4, 4), m2=-4.0, lam=6.975, noise=0.1, **theory):
    """A flow with parameters that nobody fitted."""
    flow = hierarchy_flow(Phi4(shape, m2=m2, lam=lam, **theory), HierarchySettings())
    with torch.no_grad():
        flow.k.add_(torch.from_numpy(np.random.default_rng(1).normal(0, noise, flow.k.shape)))
    return flow.requires_grad_(False)


@pytest.mark.unit
@pytest.mark.parametrize(("shape", "m2", "lam"), CASES)
def test_log_q_of_a_drawn_field_is_that_of_its_draw(shape, m2, lam):
    flow = flow_of(shape, m2, lam)
    phi, log_q = flow(uniforms(flow, 70))
    np.testing.assert_allclose(flow.log_q(phi), log_q, atol=1e-10)
    np.testing.assert_allclose(flow.log_q(-phi), log_q, atol=1e-10)  # it is even
    weight = -flow.action.evaluate(phi) - log_q
    np.testing.assert_allclose(flow.log_weight(phi), weight, atol=1e-10)


@pytest.mark.unit
@pytest.mark.parametrize(("shape", "m2", "lam"), CASES)
def test_log_q_is_that_of_the_jacobian(shape, m2, lam):
    """Sites are drawn one after another: the determinant is that of the differences of each."""
    flow = flow_of(shape, m2, lam)
    z = uniforms(flow, 8) * 0.9 + 0.05
    _, log_q = flow(z)
    step, found = 1e-6, np.zeros(len(z))
    for i, x in enumerate(flow.terms.order):
        shift = torch.zeros(z.shape[1], dtype=torch.float64)
        shift[i] = step
        found -= np.log((flow(z + shift).phi - flow(z - shift).phi)[:, x].numpy() / (2 * step))
    np.testing.assert_allclose(log_q, found, atol=2e-5)


@pytest.mark.unit
def test_a_sample_does_not_depend_on_its_batch():
    sample_in_any_batch(flow_of())


@kernel
def one_site(phi, t, half, step, out):
    work = np.empty((2 * half + 5, LANES))
    law = (load(t, 0), load(t, 1), load(t, 2), load(t, 3))
    mass = whole(work, law, half, fill_knots(work, law, half))
    for i in range(phi.shape[0]):
        store(out, i, log_density(work, load(phi, i), law, half, step, mass))


@pytest.mark.unit
def test_the_density_of_a_site_integrates_to_one_with_its_tails():
    """Laws that fall within the knots, that are cut off by them, and that rise towards them."""
    half, step, points = 12, 0.1, 40_001
    line = np.linspace(-4.0, 4.0, points)
    phi, t, out = aligned((points, LANES)), aligned((4, LANES)), aligned((points, LANES))
    phi[:] = line[:, None]
    t[:] = 0.0
    for lane, law in enumerate([(0, -1, 0, -5), (3, -2, 1, -4), (0, 1, 0, 0.3), (-9, 0, 0, 0)]):
        t[:, lane] = np.array(law) * step ** np.arange(1, 5)
    one_site(phi, t, half, step, out)
    density = np.exp(out[:, :4])
    np.testing.assert_allclose(density.sum(0) * (line[1] - line[0]), 1, atol=1e-6)
    inside = density[np.abs(line) < 1, 0]
    exact = np.exp(-(line**2) - 5 * line**4)
    exact /= exact.sum() * (line[1] - line[0])
    assert 1e-7 < np.abs(inside - exact[np.abs(line) < 1]).max() < 2e-3  # cubics between knots


@pytest.mark.stat
@pytest.mark.parametrize(("m2", "lam", "scale"), [(-4.0, 6.975, 1.0), (-2.0, 3.0, 0.5)])
def test_weights_give_the_exact_partition_function(m2, lam, scale):
    """Two flows at 5 sigma: 1e-6."""
    flow = flow_of((2, 2), m2, lam, normalisation=scale)
    phi, log_q = flow(uniforms(flow, 20_000))
    exact = exact_averages(flow.action)["log_Z"]
    ratio = np.exp((-flow.action.evaluate(phi) - log_q).numpy() - exact)
    error = ratio.std(ddof=1) / len(ratio) ** 0.5
    assert error < 0.02
    assert abs(ratio.mean() - 1) < SIGMAS * error
    assert abs(1.11 * ratio.mean() - 1) > SIGMAS * error  # log q off by a tenth


@pytest.mark.unit
def test_scores_are_the_derivatives_of_log_q():
    """To within what the cubics between knots miss."""
    flow = flow_of()
    found = flow.scores(uniforms(flow, 32)[:, : flow.reduced_base.numbers])
    for p in range(0, flow.terms.parameters, 5):
        slope = slope_of(flow, found.x, p, 1e-5)
        np.testing.assert_allclose(found.scores[:, p], slope, atol=0.02)
        assert float((found.scores[:, p] - slope).abs().mean()) < 2e-3
    weight = flow.reduced_action(found.x) + found.log_weight + flow.reduced_log_q(found.x)
    assert float(weight.abs().max()) < 1e-9


@pytest.mark.unit
def test_laws_of_a_stage_see_the_same_from_every_site():
    terms = monomials_of((8, 8), 6, 4, True)
    phi = np.random.default_rng(1).normal(size=(8, 8))
    last = terms.begin[:-1][-4:]  # sites of the last colour
    values = []
    for site, first in zip(terms.order[len(terms.begin) - 5 :][:4], last, strict=True):
        moved = np.roll(phi, divmod(int(site), 8), (0, 1)).ravel()
        rows = terms.sums[first : first + 20]
        values.append([np.prod(np.append(moved, 1.0)[terms.products[r[2]]]) for r in rows])
    for one in values[1:]:
        np.testing.assert_allclose(one, values[0])


@pytest.mark.stat
def test_the_flow_conforms():
    """Among the checks: Z of 2 x 2 by weights of a flow at its start and of a disturbed one."""
    checks = list(conformance("hierarchy", {}, theory="phi4"))
    assert sum("Z" in check.name for check in checks) == 2
    assert [check.name for check in checks if not check.passed] == []


@pytest.mark.unit
def test_a_field_that_is_not_finite_has_no_density():
    flow = flow_of()
    phi, _ = flow(uniforms(flow, 3))
    phi[1, 5], phi[2, 0] = np.nan, np.inf
    assert torch.isfinite(flow.log_q(phi)).tolist() == [True, False, False]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("lattice", "message"),
    [
        ({"L": 5, "d": 2}, "needs even extents"),
        ({"L": 4, "d": 3}, "exists in d = 2"),
        ({"L": 134, "d": 2}, "67 x 67 sites .* 133 laws, above 128; take extents"),
    ],
)
def test_lattices_without_a_hierarchy_are_refused(lattice, message):
    raw = {
        "ensembles": [{"name": "A", "m2": -4.0, "lam": 5.0, **lattice}],
        "flow": {"model": {"kind": "hierarchy"}},
    }
    with pytest.raises(LfmcError, match=message):
        parse_config(raw)


@pytest.mark.unit
def test_random_signs_are_refused_since_log_q_is_even():
    raw = {
        "ensembles": [{"name": "A", "L": 8, "d": 2, "m2": -4.0, "lam": 5.0}],
        "flow": {"model": {"kind": "hierarchy"}},
        "propose": {"symmetrise": True},
    }
    with pytest.raises(LfmcError, match="is even already"):
        parse_config(raw)
