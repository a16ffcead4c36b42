"""Maps along rings: Jacobian, inverse, the bound that keeps them one to one, and their geometry."""

import pytest
import torch

from lfmc.flows.heatbath.checkerboard import split
from lfmc.flows.heatbath.lines import Lines
from lfmc.flows.heatbath.rings import Edges, bounded, inverse_ring_map, ring_map, ring_newton
from lfmc.lattice import neighbours

pytestmark = pytest.mark.unit

TERMS, RINGS, BATCH = 2, 3, 4


def normals(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def edges(sites: int, raw: float) -> Edges:
    strength = bounded(torch.full((TERMS,), raw, dtype=torch.float64))[:, None, None]
    sharpness = torch.tensor([0.5, 2.0], dtype=torch.float64)[:, None, None]
    return Edges(normals(sites, TERMS, RINGS, BATCH, seed=1), strength, sharpness)


def jacobian(x: torch.Tensor, known: Edges) -> torch.Tensor:
    """(RINGS, BATCH, sites, sites); all else of the map's Jacobian vanishes."""
    full = torch.autograd.functional.jacobian(lambda y: ring_map(y, known).value, x)
    own = full.permute(1, 2, 4, 5, 0, 3)
    own = own.diagonal(0, 0, 2).diagonal(0, 0, 1)
    assert own.abs().sum() == pytest.approx(float(full.abs().sum()))
    return own.permute(2, 3, 0, 1)


@pytest.mark.parametrize("raw", [-30.0, 0.3, 8.0])
@pytest.mark.parametrize("sites", [1, 2, 3, 4, 7])
def test_log_determinant_is_that_of_the_jacobian(sites, raw):
    x, known = 2 * normals(sites, RINGS, BATCH), edges(sites, raw)
    matrix = jacobian(x, known)
    assert torch.allclose(matrix, matrix.mT, atol=1e-13)
    expected = torch.linalg.slogdet(matrix)
    assert torch.all(expected.sign == 1)
    assert torch.allclose(ring_map(x, known).ladj, expected.logabsdet, rtol=0, atol=1e-11)


@pytest.mark.parametrize("raw", [-30.0, 0.3, 8.0])
@pytest.mark.parametrize("sites", [1, 2, 5])
def test_inverse_finds_the_sites_again(sites, raw):
    x, known = 3 * normals(sites, RINGS, BATCH), edges(sites, raw)
    found = inverse_ring_map(ring_map(x, known).value, known)
    assert torch.allclose(found, x, rtol=0, atol=1e-12)


def test_newton_step_has_the_derivatives_of_the_inverse():
    x, known = normals(5, RINGS, BATCH), edges(5, 0.7)
    value = ring_map(x, known).value

    def through_newton(at: torch.Tensor, fields: torch.Tensor) -> torch.Tensor:
        return ring_newton(at, x, known._replace(fields=fields))

    def inverted(at: torch.Tensor, fields: torch.Tensor) -> torch.Tensor:
        return inverse_ring_map(at, known._replace(fields=fields))

    towards = (normals(5, RINGS, BATCH, seed=2), normals(5, TERMS, RINGS, BATCH, seed=3))
    at = (value, known.fields)
    _, derivative = torch.autograd.functional.jvp(through_newton, at, towards)
    ahead, behind = (
        inverted(*(a + h * t for a, t in zip(at, towards, strict=True))) for h in (1e-5, -1e-5)
    )
    assert torch.allclose(derivative, (ahead - behind) / 2e-5, rtol=0, atol=1e-8)


def test_strengths_are_bounded_and_beyond_the_bound_the_map_folds():
    weakest = bounded(torch.full((3,), -1e3, dtype=torch.float64))
    assert -0.25 < float(weakest.sum()) < -0.2
    assert bounded(torch.zeros(3, dtype=torch.float64)).abs().max() < 5e-15 / 12
    x, known = torch.zeros(4, RINGS, BATCH, dtype=torch.float64), edges(4, 0.0)
    folded = Edges(torch.zeros_like(known.fields), torch.tensor(-0.13), known.sharpness)
    assert torch.isnan(ring_map(x, folded).ladj).all()  # two terms: -0.26 in all


@pytest.mark.parametrize("shape", [(4, 4), (6, 6), (4, 6), (4, 2, 4)])
def test_an_edge_is_the_integrated_site_between_its_two_sites(shape):
    halves, near = split(shape), neighbours(shape)
    integrated = torch.tensor(halves.integrated.sites)
    cells = integrated.reshape(len(halves.integrated.parities), -1, 1, 1)
    for half in (halves.half_a, halves.half_b):
        sites = torch.tensor(half.sites)[:, None]
        for axis in range(len(shape)):
            lines = Lines(half, halves.integrated, axis)
            ring, edge = lines.rings(sites)[..., 0], lines.edges(cells)[:, 0, :, 0]
            assert torch.equal(lines.sites(ring[..., None]), sites)
            along = near[:, 2 * axis : 2 * axis + 2]
            for one, other, between in zip(
                ring.flatten().tolist(),
                ring.roll(-1, 0).flatten().tolist(),
                edge.flatten().tolist(),
                strict=True,
            ):
                assert along[one, 0] == between == along[other, 1]
