"""The variational Gaussian solves its equations, and is the best one where there are several."""

import numpy as np
import pytest

from lfmc.flows.variational import Gaussian, variational_gaussian
from lfmc.lattice import khat2
from lfmc.theories.free import Free
from lfmc.theories.phi4 import Phi4
from lfmc.theories.phi4_in_field import Phi4InField
from lfmc.theories.scalar import Scalar
from lfmc.theories.sine_gordon import SineGordon

pytestmark = pytest.mark.unit

SHAPE = (6, 6)
THEORIES = [
    Phi4(SHAPE, -4.0, 5.113),
    Free(SHAPE, 0.3),
    SineGordon(SHAPE, 1.5, 0.8, 0.5),
    SineGordon(SHAPE, 3.0, 2.0, 0.05),
    Phi4InField(SHAPE, -4.0, 5.113, 0.02),
    Phi4InField(SHAPE, -4.0, 5.113, -0.2),
]
X = np.linspace(-9, 9, 4001)
W = np.exp(-0.5 * X**2) / np.exp(-0.5 * X**2).sum()


def free_energy(theory: Scalar, found: Gaussian) -> float:
    """<S> - entropy per site, up to a constant."""
    hop, kinetic = 2 * theory.dimension * theory.hopping, theory.hopping * khat2(theory.shape)
    field = found.mean + found.variance.mean() ** 0.5 * X
    potential = W @ theory.potential(field, *theory.constants())
    quadratic = ((kinetic - hop) * found.variance).mean() - hop * found.mean**2
    return float(potential + quadratic - 0.5 * np.log(found.variance).mean())


@pytest.mark.parametrize("theory", THEORIES, ids=lambda t: f"{t.kind}, {t.label()}")
def test_no_gaussian_near_by_or_far_off_is_better(theory):
    found = variational_gaussian(theory)
    best = free_energy(theory, found)
    kinetic = 2 * theory.hopping * khat2(theory.shape)
    gap = 1 / found.variance[0]
    assert found.mean == 0 or not theory.even
    for factor in (1e-2, 0.3, 0.99, 1.01, 3.0, 1e2):
        variance = 1 / (kinetic + factor * gap)
        assert free_energy(theory, found._replace(variance=variance)) > best
    for shift in (-1.0, -0.1, -0.01, 0.01, 0.1, 1.0):
        assert free_energy(theory, found._replace(mean=found.mean + shift)) > best


def test_a_field_turns_with_its_source():
    up, down = (variational_gaussian(Phi4InField(SHAPE, -4.0, 5.113, J)) for J in (0.2, -0.2))
    assert up.mean == pytest.approx(-down.mean, abs=1e-6)
    assert up.mean > 0.3
