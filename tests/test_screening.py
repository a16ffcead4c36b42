"""Screening of U(1) links: a map of Jacobian 1 that damps long waves of the plaquettes."""

import numpy as np
import pytest

from lfmc.flows.screening import SUBLATTICES, _moving, _propagator, _shifts, screened
from lfmc.theories.u1.decimation import plaquettes_of
from lfmc.theories.u1.torus import turned


def links_of(shape, count, width, seed=1):
    return np.random.default_rng(seed).normal(0, width, (count, *shape, 2))


@pytest.mark.unit
@pytest.mark.parametrize("shape", [(2, 2), (4, 6), (8, 4)])
def test_the_inverse_leads_back_and_is_not_the_map_itself(shape):
    links = links_of(shape, 20, 1.5)
    there = screened(links, 0.3)
    assert np.abs(screened(there, 0.3, inverse=True) - links).max() < 1e-12
    assert np.abs(there - links).max() > 0.01
    assert np.abs(screened(there, -0.3) - links).max() > 1e-4  # another order of the sublattices
    for place in (0, 7):
        alone = screened(links[place : place + 1], 0.3)
        assert np.abs(alone - there[place]).max() < 1e-12


def own_plaquettes(links, across, along, mu):
    """The shifts if plaquettes of moving links were used themselves."""
    waves = np.sin(plaquettes_of(links))
    potential = np.fft.irfft2(np.fft.rfft2(waves) * _propagator(waves.shape[1:]), s=waves.shape[1:])
    moving = _moving(waves.shape[1:], across, along, mu)
    return np.where(moving, potential - np.roll(potential, 1, 2 - mu), 0.0)


@pytest.mark.unit
def test_the_volume_of_links_is_kept(monkeypatch):
    """By the numerical Jacobian; negative control: shifts by plaquettes of moving links."""
    shape, h = (2, 4), 1e-6
    links = links_of(shape, 1, 1.0)
    eye = np.eye(links.size).reshape(-1, *shape, 2)

    def log_jacobian():
        slope = (screened(links + h * eye, 0.4) - screened(links - h * eye, 0.4)) / (2 * h)
        return np.linalg.slogdet(slope.reshape(links.size, -1))[1]

    assert abs(log_jacobian()) < 1e-7
    monkeypatch.setattr("lfmc.flows.screening._shifts", own_plaquettes)
    assert abs(log_jacobian()) > 1e-3


@pytest.mark.unit
def test_shifts_are_gauge_invariant_and_commute_with_turned_lines():
    links = links_of((4, 6), 5, 1.0)
    angle, moved = np.random.default_rng(3).uniform(-9, 9, (5, 4, 6)), links.copy()
    for mu in range(2):
        moved[..., mu] += angle - np.roll(angle, -1, 1 + mu)
    there = screened(links, 0.3)
    assert np.abs((screened(moved, 0.3) - moved) - (there - links)).max() < 1e-12
    lines = np.random.default_rng(4).uniform(-3, 3, (5, 2))
    assert np.abs(screened(turned(links, lines), 0.3) - turned(there, lines)).max() < 1e-12


@pytest.mark.unit
def test_long_waves_are_damped_by_the_strength_over_k_squared():
    """Small fields to the first order; reversed shifts (negative control) amplify them."""
    size, strength = 16, 0.01
    for axis in (0, 1):
        wave = np.cos(2 * np.pi * np.arange(size) / size)
        links = np.zeros((1, size, size, 2))
        across = np.expand_dims(wave, 1 - axis) * np.ones((size, size))
        links[0, ..., 1 - axis] = 1e-4 * across
        before = np.abs(np.fft.fft2(plaquettes_of(links))).max()
        k2 = 4 * np.sin(np.pi / size) ** 2
        found = []
        for sign in (1, -1):
            after = np.abs(np.fft.fft2(plaquettes_of(screened(links, sign * strength)))).max()
            found.append((1 - after / before) * k2 / strength)
        assert 0.85 < found[0] < 1.0  # sums of two plaquettes see the wave a little weaker
        assert -1.1 < found[1] < -0.85


@pytest.mark.unit
def test_every_link_moves_once():
    links = links_of((4, 4), 1, 1.0)
    moved = np.zeros(links.shape, int)
    for across, along, mu in SUBLATTICES:
        moved[..., mu] += _shifts(links, across, along, mu) != 0
    assert (moved == 1).all()
