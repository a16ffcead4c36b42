"""Which sites a heat-bath flow integrates exactly, and how it splits the rest."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lfmc.errors import LfmcError
from lfmc.lattice import (
    FloatArray,
    IntArray,
    Shape,
    coordinates,
    neighbours,
    parity,
)


class Split(NamedTuple):
    """Partition of the lattice.

    Attributes:
        integrated: sites of even parity, (V/2,): independent of each other once the rest is given.
        kept: sites of odd parity, first those with even x_0 (half A), then half B, (V/2,).
        half_a: number of sites of half A.
        adjacency: (kept, integrated), how often each kept site neighbours an integrated one.
    """

    integrated: IntArray
    kept: IntArray
    half_a: int
    adjacency: FloatArray


@lru_cache
def split(shape: Shape) -> Split:
    """The partition of a lattice with even extents and d >= 2.

    In two dimensions a quarter turn about any kept site maps each half onto itself, so the
    couplings between the halves keep the full point group.
    """
    if len(shape) < 2:
        raise LfmcError(f"the heatbath flow needs d >= 2, not shape {list(shape)}; use realnvp")
    x = coordinates(shape)
    even = np.flatnonzero(parity(shape) == 0)
    a = np.flatnonzero((parity(shape) == 1) & (x[:, 0] % 2 == 0))
    b = np.flatnonzero((parity(shape) == 1) & (x[:, 0] % 2 == 1))
    kept = np.concatenate([a, b])
    position = np.full(len(x), -1)
    position[kept] = np.arange(len(kept))
    adjacency = np.zeros((len(kept), len(even)))
    for column, site in enumerate(even):
        np.add.at(adjacency[:, column], position[neighbours(shape)[site]], 1)
    return Split(even, kept, len(a), adjacency)
