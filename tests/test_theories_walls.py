"""Claims about potentials that overflow within |phi| < 1000: exponentials are walls."""

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

import lfmc
from lfmc.theories.functions import exp, log

pytestmark = pytest.mark.unit


@dataclass(frozen=True)
class Wall(lfmc.Scalar):
    """U = a phi^2 + g (exp(2 b phi) - exp(b phi)): inf, then inf - inf, on one side."""

    kind: ClassVar[str] = "test_wall"
    even: ClassVar[bool] = False

    g: float
    b: float

    def constants(self):
        return (2.0 * self.dimension + 0.5, self.g, self.b)

    @staticmethod
    def potential(phi, a, g, b):
        return a * phi**2 + g * (exp(2.0 * b * phi) - exp(b * phi))

    @staticmethod
    def slope(phi, a, g, b):
        return 2.0 * a * phi + g * b * (2.0 * exp(2.0 * b * phi) - exp(b * phi))


@dataclass(frozen=True)
class Logarithm(Wall):
    """U = a phi^2 - g log(b + phi): no number for phi < -b."""

    @staticmethod
    def potential(phi, a, g, b):
        return a * phi**2 - g * log(b + phi)


def test_the_reach_of_a_potential_with_a_wall_is_where_its_weight_has_fallen():
    theory = Wall((4, 4), 0.4, 3.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        low, high = theory.site_range(0.0)
        reach = theory.largest_field()
    least = min(theory.site_action(np.linspace(-1, 1, 2001)))
    for end in (low, high):
        assert 60.0 < theory.site_action(np.float64(end)) - least < 62.0
    assert reach == pytest.approx(11.0, rel=0.02)  # sqrt(60 / m2) on the side without a wall


def test_a_wall_that_opens_is_refused():
    with pytest.raises(lfmc.LfmcError, match="does not confine"):
        Wall((4, 4), -0.4, 3.0).site_range(0.0)
    with pytest.raises(lfmc.LfmcError, match="not bounded from below"):
        Wall((4, 4), -0.4, 3.0).largest_field()


def test_a_potential_that_is_no_number_is_refused_by_its_place():
    with pytest.raises(lfmc.LfmcError, match=r"no number at phi = -2\.00"):
        Logarithm((4, 4), 1.0, 2.0).largest_field()


def test_the_default_flow_exists_for_a_potential_with_a_wall():
    """Its tables cover the wall: log q of its samples is that of the inverse map."""
    flow = lfmc.build_flow(Wall((4, 4), 0.4, 1.2), {"kind": "heatbath", "layers": 2}, seed=1)
    z = torch.randn(64, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        phi, log_q = flow(z)
        back = flow.log_q(phi)
    assert torch.isfinite(phi).all()
    assert float((log_q - back).abs().max()) < 1e-6
