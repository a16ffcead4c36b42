"""Parts of a lattice that translations by two sites map onto themselves, and their Fourier modes.

A cell is all sites whose coordinates have the same parities: a lattice of half the extents. Its
modes are products of cosines and sines of one coordinate each, so that transforms are small real
matrix products, axis by axis; and a kernel that is even along every axis, from one cell to
another, multiplies each mode by a number.

Fields here have the batch last: (cells, sites of a cell, features, batch).
"""

from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lfmc.lattice import FloatArray, IntArray, Shape, coordinates, require_even

LARGEST_SIDE = 64  # of axes that are transformed as one
# Extents up to which transforms are products with dense matrices. The fast ones of lattices with a
# longer axis are the same maps but for rounding.
LONGEST_DENSE = 14
# Sites up to which products of all kept sites with each other, as of the prior's modes, are dense.
MOST_DENSE = 1500


def has_long_axis(shape: Shape) -> bool:
    """Whether the transforms of this lattice are the fast ones, along all axes."""
    return max(shape) > LONGEST_DENSE


def has_many_sites(shape: Shape) -> bool:
    """Whether this lattice has no matrix of all kept sites by all kept sites."""
    return has_long_axis(shape) or prod(shape) > MOST_DENSE


class Cells(NamedTuple):
    """Sites of some parities.

    Attributes:
        shape: of the whole lattice; extents are even.
        parities: of the coordinates, (cells, d).
        sites: cell by cell, each in C order, (cells * sites of a cell,).
    """

    shape: Shape
    parities: IntArray
    sites: IntArray

    @property
    def each(self) -> int:
        """Sites of a cell."""
        return prod(n // 2 for n in self.shape)


def cells(shape: Shape, total: int, first: int | None = None) -> Cells:
    """Cells with an even (0) or odd (1) sum of parities; `first` selects by the first parity.

    Raises:
        LfmcError: an odd extent, around which two neighbours have the same parity.
    """
    require_even(shape)
    chosen = [
        p
        for p in product((0, 1), repeat=len(shape))
        if sum(p) % 2 == total and first in (None, p[0])
    ]
    parity = coordinates(shape) % 2
    sites = [np.flatnonzero((parity == p).all(1)) for p in chosen]
    return Cells(shape, np.array(chosen), np.concatenate(sites))


def waves(extent: int, parity: int) -> tuple[FloatArray, IntArray]:
    """Orthonormal modes of every second site of a ring, and the wave number of each.

    Returns:
        (modes, sites) of x = parity, parity + 2, ..., and (modes,); the same order of wave numbers,
        cosine before sine, for both parities.
    """
    half = extent // 2
    x = parity + 2 * np.arange(half)
    rows, numbers = [np.full(half, half**-0.5)], [0]
    for k in range(1, (half + 1) // 2):
        phase = 2 * np.pi * k * x / extent
        rows += [np.cos(phase) * (2 / half) ** 0.5, np.sin(phase) * (2 / half) ** 0.5]
        numbers += [k, k]
    if half % 2 == 0:
        # cos(pi x / 2) on even sites, sin(pi x / 2) on odd ones; the other one vanishes there.
        rows.append((1 - 2 * (np.arange(half) % 2)) * half**-0.5)
        numbers.append(half // 2)
    return np.stack(rows), np.array(numbers)


def wave_numbers(shape: Shape) -> IntArray:
    """Of the modes of a cell along every axis, (modes, d)."""
    axes = np.meshgrid(*(waves(n, 0)[1] for n in shape), indexing="ij")
    return np.stack(axes, -1).reshape(-1, len(shape))


class Transform(nn.Module):
    """Fields on cells to their modes and back; orthogonal.

    Attributes:
        part: the sites; `cells` is the number of cells.
    """

    def __init__(self, part: Cells) -> None:
        super().__init__()
        self.part, self.cells = part, len(part.parities)
        sides = [n // 2 for n in part.shape]
        matrices = [
            np.stack([waves(extent, int(p))[0] for p in part.parities[:, axis]])
            for axis, extent in enumerate(part.shape)
        ]
        # A few large products cost less than many small ones.
        while len(sides) > 1 and sides[-1] * sides[-2] <= LARGEST_SIDE:
            last, sides = sides[-1] * sides[-2], sides[:-2]
            kron = np.einsum("cij,ckl->cikjl", matrices[-2], matrices[-1])
            sides, matrices = [*sides, last], [*matrices[:-2], kron.reshape(-1, last, last)]
        self.sides = sides
        for axis, matrix in enumerate(matrices):
            self.register_buffer(f"axis_{axis}", torch.tensor(matrix), persistent=False)

    def forward(self, field: Tensor) -> Tensor:
        """(cells, sites, features, batch) -> (cells, modes, features, batch)."""
        return self._apply_axes(field, False)

    def inverse(self, modes: Tensor) -> Tensor:
        """(cells, modes, features, batch) -> (cells, sites, features, batch)."""
        return self._apply_axes(modes, True)

    def _apply_axes(self, field: Tensor, back: bool) -> Tensor:
        result = field
        before, after = 1, prod(self.sides)
        for axis, side in enumerate(self.sides):
            after //= side
            matrix = self.get_buffer(f"axis_{axis}")
            matrix = matrix.transpose(1, 2) if back else matrix
            columns = result.reshape(self.cells, before, side, -1)
            result = matrix[:, None] @ columns
            before *= side
        return result.reshape(field.shape)


def eigenvalues(source: Cells, target: Cells, rows: FloatArray) -> FloatArray:
    """What kernels that are even along every axis multiply the modes by.

    Args:
        source, target: cells that they connect.
        rows: K(x - y) from the first site y of every source cell to all target sites,
            (source cells, target sites, kernels).

    Returns:
        (source cells, target cells, modes, kernels).
    """
    if has_many_sites(source.shape):
        return _eigenvalues_by_axis(source, target, rows)
    x = coordinates(source.shape)
    origins = x[source.sites[:: source.each]]
    distance = x[target.sites][None] - origins[:, None]
    lead = (len(source.parities), len(target.parities))
    factor = rows.reshape(*lead, target.each, -1)
    # One axis after the other: sum over x of cos(2 pi k x / L).
    distance = distance.reshape(*lead, target.each, -1)
    cosines = np.ones((*lead, target.each, target.each))
    numbers = wave_numbers(source.shape)
    for axis, extent in enumerate(source.shape):
        k = numbers[:, axis]
        cosines *= np.cos(2 * np.pi * k[:, None] * distance[:, :, None, :, axis] / extent)
    return cosines @ factor


def _eigenvalues_by_axis(source: Cells, target: Cells, rows: FloatArray) -> FloatArray:
    """The same sums, one axis after the other: no table of all modes and sites."""
    sides = [n // 2 for n in source.shape]
    lead = (len(source.parities), len(target.parities))
    factor = rows.reshape(*lead, *sides, -1)
    found = np.empty((*lead, target.each, factor.shape[-1]))
    for s, t in np.ndindex(lead):
        value = factor[s, t]
        for axis, extent in enumerate(source.shape):
            first = target.parities[t, axis] - source.parities[s, axis]
            distance = first + 2 * np.arange(extent // 2)
            cosines = np.cos(2 * np.pi * waves(extent, 0)[1][:, None] * distance / extent)
            value = np.moveaxis(np.tensordot(cosines, value, (1, axis)), 0, axis)
        found[s, t] = value.reshape(target.each, -1)
    return found
