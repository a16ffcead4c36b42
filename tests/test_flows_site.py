"""The conditional of one site: its normalisation, its mean and its quantile, against quadrature."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import log_ndtr

from lfmc.action import Phi4
from lfmc.flows.site_conditional import SiteConditional
from lfmc.flows.site_tables import site_tables

pytestmark = pytest.mark.unit

ACTIONS = {
    "E5": Phi4((4, 4), -4.0, 5.113),
    "slides": Phi4((4, 4), -4.0, 6.975, normalisation=0.5),
    "double well": Phi4((4, 4), -8.0, 5.0),
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
