"""The conditional of one site: its normalisation, its mean and its quantile, against quadrature."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import log_ndtr

from lfmc.errors import LfmcError
from lfmc.flows.heatbath.site_conditional import SiteConditional
from lfmc.flows.heatbath.site_tables import site_tables
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.unit

ACTIONS = {
    "E5": Phi4((4, 4), -4.0, 5.113),
    "slides": Phi4((4, 4), -4.0, 6.975, normalisation=0.5),
    "double well": Phi4((4, 4), -8.0, 5.0),
    "nearly free": Phi4((4, 4), 1.0, 1e-6),
    "free": Phi4((4, 4), 1.0, 0.0),
    "3d": Phi4((4, 4, 4), -6.0, 14.59),
}


@pytest.fixture(scope="module", params=ACTIONS)
def case(request):
    action = ACTIONS[request.param]
    return action, SiteConditional(site_tables(action, 256))


def exponent(action: Phi4, phi: float, j: float) -> float:
    return -action.quadratic * phi**2 - action.lam * phi**4 + 2 * action.hopping * j * phi


def integral(action: Phi4, j: float, low: float, high: float, power: int = 0) -> float:
    return quad(
        lambda y: y**power * np.exp(exponent(action, y, j)), low, high, limit=200, epsabs=1e-13
    )[0]


@pytest.mark.parametrize("j", [-2.3, -0.4, 0.0, 0.7, 3.1])
def test_log_z_and_its_slope_match_quadrature(case, j):
    action, site = case
    z = integral(action, j, -12, 12)
    mean = integral(action, j, -12, 12, 1) / z
    field = torch.tensor([j], dtype=torch.float64, requires_grad=True)
    value = site.log_z(field)
    value.sum().backward()
    assert value.item() == pytest.approx(np.log(z), abs=1e-7)
    assert field.grad.item() == pytest.approx(2 * action.hopping * mean, abs=1e-6)


@pytest.mark.parametrize("j", [-2.3, 0.0, 1.1])
@pytest.mark.parametrize("u", [-3.0, -0.6, 0.0, 1.7])
def test_map_of_a_normal_score_is_the_quantile(case, j, u):
    action, site = case
    phi = float(site.map(torch.tensor([u]).double(), torch.tensor([j]).double()).value)
    below = integral(action, j, -12, phi) / integral(action, j, -12, 12)
    assert below == pytest.approx(float(np.exp(log_ndtr(u))), abs=2e-6)


def test_slope_is_that_of_the_interpolant_and_positive(case):
    _, site = case
    u = torch.linspace(-9.5, 9.5, 3001, dtype=torch.float64, requires_grad=True)
    for j in (-1.3, 0.0, 0.21, 4.0):
        mapped = site.map(u, torch.full_like(u, j))
        slope = torch.autograd.grad(mapped.value.sum(), u, retain_graph=True)[0]
        assert bool((slope > 0).all())
        assert torch.allclose(torch.log(slope), mapped.ladj, rtol=0, atol=1e-9)


def test_inverse_undoes_the_map_even_beyond_the_table(case):
    _, site = case
    u = torch.linspace(-11, 11, 401, dtype=torch.float64)
    for j in (-60.0, -0.4, 0.0, 2.0, 60.0):
        field = torch.full_like(u, j)
        forward = site.map(u, field)
        back = site.inverse(forward.value, field)
        assert torch.allclose(back.ladj, forward.ladj, rtol=0, atol=1e-8)
        assert torch.allclose(back.value, u, rtol=0, atol=1e-8)


def test_strong_coupling_is_tabulated_as_well():
    """lam = 1000: fields of 0.15, so that the table ends at |J| = 2; by the trapezoidal rule."""
    action = Phi4((4, 4), -4.0, 1000.0)
    site = SiteConditional(site_tables(action, 256))
    grid = np.linspace(-0.8, 0.8, 40_001)
    for j in (0.0, 0.4, 1.3):
        density = np.exp(exponent(action, grid, j))
        field = torch.tensor([j], dtype=torch.float64)
        assert float(site.log_z(field)) == pytest.approx(
            np.log(density.sum() * (grid[1] - grid[0])), abs=1e-7
        )
        below = density.cumsum() / density.sum()
        for u in (-3.0, -0.6, 1.7):
            phi = float(site.map(torch.tensor([u]).double(), field).value)
            assert np.interp(phi, grid, below) == pytest.approx(np.exp(log_ndtr(u)), abs=5e-4)


DEEP = [(-12.0, 2.0), (-16.0, 1.0), (-40.0, 1.0), (-60.0, 20.0)]  # barriers of 8, 36, 324 and 39


@pytest.mark.parametrize(("m2", "lam"), DEEP)
def test_maps_over_a_barrier_increase_everywhere(m2, lam):
    """Between nodes of J too, where the jump from well to well lies elsewhere than at the nodes."""
    tables = site_tables(Phi4((4, 4), m2, lam), 128)
    site = SiteConditional(tables)
    u = torch.linspace(-8.2, 8.2, 8001, dtype=torch.float64)
    for k in (0, 1, 2, 5, 60):
        for share in (0.0, 0.01, 0.3, 0.5, 0.99):
            j = torch.full_like(u, (k + share) * tables.j_step)
            mapped = site.map(u, j)
            assert bool((mapped.value.diff() > 0).all())
            assert bool(mapped.ladj.isfinite().all())
            assert float((site.inverse(mapped.value, j).value - u).abs().max()) < 1e-9


@pytest.mark.parametrize(("m2", "lam"), DEEP)
def test_quantiles_over_a_barrier_are_right_at_the_nodes(m2, lam):
    action = Phi4((4, 4), m2, lam)
    tables = site_tables(action, 128)
    site = SiteConditional(tables)
    for k in (1, 20):
        j = k * tables.j_step
        grid = np.linspace(-12, 12, 200_001)
        density = exponent(action, grid, j)
        below = np.exp(density - density.max()).cumsum()
        for u in (-2.0, 0.3, 1.5):
            phi = float(site.map(torch.tensor([u]).double(), torch.tensor([j]).double()).value)
            share = np.interp(phi, grid, below / below[-1])
            assert share == pytest.approx(float(np.exp(log_ndtr(u))), abs=2e-3)


def test_cubics_that_are_not_limited_would_fold(monkeypatch):
    """Negative control: the same tables as they were interpolated before."""
    monkeypatch.setattr("lfmc.flows.heatbath.site_conditional.FLATTEST", -1e300)
    monkeypatch.setattr("lfmc.flows.heatbath.site_conditional.STEEPEST", 1e300)
    site = SiteConditional(site_tables(Phi4((4, 4), -12.0, 2.0), 128))
    u = torch.linspace(-2, 2, 8001, dtype=torch.float64)
    assert bool((site.map(u, torch.full_like(u, 0.02)).value.diff() < 0).any())


def test_wells_out_of_reach_are_refused_with_their_depth():
    with pytest.raises(LfmcError, match=r"wells of the potential, 6.4e.07 below its barrier"):
        site_tables(Phi4((4, 4), -16.0, 1e-6), 128)
