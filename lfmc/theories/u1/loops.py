"""Plaquettes, Wilson loops and Polyakov lines of given fields in two dimensions."""

import math
from functools import lru_cache
from typing import Any

import numpy as np

from lfmc.lattice import Shape, volume
from lfmc.lattice.links import plaquettes
from lfmc.theories.base import Floats

LONGEST = 6  # side of the largest loop
FARTHEST = 4  # distance of two Polyakov lines


def plaquette_angles(phi: Any, shape: Shape) -> Any:
    """P of every site, numpy or torch, (..., 2V) -> (..., V); not wrapped."""
    one, two, three, four = plaquettes(shape).T.copy()
    return phi[..., one] + phi[..., two] - phi[..., three] - phi[..., four]


def wrapped(angle: Floats) -> Floats:
    """The same angle in [-pi, pi]."""
    return angle - 2 * math.pi * np.rint(angle / (2 * math.pi))


@lru_cache
def loops(shape: Shape) -> tuple[tuple[int, int], ...]:
    """Sides of the measured loops: 1x1, 1x2, 2x2, 2x3 ..., at most half the lattice."""
    longest = min(LONGEST, *(n // 2 for n in shape))
    squares = [(r, t) for r in range(1, longest + 1) for t in (r, r + 1) if t <= longest]
    return tuple(squares) if squares else ((1, 1),)


def distances(shape: Shape) -> range:
    """Distances of the measured pairs of Polyakov lines, which wind round axis 0."""
    return range(1, max(1, min(FARTHEST, shape[1] // 2)) + 1)


def areas(shape: Shape) -> tuple[int, ...]:
    """Plaquettes within each correlator of `loop_cosines`, in its order."""
    pairs = [r * shape[0] for r in distances(shape)]
    return (*(r * t for r, t in loops(shape)), *pairs)


def loop_cosines(phi: Floats, shape: Shape) -> Floats:
    """cos of every loop, averaged over the lattice, (batch, 2V) -> (batch, loops + distances).

    The angle round an area is the sum of its plaquettes; of two Polyakov lines, of those between.
    """
    angle = plaquette_angles(phi, shape).reshape(-1, *shape)
    found = []
    for r, t in loops(shape):
        strip = sum(np.roll(angle, -k, 2) for k in range(t))
        found.append(sum(np.roll(strip, -k, 1) for k in range(r)))
    between = angle.sum(1)
    cosines = [np.cos(box).reshape(len(angle), volume(shape)).mean(1) for box in found]
    for r in distances(shape):
        pair = sum(np.roll(between, -k, 1) for k in range(r))
        cosines.append(np.cos(pair).mean(1))
    return np.stack(cosines, axis=1)
