"""Fast transforms of long axes are the dense ones, and log q is that of the map with them."""

import numpy as np
import pytest
import torch
from flows_disturbed import disturbed, normals

from lfmc.flows.exactness import log_q_error
from lfmc.flows.heatbath import sublattice
from lfmc.flows.heatbath.adjoint import scoring
from lfmc.flows.heatbath.axes import axes_of
from lfmc.flows.heatbath.checkerboard import split
from lfmc.flows.heatbath.draw_scores import scored
from lfmc.flows.heatbath.long_axes import factors
from lfmc.flows.heatbath.mode_basis import ModeBasis, sums_to_cells
from lfmc.flows.heatbath.planes import _transform
from lfmc.flows.heatbath.sublattice import LONGEST_DENSE, Transform, cells, waves
from lfmc.flows.modes import modes
from lfmc.kernels.lanes import LANES, aligned
from lfmc.proposals.generate import drawing
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.unit

EPS = np.finfo(np.float64).eps
LONG = [(16, 16), (20, 20), (24, 24), (18, 26), (44, 4), (2, 46), (22, 4, 6), (16, 2, 18)]


def product_of(found, half):
    """The matrix that butterflies and products make."""
    x = np.eye(half)
    for level in found.levels:
        old = x.copy()
        for a, b, c, d in level.quads:
            x[a], x[b] = old[a] + old[c], old[b] + old[d]
            one, two = old[a] - old[c], old[b] - old[d]
            x[c], x[d] = two - one, two + one
        for i, j in level.pairs:
            x[i], x[j] = old[i] + old[j], old[i] - old[j]
    matrix = np.zeros((half, half))
    for block in found.blocks:
        matrix[block.modes] += block.matrix @ x[block.places]
    return matrix


