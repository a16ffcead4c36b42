"""Samples that a theory draws itself: those of the free field have its exact covariance."""

import numpy as np
import pytest

from lfmc.lattice import khat2
from lfmc.theories.free import Free
from lfmc.theories.phi4 import Phi4
from lfmc.theories.two_point import two_point
from lfmc.training.target import target_fields

pytestmark = pytest.mark.unit

THEORY = Free((4, 6), 0.25)
COUNT = 20_000


def sigmas(values, exact):
    return abs(values.mean() - exact) / (values.std(ddof=1) / len(values) ** 0.5)


def deviations(fields):
    """chi2 and G(0) against their exact values, in sigma; normal with 2e4 samples."""
    correlator = two_point(fields, THEORY.shape)
    chi2 = fields.sum(1) ** 2 / THEORY.numbers
    exact = (1 / (2 * khat2(THEORY.shape) + 2 * THEORY.m2)).mean()
    return sigmas(chi2, 1 / (2 * THEORY.m2)), sigmas(correlator[:, 0], exact)


def test_samples_of_the_free_field_have_its_covariance():
    """Two deviations of 4.5 sigma each: a false alarm once in 7e4 seeds."""
    fields = THEORY.independent_fields(COUNT, 11)
    assert max(deviations(fields)) < 4.5
    # The negative control: samples of another mass.
    assert min(deviations(Free((4, 6), 0.3).independent_fields(COUNT, 11))) > 6


def test_trainings_take_the_samples_of_the_theory():
    fields = target_fields(THEORY, COUNT, 5, "F")
    assert fields.shape == (COUNT, 24)
    assert max(deviations(fields)) < 4.5
    assert np.array_equal(fields, target_fields(THEORY, COUNT, 5, "F"))
    assert not np.array_equal(fields, target_fields(THEORY, COUNT, 6, "F"))
    assert Phi4((4, 4), -4.0, 6.0).independent_fields(3, 1) is None
