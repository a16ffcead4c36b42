"""Geometry of a periodic hypercubic lattice in any dimension.

Fields are flat everywhere: a batch of configurations is an array (batch, volume), the site index
running in C order over ``shape``. Functions here return index arrays and never touch a field.
"""

from functools import lru_cache
from itertools import permutations, product
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.errors import LfmcError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Shape = tuple[int, ...]


def volume(shape: Shape) -> int:
    """Number of sites."""
    return prod(shape)


@lru_cache
def coordinates(shape: Shape) -> IntArray:
    """Coordinates of every site, (volume, d), in flat site order."""
    grid = np.indices(shape).reshape(len(shape), -1).T.astype(np.int64)
    grid.flags.writeable = False
    return grid


@lru_cache
def neighbours(shape: Shape) -> IntArray:
    """Sites x+mu and x-mu: (volume, 2d), columns +0, -0, +1, -1, ..."""
    columns = []
    site = np.arange(volume(shape)).reshape(shape)
    for mu in range(len(shape)):
        columns += [np.roll(site, -1, mu).ravel(), np.roll(site, 1, mu).ravel()]
    table = np.stack(columns, axis=1).astype(np.int64)
    table.flags.writeable = False
    return table


def sampler_neighbours(shape: Shape) -> IntArray:
    """The table of `neighbours` as kernels want it: contiguous and plain.

    Raises:
        LfmcError: an extent below 2, where a site is its own neighbour: no sampler has that term.
    """
    if not shape or min(shape) < 2:
        raise LfmcError(f"shape {list(shape)}: samplers need one extent or more, each at least 2")
    return np.array(neighbours(shape))


@lru_cache
def parity(shape: Shape) -> IntArray:
    """Checkerboard colour (sum of coordinates mod 2) of every site, (volume,).

    A true checkerboard for every even extent; ``arange % 2`` would give stripes.
    """
    colour = coordinates(shape).sum(1) % 2
    colour.flags.writeable = False
    return colour


@lru_cache
def khat2(shape: Shape) -> FloatArray:
    """Lattice momentum squared, sum_mu 4 sin^2(pi n_mu / L_mu), (volume,) in FFT order."""
    terms = [4 * np.sin(np.pi * np.arange(n) / n) ** 2 for n in shape]
    total = sum(np.meshgrid(*terms, indexing="ij"))
    return np.asarray(total, dtype=np.float64).ravel()


def require_even(shape: Shape) -> None:
    """Refuse a lattice on which the two colours of `parity` make no checkerboard.

    Raises:
        LfmcError: an extent is odd, so that neighbours around the lattice have the same colour.
    """
    odd = [n for n in shape if n % 2]
    if odd:
        raise LfmcError(
            f"shape {list(shape)}: extent {odd[0]} is odd, a checkerboard needs even extents"
        )


def separation(shape: Shape, origins: IntArray, targets: IntArray) -> IntArray:
    """Flat index of the separation x_target - x_origin of sites, (origins, targets)."""
    x = coordinates(shape)
    difference = (x[targets][None] - x[origins][:, None]) % np.asarray(shape)
    return np.ravel_multi_index(tuple(np.moveaxis(difference, -1, 0)), shape)


class Orbits(NamedTuple):
    """Classes of separations that the lattice's point group maps onto each other.

    Attributes:
        label: orbit of each separation, (volume,), orbit 0 being the origin.
        size: number of separations in each orbit, (orbits,).
        representative: coordinates of one separation of each orbit, (orbits, d), 0 <= x <= L/2.
    """

    label: IntArray
    size: IntArray
    representative: IntArray


@lru_cache
def separation_orbits(shape: Shape) -> Orbits:
    """Orbits of separations under reflections and permutations of axes of equal length."""
    x = coordinates(shape)
    extent = np.asarray(shape)
    folded = np.minimum(x, extent - x)
    canonical = folded.copy()
    for length in set(shape):
        axes = [mu for mu, n in enumerate(shape) if n == length]
        canonical[:, axes] = np.sort(folded[:, axes], axis=1)
    representative, label, size = np.unique(
        canonical, axis=0, return_inverse=True, return_counts=True
    )
    return Orbits(label.ravel().astype(np.int64), size.astype(np.int64), representative)


def point_group(d: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The 2^d d! signed permutations of the hyperoctahedral group, as (axes, signs)."""
    return [(p, s) for p in permutations(range(d)) for s in product((1, -1), repeat=d)]
