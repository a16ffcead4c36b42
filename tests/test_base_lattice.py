"""Claims about the geometry: parity, neighbours, momenta and orbits in any dimension."""

from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfmc.lattice import (
    coordinates,
    khat2,
    neighbours,
    parity,
    point_group,
    separation_orbits,
    volume,
)

pytestmark = pytest.mark.unit

shapes = st.lists(st.sampled_from([2, 4, 6]), min_size=1, max_size=3).map(tuple)


@given(shapes)
def test_parity_is_a_checkerboard(shape):
    colour = parity(shape)
    assert (colour[neighbours(shape)] == 1 - colour[:, None]).all()
    assert colour.sum() * 2 == volume(shape)
    assert colour[0] == 0


def test_parity_is_not_the_stripes_of_a_flattened_lattice():
    stripes = np.arange(16) % 2
    assert (parity((4, 4)) != stripes).any()
    assert (stripes[neighbours((4, 4))] == stripes[:, None]).any()  # what the claim would catch


@given(shapes)
def test_neighbours_step_by_one_in_one_direction(shape):
    x, table = coordinates(shape), neighbours(shape)
    extent = np.asarray(shape)
    for mu in range(len(shape)):
        step = np.eye(len(shape), dtype=int)[mu]
        assert (x[table[:, 2 * mu]] == (x + step) % extent).all()
        assert (x[table[:, 2 * mu + 1]] == (x - step) % extent).all()


@given(shapes)
def test_forward_and_backward_neighbours_are_inverse(shape):
    site, table = np.arange(volume(shape)), neighbours(shape)
    for mu in range(len(shape)):
        assert (table[table[:, 2 * mu], 2 * mu + 1] == site).all()


@given(shapes)
def test_khat2_are_the_eigenvalues_of_box(shape):
    field = np.zeros(volume(shape))
    field[0] = 1.0
    box = 2 * len(shape) * field - field[neighbours(shape)].sum(1)
    spectrum = np.fft.fftn(box.reshape(shape)).ravel()
    assert np.allclose(spectrum, khat2(shape), atol=1e-12)


@given(shapes)
def test_orbits_partition_the_separations(shape):
    orbits = separation_orbits(shape)
    assert orbits.size.sum() == volume(shape)
    assert (np.bincount(orbits.label) == orbits.size).all()
    assert orbits.label[0] == 0
    assert (orbits.representative[0] == 0).all()
    assert orbits.size[0] == 1
    assert (orbits.representative * 2 <= np.asarray(shape)).all()


@given(st.sampled_from([(4, 4), (6, 6), (4, 4, 4), (8,)]))
def test_orbits_of_a_cube_are_those_of_its_point_group(shape):
    x, label = coordinates(shape), separation_orbits(shape).label
    flat = np.ravel_multi_index
    reached = [{int(s)} for s in range(volume(shape))]
    for axes, signs in point_group(len(shape)):
        image = flat(tuple((x[:, axes] * np.asarray(signs) % shape[0]).T), shape)
        assert (label[image] == label).all()
        for site, other in enumerate(image):
            reached[site].add(int(other))
    for site, orbit in enumerate(reached):
        assert orbit == set(np.flatnonzero(label == label[site]).tolist())


def test_orbits_do_not_mix_axes_of_different_length():
    label = separation_orbits((4, 6)).label
    assert label[neighbours((4, 6))[0, 0]] != label[neighbours((4, 6))[0, 2]]


@pytest.mark.parametrize("d", [1, 2, 3])
def test_point_group_has_two_to_the_d_times_d_factorial_elements(d):
    assert len(set(point_group(d))) == 2**d * factorial(d)


def test_tables_are_shared_and_cannot_be_written():
    assert neighbours((4, 4)) is neighbours((4, 4))
    for table in (neighbours((4, 4)), parity((4, 4)), coordinates((4, 4))):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 1
