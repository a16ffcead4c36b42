"""Every root search finds its root or says that it did not: torch's, the kernels', the rings'."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from flows_disturbed import SETTINGS, disturbed, normals

from lfmc.errors import LfmcError
from lfmc.flows.build import build_flow
from lfmc.flows.heatbath.arrays import flow_arrays
from lfmc.flows.heatbath.draw import field_log_weight
from lfmc.flows.heatbath.monotone_kernels import inverse_tanh_map as compiled_inverse
from lfmc.flows.heatbath.rings import Edges, inverse_ring_map
from lfmc.flows.heatbath.rings_kernels import BLOCKS, inverse_ring_maps, ring_maps
from lfmc.flows.heatbath.site_conditional import SiteConditional
from lfmc.flows.heatbath.site_tables import site_tables
from lfmc.flows.monotone import (
    BOUND,
    SHIFT,
    inverse_tanh_map,
    solve_increasing,
    strength,
    tanh_map,
)
from lfmc.flows.spline import SplineCoupling
from lfmc.kernels.lanes import LANES, aligned, kernel, load, store
from lfmc.samplers.local import LocalParameters, sample_local
from lfmc.samplers.state import cold_start, fields
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.unit

COUNT = 96_000  # numbers of each check; with 1e6 the largest error is the same
BAR = 1e-9
SCALES = (0.2, 1.0, 4.0)  # of the disturbance, in units of what training leaves: below 1


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def parameters(scale: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """alpha, beta and arguments."""
    alpha, beta = strength(3 * scale * random(COUNT)), torch.exp(1 + scale * random(COUNT, seed=1))
    return alpha, beta, 3 * random(COUNT, seed=2)


def cycle() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Newton steps alone go to and fro between two ends of the bracket for some of these y."""
    y = torch.linspace(-3, 3, COUNT, dtype=torch.float64)
    alpha, beta = torch.full_like(y, 7.175149783), torch.full_like(y, 9.898287242)
    return alpha, beta, torch.cat([y[1:], y.new_tensor([-0.0838])])


@kernel
def _invert(value, alpha, beta, out):
    for row in range(value.shape[0]):
        found = compiled_inverse(load(value, row), load(alpha, row), load(beta, row))
        store(out, row, found)