@pytest.mark.parametrize("parity", [0, 1])
def test_factors_of_every_extent_make_the_dense_matrix(parity):
    for extent in range(2, 132, 2):
        dense = waves(extent, parity)[0]
        # The elements of the blocks are those of the dense matrix, whose symmetric partners are
        # cosines of other phases up to pi x: they differ by the rounding of these.
        error = np.abs(product_of(factors(extent, parity), extent // 2) - dense).max()
        assert error < 8 * extent * EPS, extent


@pytest.mark.parametrize(("half", "largest"), [(16, 4.5), (22, 6), (32, 6.5), (64, 11.5)])
def test_factors_need_few_products_per_number(half, largest):
    found = factors(2 * half, 0)
    assert sum(block.matrix.size for block in found.blocks) / half < largest


def both_ways(shape, back):
    """Random planes of two features by the kernel, and by the dense matrices of torch."""
    part = cells(shape, 0)
    count, each = len(part.parities), part.each
    planes = aligned((2 * count * each, LANES))
    planes[:] = np.random.default_rng(1).normal(size=planes.shape)
    given = torch.from_numpy(planes.copy()).reshape(2, count, each, LANES).movedim(0, 2)
    module = Transform(part)
    expected = (module.inverse(given) if back else module(given)).movedim(2, 0)
    return planes, expected.reshape(planes.shape).numpy(), axes_of(part, back)


def transformed(planes, axes):
    _transform(planes, len(planes), axes.sides, axes.numbers, axes.table, aligned(planes.shape))
    return planes


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("shape", [(14, 14), (6, 4, 2), *LONG, (32, 64)])
def test_kernels_transform_as_the_dense_matrices(shape, back):
    planes, expected, axes = both_ways(shape, back)
    assert (axes.table.shape[1] > 0) == (max(shape) > LONGEST_DENSE)
    assert np.abs(transformed(planes, axes) - expected).max() < 1e-12


@pytest.mark.parametrize("back", [False, True])
def test_a_mistake_in_the_factors_is_caught(back):
    for name in ("numbers", "table"):
        planes, expected, axes = both_ways((16, 20), back)
        wrong = getattr(axes, name).copy()
        if name == "numbers":
            wrong[:, 3] *= 1.001
        else:  # the last two entries are places of one block, or of one level
            wrong[:, [-1, -2]] = wrong[:, [-2, -1]]
        assert np.abs(transformed(planes, axes._replace(**{name: wrong})) - expected).max() > 1e-6


@pytest.mark.parametrize("shape", [(2, 2), (4, 4), (6, 6), (8, 4), (4, 2, 4), (8, 6, 4), *LONG])
def test_modes_of_the_prior_are_few_modes_of_cells(shape):
    halves = split(shape)
    found = modes(Phi4(shape, -2.0 * len(shape), 20.0))
    dense, kept = found.on(halves.kept), len(halves.kept)
    assert np.abs(dense @ dense.T - np.eye(kept)).max() < 1e-12
    to_cells, back = sums_to_cells(found, halves.kept_cells)
    assert to_cells.place.shape[1] <= 2 ** len(shape)
    row = np.arange(kept)[:, None]
    matrix, transpose = np.zeros((kept, kept)), np.zeros((kept, kept))
    np.add.at(matrix, (row, to_cells.place), to_cells.factor)
    np.add.at(transpose, (row, back.place), back.factor)
    assert np.array_equal(transpose, matrix.T)
    module = Transform(halves.kept_cells)
    columns = torch.tensor(matrix).reshape(module.cells, -1, 1, kept)
    assert np.abs(module.inverse(columns).reshape(kept, kept).numpy() - dense.T).max() < 1e-12


def test_the_basis_of_the_prior_passes_gradients_of_any_order():
    shape = (16, 4)
    basis = ModeBasis(modes(Phi4(shape, -4.0, 8.0)), split(shape).kept_cells)
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(32, 2, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.allclose(basis.to_modes(basis.to_sites(x)), x, rtol=0, atol=1e-13)
    for function in (basis.to_sites, basis.to_modes):
        assert torch.autograd.gradcheck(function, x)
        assert torch.autograd.gradgradcheck(lambda y, f=function: f(y) ** 2, x)


@pytest.mark.parametrize("shape", [(16, 16), (20, 20), (18, 6), (16, 4, 6)])
def test_log_q_is_the_density_of_torch_and_compiled_map(shape):
    """Against the automatic Jacobian; with a wrong log q the error is seen."""
    flow = disturbed("heatbath", shape, 5.0 if len(shape) == 2 else 14.59)
    draw = drawing(flow)
    assert log_q_error(flow, samples=2, draw=draw) < 1e-10

    def wrong(z):
        phi, log_q = draw(z)
        return phi, log_q * (1 + 1e-6)

    assert log_q_error(flow, samples=2, draw=wrong) > 1e-5


@pytest.mark.parametrize("shape", [(6, 4), (4, 2, 4), (2, 4, 2, 4)])
def test_many_sites_have_the_same_map_without_dense_matrices(shape, monkeypatch):
    """Beyond `sublattice.MOST_DENSE`; with modes of another lattice the difference is seen."""
    lam = 5.0 * len(shape)
    dense = disturbed("heatbath", shape, lam)
    z = normals(dense, 2 * LANES)
    kept = z[:, : dense.reduced_sites].numpy()
    expected, scores = dense(z), scored(scoring(dense), kept).scores
    monkeypatch.setattr(sublattice, "MOST_DENSE", 8)
    flow = disturbed("heatbath", shape, lam)
    assert (dense.prior.basis.dense, dense.neighbour_sums.dense) == (True, True)
    assert (flow.prior.basis.dense, flow.neighbour_sums.dense) == (False, False)
    draw = drawing(flow)
    for phi, log_q in (flow(z), draw(z.numpy())):
        assert np.abs(np.asarray(phi) - expected.phi.numpy()).max() < 1e-12
        assert np.abs(np.asarray(log_q) - expected.log_q.numpy()).max() < 1e-11
    assert (flow.log_q(expected.phi) - expected.log_q).abs().max() < 1e-10
    assert np.abs(scored(scoring(flow), kept).scores - scores).max() < 1e-10 * np.abs(scores).max()
    assert log_q_error(flow, samples=2, draw=draw) < 1e-10
    flow.prior.basis.to_cells_place[:, :1] = flow.prior.basis.to_cells_place[:, :1].flip(0)
    assert (flow(z).phi - expected.phi).abs().max() > 1e-3


@pytest.mark.parametrize("shape", [(32, 32), (26, 20)])
def test_fields_come_back(shape):
    flow = disturbed("heatbath", shape, 5.0)
    phi, log_q = flow(normals(flow, 3))
    assert float((flow.log_q(phi) - log_q).abs().max()) < 1e-8
