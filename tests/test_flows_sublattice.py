"""Modes of sublattices, and convolutions by them against plain sums over sites."""

import numpy as np
import pytest
import torch

from lfmc.flows.heatbath import sublattice
from lfmc.flows.heatbath.checkerboard import split
from lfmc.flows.heatbath.radial import RadialConvolution, Shells, radial_basis
from lfmc.flows.heatbath.sublattice import Transform, cells
from lfmc.lattice import coordinates, volume

pytestmark = pytest.mark.unit

SHAPES = [(2, 2), (4, 4), (6, 6), (4, 6), (4, 2, 4), (20, 20)]


def normals(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("shape", SHAPES)
def test_cells_partition_the_lattice(shape):
    parts = [cells(shape, 0), cells(shape, 1, 0), cells(shape, 1, 1)]
    assert sorted(np.concatenate([p.sites for p in parts])) == list(range(volume(shape)))
    for part in parts:
        found = coordinates(shape)[part.sites].reshape(len(part.parities), part.each, -1) % 2
        assert np.array_equal(found, np.broadcast_to(part.parities[:, None], found.shape))


@pytest.mark.parametrize("side", [1, 64])
@pytest.mark.parametrize("shape", SHAPES)
def test_transforms_are_orthogonal(shape, side, monkeypatch):
    monkeypatch.setattr(sublattice, "LARGEST_SIDE", side)
    part = cells(shape, 0)
    transform = Transform(part)
    field = normals(len(part.parities), part.each, 2, 3)
    modes = transform(field)
    # Two products with n x n orthogonal matrices (or axis by axis, shorter sums): each number is a
    # sum of n products, off by n u of the sum of their sizes, which is at most the field's norm;
    # entries of the matrices are good to 4 u as well.
    n, u = part.each, torch.finfo(torch.float64).eps / 2
    allowed = 2 * (n + 4) * u * float(field.square().sum(1).sqrt().max())
    assert (transform.inverse(modes) - field).abs().max() <= allowed * len(shape)
    norms = (modes.square().sum((0, 1)), field.square().sum((0, 1)))
    assert torch.allclose(*norms, rtol=1e-12)
    constant = transform(torch.ones_like(field))
    assert torch.allclose(constant[:, 0], torch.full_like(constant[:, 0], part.each**0.5))
    assert float(constant[:, 1:].abs().sum()) < 1e-10


@pytest.mark.parametrize("shape", SHAPES)
def test_convolutions_are_sums_over_sites(shape):
    halves = split(shape)
    x, extent = coordinates(shape), np.asarray(shape)
    for source, target in (
        (halves.half_a, halves.half_b),
        (halves.half_b, halves.integrated),
        (halves.integrated, halves.half_a),
    ):
        convolution = RadialConvolution(Shells(source, target), 2, 3)
        with torch.no_grad():
            convolution.kernel.copy_(normals(*convolution.kernel.shape))
        basis = torch.tensor(radial_basis(source, target).weights)
        row = torch.einsum("fcj,stj->stfc", convolution.kernel.detach(), basis)
        place = np.full(volume(shape), -1)
        place[target.sites] = np.arange(len(target.sites))
        features = normals(len(source.sites), 2, 4)
        expected = torch.zeros(len(target.sites), 3, 4, dtype=torch.float64)
        for number, y in enumerate(x[source.sites]):
            cell = number // source.each
            back = (x[target.sites] - y + x[source.sites[cell * source.each]]) % extent
            moved = place[np.ravel_multi_index(tuple(back.T), shape)]
            expected += torch.einsum("tfc,fb->tcb", row[cell][moved], features[number])
        modes = Transform(source)(features.reshape(len(source.parities), source.each, 2, 4))
        found = Transform(target).inverse(convolution(modes).detach())
        assert torch.allclose(found.reshape(expected.shape), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("shape", [(4, 4), (6, 6), (4, 6), (14, 14), (4, 2, 4)])
def test_radial_kernels_are_a_partition_of_all_separations(shape):
    """Weights times sizes count every pair of sites once, so a constant kernel is in the basis."""
    halves = split(shape)
    for source, target in (
        (halves.half_a, halves.half_b),
        (halves.half_a, halves.integrated),
        (halves.integrated, halves.half_b),
    ):
        basis = radial_basis(source, target)
        assert np.allclose((basis.weights * basis.size).sum(-1), 1)
        assert np.allclose(basis.weights.sum((0, 1)) / len(target.parities), 1)
        assert np.all(np.diff(basis.radius) > 0)