def by_kernel(value, alpha, beta):
    def rows(x):
        workspace = aligned((COUNT // LANES, LANES))
        workspace[:] = x.numpy().reshape(-1, LANES)
        return workspace

    out = rows(value)
    _invert(rows(value), rows(alpha), rows(beta), out)
    return torch.from_numpy(out.ravel())


@pytest.mark.parametrize("inverse", [inverse_tanh_map, by_kernel], ids=["torch", "compiled"])
@pytest.mark.parametrize("scale", [0.0, *SCALES])
def test_tanh_maps_are_inverted(inverse, scale):
    alpha, beta, y = parameters(scale) if scale else cycle()
    error = (inverse(tanh_map(y, alpha, beta).value, alpha, beta) - y).abs()
    assert float(error.nan_to_num().max()) < BAR
    assert float(error.isnan().double().mean()) < (0.02 if scale == 4.0 else 1e-9)


def test_newton_steps_alone_would_not_do():
    """Negative control: as many steps as ever, no bisection, and errors of 0.1."""
    alpha, beta, y = cycle()
    value, x = tanh_map(y, alpha, beta).value, tanh_map(y, alpha, beta).value
    reach = alpha / beta
    low, high = value - reach, value + reach
    for _ in range(60):
        f, ladj = tanh_map(x, alpha, beta)
        newton = x - (f - value) / torch.exp(ladj)
        high, low = torch.where(f > value, x, high), torch.where(f > value, low, x)
        inside = (newton >= low) & (newton <= high)
        x = torch.where(inside, newton, 0.5 * (low + high))
    assert float((x - y).abs().max()) > 0.1


def test_a_root_that_is_not_there_is_refused():
    def step(y):
        return torch.sign(y) + 1e-30 * y, torch.full_like(y, 1e-30)

    one = torch.ones(3, dtype=torch.float64)
    with pytest.raises(LfmcError, match="too steep for its precision"):
        solve_increasing(step, 0.5 * one, -one, one)


def test_a_map_steeper_than_float64_resolves_is_refused():
    alpha, y = torch.tensor(1e9).double(), torch.linspace(20, 21, LANES).double()
    beta = torch.tensor(1.0).double()
    value = tanh_map(y, alpha, beta).value
    with pytest.raises(LfmcError, match="32 of 32 numbers"):
        inverse_tanh_map(value, alpha, beta)
    rows = [x.expand(LANES).numpy()[None].copy() for x in (value, alpha, beta)]
    out = np.zeros((1, LANES))
    _invert(*rows, out)
    assert np.isnan(out).all()


def test_no_number_stays_none_and_troubles_nobody():
    alpha, beta, y = (x[:LANES].clone() for x in parameters(1.0))
    value = tanh_map(y, alpha, beta).value
    value[3], alpha[5], beta[7] = torch.nan, torch.nan, torch.nan
    found = inverse_tanh_map(value, alpha, beta)
    assert found.isnan().nonzero().flatten().tolist() == [3, 5, 7]
    assert float((found - y).abs().nan_to_num().max()) < BAR


def ring_edges(sites: int, scale: float, count: int) -> Edges:
    strengths = strength(3 * scale * random(2, count)) / 8
    sharpness = torch.exp(scale * random(2, count, seed=1))
    return Edges(2 * random(sites, 2, count, seed=2), strengths, sharpness)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("sites", [1, 2, 3, 6])
def test_ring_maps_are_inverted(sites, scale):
    known, x = ring_edges(sites, scale, 5000), 3 * random(sites, 5000, seed=4)
    found = inverse_ring_map(known.moved(x)[0], known)
    assert float((found - x).abs().max()) < BAR


def test_a_ring_that_folds_is_refused():
    x, known = 0.1 * random(4, 50), ring_edges(4, 0.2, 50)
    folded = Edges(0.1 * known.fields, torch.full((2, 1), -0.4).double(), known.sharpness)
    with pytest.raises(LfmcError, match="rings: they are too steep"):
        inverse_ring_map(folded.moved(x)[0] + 0.3, folded)


class RingRows(NamedTuple):
    """Where the fields of edges are, of one term after the other."""

    integrated_sites: int
    ring: int = 0


class OneRing(NamedTuple):
    """What the kernels need of a coupling for one ring."""

    rows: RingRows
    ring_sides: np.ndarray
    ring_rows: np.ndarray
    ring_edges: np.ndarray
    strength: np.ndarray
    sharpness: np.ndarray
    force: np.ndarray


@kernel
def _there_and_back(field, coupling, edges, workspace, ladj):
    store(ladj, 0, ring_maps(field, 0, coupling, edges, workspace))
    store(ladj, 1, inverse_ring_maps(field, 0, coupling, edges, workspace))


@pytest.mark.parametrize("scale", SCALES)
def test_compiled_ring_maps_are_inverted(scale):
    sites, refused = 5, 0
    workspace, ladj = aligned((BLOCKS * sites, LANES)), np.empty((2, LANES))
    order = np.arange(sites)
    for seed in range(200):
        strengths = strength(3 * scale * random(2, seed=seed)).numpy() / 8
        sharpness = np.exp(scale * random(2, seed=seed + 1000).numpy())
        coupling = OneRing(
            RingRows(sites),
            np.array([sites]),
            order,
            order,
            strengths,
            sharpness,
            strengths / sharpness,
        )
        edges, field = aligned((2 * sites, LANES)), aligned((sites, LANES))
        edges[:] = 2 * random(2 * sites, LANES, seed=seed).numpy()
        field[:] = 3 * random(sites, LANES, seed=seed + 1).numpy()
        before = field.copy()
        _there_and_back(field, coupling, edges, workspace, ladj)
        good = np.isfinite(ladj[1])
        refused += int((~good).sum())
        assert abs(field - before)[:, good].max(initial=0) < BAR
        assert abs(ladj[0] - ladj[1])[good].max(initial=0) < BAR
    assert refused <= (200 * LANES // 10 if scale == 4.0 else 0)


@pytest.mark.parametrize("scale", [0.5, 3.0, 10.0])
def test_splines_are_inverted(scale):
    shape = (4, 4)
    flow = build_flow(Phi4(shape, -4.0, 6.0), SETTINGS["spline"]).requires_grad_(False)
    coupling = flow.couplings[0]
    assert isinstance(coupling, SplineCoupling)
    knots = coupling.transform(
        *(scale * random(COUNT // 8, n, seed=n) for n in (9, 10, 8)), bound=coupling.range
    )
    y = 2 * random(COUNT // 8)
    zero = torch.zeros_like(y)
    coupling._conditions = lambda frozen: (zero, zero, knots)
    try:
        found = coupling.inverse(zero, coupling(zero, y).value)
    except LfmcError:
        assert scale == 10.0  # slopes of 1e-8
        return
    assert float((found.value - y).abs().max()) < BAR


@pytest.mark.parametrize("m2", [-4.0, -8.0])
def test_quantiles_of_single_sites_are_inverted(m2):
    site = SiteConditional(site_tables(Phi4((4, 4), m2, 5.0), 256))
    u, j = 3 * random(COUNT), 4 * random(COUNT, seed=1)
    assert float((site.inverse(site.map(u, j).value, j).value - u).abs().max()) < BAR


def steep_flow():
    """L = 8, lam = 2, with the map of `cycle` on every site and on the zero mode."""
    flow = disturbed("heatbath", (8, 8), 2.0)
    raw = np.log(np.expm1(7.175149783 + BOUND)) - SHIFT
    for coupling in flow.couplings:
        coupling.constant.data[1:] = torch.tensor([raw, np.log(9.898287242)])
    flow.prior.zero_mode.data[:2] = torch.tensor([raw, np.log(9.898287242)])
    return flow


def test_log_q_both_ways_at_strong_bimodality():
    flow = steep_flow()
    phi, log_q = flow(normals(flow, 20 * LANES))
    assert float((flow.log_q(phi) - log_q).abs().max()) < 1e-8
    z = normals(flow, 20 * LANES)[:, : flow.reduced_sites].contiguous()
    x, reduced = flow.reduced(z)
    phi = x.new_zeros(len(x), flow.sites)
    phi[:, flow.order[: flow.kept]] = x
    ours = torch.from_numpy(field_log_weight(flow_arrays(flow), phi.numpy()))
    assert float((ours + flow.reduced_action(x) + reduced).abs().max()) < 1e-8


def test_both_searches_agree_on_fields_of_the_target():
    flow = steep_flow()
    state = cold_start(Phi4((8, 8), -4.0, 6.0), 5, range(20 * LANES), "check", "roots")
    state, _ = sample_local(state, flow.action, LocalParameters(0.5), 500, 501)
    phi = fields(state)
    ours, theirs = field_log_weight(flow_arrays(flow), phi), flow.log_weight(torch.from_numpy(phi))
    assert float(np.abs(ours - theirs.numpy()).max()) < 1e-8
