"""Masses from correlators."""

import numpy as np
import pytest
from analysis_synthetic import free_two_point
from hypothesis import given, settings
from hypothesis import strategies as st

from lfmc.lattice import separation_orbits
from lfmc.theories.masses import (
    effective_mass,
    plateau_range,
    pole_mass,
    second_moment_mass,
)
from lfmc.theories.phi4.reference import reference_data

pytestmark = pytest.mark.unit


def orbit_mean(full, shape):
    orbits = separation_orbits(shape)
    return np.bincount(orbits.label, full) / orbits.size


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.floats(0.05, 2.0), st.integers(1, 12))
def test_effective_mass_of_an_exact_cosh(mass, half):
    time = np.arange(2 * half)
    found = effective_mass(0.3 * np.cosh(mass * (time - half)))
    # an arccosh near 1 loses half the digits
    np.testing.assert_allclose(found, mass, rtol=1e-6)
    assert pole_mass(found, np.ones(half)) == pytest.approx(mass, rel=1e-6)


def test_effective_mass_below_one_is_nan_and_left_out_of_the_plateau():
    time = np.arange(12)
    correlator = np.cosh(0.4 * (time - 6))
    correlator[6] *= 1.2
    found = effective_mass(correlator)
    assert np.isnan(found[5])
    assert np.isnan(pole_mass(found, np.ones(6)))
    errors = np.where(np.isnan(found), np.nan, 0.1)
    assert pole_mass(found, errors) == pytest.approx(found[4])


def test_plateau_starts_late_and_never_at_one_where_it_can():
    assert [plateau_range(n) for n in (2, 4, 6, 8, 14)] == [(1, 1), (2, 2), (2, 3), (3, 4), (6, 7)]


@pytest.mark.parametrize("shape", [(8, 8), (6, 6, 6), (10, 4)])
def test_masses_of_the_free_field(shape):
    """Pole at 4 sinh^2(m/2) = m2 and second moment m^2 = m2, both exact on the lattice."""
    two_point = orbit_mean(free_two_point(shape, 0.37), shape)
    assert second_moment_mass(two_point, shape) == pytest.approx(np.sqrt(0.37))
    from lfmc.theories.two_point import zero_momentum_correlator

    masses = effective_mass(zero_momentum_correlator(two_point, shape))
    np.testing.assert_allclose(masses, 2 * np.arcsinh(np.sqrt(0.37) / 2))


@pytest.mark.parametrize("name", ["E1", "E2", "E3", "E4", "E5"])
def test_definitions_reproduce_the_independent_measurement(name):
    """From its correlators: effective masses, second-moment mass (one error), published pole."""
    known = reference_data()["ensembles"][name]
    measured, extent = known["measured"], known["shape"][0]
    correlator, _ = np.array(measured["Gt"])
    masses = extent * effective_mass(correlator)
    mass, spread = np.array(measured["mLeff"])
    assert (np.abs(masses - mass) < spread).all()
    value, error = known["published"]["mpL"]
    assert abs(pole_mass(masses, spread) - value) < 1.5 * error
    # G(x) is not in the reference: a one-dimensional chain with the same G~(0, t) has all of it
    line = orbit_mean(correlator, (extent,))
    value, spread = measured["m2ndL"]
    assert abs(extent * second_moment_mass(line, (extent,)) - value) < 1.0 * spread
    assert correlator.sum() * extent == pytest.approx(measured["chi2"][0], rel=1e-5)
