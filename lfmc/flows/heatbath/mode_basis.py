"""The modes of the prior on the kept sites: a dense matrix, or cell by cell.

A mode is cos(k x) or sin(k x) on all kept sites. On one cell it is a sum of products of cosines and
sines of one coordinate each, the modes of `sublattice`, in which k_mu and k_mu + pi are the same
but for a sign. So the matrix from modes to kept sites is one of few numbers per row, 4 for d = 2
and 8 for d = 3, and then the transform of each cell. This replaces the dense matrix where an axis
is long or the lattice has many sites.
"""

from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lfmc.flows.heatbath.sublattice import Cells, Transform, has_many_sites
from lfmc.flows.heatbath.sums import Sums, SumsOf, sums_of
from lfmc.flows.modes import Modes
from lfmc.lattice import IntArray


def sums_to_cells(modes: Modes, part: Cells) -> tuple[Sums, Sums]:
    """From the prior's modes to the modes of all cells, and the transpose."""
    each, dimension = part.each, len(modes.shape)
    rows, columns, values = [], [], []
    for cell, parities in enumerate(part.parities):
        axes = [
            _on_one_axis(modes.momenta[:, mu], n, int(p))
            for mu, (n, p) in enumerate(zip(modes.shape, parities, strict=True))
        ]
        for sines in product((0, 1), repeat=dimension):
            # cos(a + b) = cos a cos b - sin a sin b, and so on.
            value = np.full(len(modes.momenta), (-1.0) ** (sum(sines) // 2))
            place = np.zeros(len(modes.momenta), np.int64)
            for axis, sine, n in zip(axes, sines, modes.shape, strict=True):
                value = value * axis.factor[:, sine]
                place = place * (n // 2) + axis.place[:, sine]
            found = (modes.sine == (sum(sines) % 2 == 1)) & (value != 0)
            rows.append(cell * each + place[found])
            columns.append(np.flatnonzero(found))
            values.append(value[found])
    row, column, value = map(np.concatenate, (rows, columns, values))
    square = np.bincount(column, value**2)
    value = value / np.sqrt(square[column])
    return sums_of(row, column, value), sums_of(column, row, value)


def _on_one_axis(k: IntArray, extent: int, parity: int) -> Sums:
    """cos and sin of 2 pi k x / extent in terms of `sublattice.waves(extent, parity)`.

    Returns:
        Rows of the waves and factors, (modes, 2) each: of the cosine and of the sine.
    """
    half = extent // 2
    flip = 1.0 - 2.0 * parity  # of exp(i pi x)
    sign, k = np.where(k >= half, flip, 1.0), k % half
    turned = 2 * k > half  # k - half is as good, and its negative has a row
    cosine, k = np.where(turned, sign * flip, sign), np.where(turned, half - k, k)
    sine = np.where(turned, -cosine, cosine)
    inside, edge = (k > 0) & (2 * k < half), (k > 0) & (2 * k == half)
    size = np.where(inside, (half / 2) ** 0.5, half**0.5)
    own = np.where(edge, half - 1, np.where(inside, 2 * k - 1, 0))
    has_cosine, has_sine = ~(edge & (parity == 1)), inside | (edge & (parity == 1))
    factor = [cosine * size * has_cosine, sine * size * has_sine]
    return Sums(np.stack([own, own + inside], 1), np.stack(factor, 1))


class ModeBasis(nn.Module):
    """Modes (modes, batch) to kept sites (kept, batch) and back; orthogonal.

    Attributes:
        dense: whether it is a product with `basis`, (modes, kept).
        cells: of the kept sites.
    """

    basis: Tensor

    def __init__(self, modes: Modes, part: Cells) -> None:
        super().__init__()
        self.part, self.dense = part, not has_many_sites(modes.shape)
        buffers: dict[str, Any] = {}
        if self.dense:
            buffers["basis"] = modes.on(part.sites)
        else:
            self.cells = Transform(part)
            for name, sums in zip(
                ("to_cells", "to_modes"), sums_to_cells(modes, part), strict=True
            ):
                buffers |= {f"{name}_place": sums.place, f"{name}_factor": sums.factor}
        for name, value in buffers.items():
            self.register_buffer(name, torch.tensor(value), persistent=False)

    def sums(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Places and factors from the modes to those of cells, and of the transpose."""
        found = [
            (self.get_buffer(f"{name}_place"), self.get_buffer(f"{name}_factor"))
            for name in ("to_cells", "to_modes")
        ]
        return found[0], found[1]

    def to_sites(self, modes: Tensor) -> Tensor:
        """(modes, batch) -> (kept, batch)."""
        if self.dense:
            return self.basis.T @ modes
        to_cells, to_modes = self.sums()
        found: Tensor = SumsOf.apply(modes, *to_cells, *to_modes)
        shape = (self.cells.cells, self.part.each, 1, modes.shape[1])
        return self.cells.inverse(found.reshape(shape)).reshape(modes.shape)

    def to_modes(self, x: Tensor) -> Tensor:
        """(kept, batch) -> (modes, batch)."""
        if self.dense:
            return self.basis @ x
        to_cells, to_modes = self.sums()
        shape = (self.cells.cells, self.part.each, 1, x.shape[1])
        cells = self.cells(x.reshape(shape)).reshape(x.shape)
        found: Tensor = SumsOf.apply(cells, *to_modes, *to_cells)
        return found
