"""Which sites a heat-bath flow integrates exactly, and how it splits the rest."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lfmc.errors import LfmcError
from lfmc.flows.heatbath.sublattice import Cells, cells
from lfmc.lattice import IntArray, Shape, neighbours, volume


class Split(NamedTuple):
    """Partition of the lattice.

    Attributes:
        integrated: sites of even parity, (V/2,): independent of each other once the rest is given.
        half_a, half_b: sites of odd parity with even and with odd x_0.
        kept: the sites of half A, then those of half B, (V/2,); kept_cells: likewise.
        near: places in `kept` of the neighbours of every integrated site, in order and as often as
            they are its neighbours, (V/2, 2d).
    """

    integrated: Cells
    half_a: Cells
    half_b: Cells
    kept: IntArray
    kept_cells: Cells
    near: IntArray


@lru_cache
def split(shape: Shape) -> Split:
    """The partition of a lattice with even extents and d >= 2.

    In two dimensions a quarter turn about any kept site maps each half onto itself, so the
    couplings between the halves keep the full point group.

    Raises:
        LfmcError: one dimension, or an odd extent.
    """
    if len(shape) < 2:
        raise LfmcError(f"the heatbath flow needs d >= 2, not shape {list(shape)}; use realnvp")
    half_a, half_b = (cells(shape, 1, first) for first in (0, 1))
    integrated = cells(shape, 0)
    kept, even = np.concatenate([half_a.sites, half_b.sites]), integrated.sites
    parities = np.concatenate([half_a.parities, half_b.parities])
    kept_cells = Cells(shape, parities, kept)
    position = np.full(volume(shape), -1)
    position[kept] = np.arange(len(kept))
    near = np.sort(position[neighbours(shape)[even]], axis=1)
    return Split(integrated, half_a, half_b, kept, kept_cells, near)
