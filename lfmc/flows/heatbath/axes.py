"""Transforms of fields on cells, axis by axis, as the kernels read them: dense or factorised."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.flows.heatbath.long_axes import factors, table_of
from lfmc.flows.heatbath.sublattice import Cells, has_long_axis, waves


class Axes(NamedTuple):
    """From sites to modes or back, on a set of cells.

    Attributes:
        sides: of a cell, (d,).
        numbers: (cells, numbers): dense, a (side, side) matrix of each axis after the other;
            factorised, the elements of the products of each axis.
        table: (cells, entries), what is to be done with them: whether modes go to sites, where in
            numbers and table each axis begins, and `long_axes.table_of` of every axis. Without
            entries where the matrices are dense.
    """

    sides: NDArray[np.int64]
    numbers: NDArray[np.float64]
    table: NDArray[np.int64]


def axes_of(part: Cells, back: bool) -> Axes:
    """The transform of these cells to modes, or back to sites.

    A lattice with a long axis is factorised along all axes (`sublattice.LONGEST_DENSE`).
    """
    build = _factorised if has_long_axis(part.shape) else _dense
    numbers, table = zip(*(build(part.shape, p, back) for p in part.parities), strict=True)
    sides = np.array([n // 2 for n in part.shape])
    return Axes(sides, _rows(numbers, np.float64), _rows(table, np.int64))


def _dense(shape: tuple[int, ...], parities: NDArray, back: bool) -> tuple[list, list]:
    found = [waves(n, int(p))[0] for n, p in zip(shape, parities, strict=True)]
    return np.concatenate([(m.T if back else m).ravel() for m in found]).tolist(), []


def _factorised(shape: tuple[int, ...], parities: NDArray, back: bool) -> tuple[list, list]:
    numbers: list[float] = []
    header, entries = [int(back)], list[int]()
    for n, p in zip(shape, parities, strict=True):
        table, elements = table_of(factors(n, int(p)), back)
        header += [1 + 2 * len(shape) + len(entries), len(numbers)]
        entries += table
        numbers += elements
    return numbers, header + entries


def _rows(rows: tuple[list, ...], kind: type) -> NDArray[Any]:
    """One row of equal length per cell; what a cell does not need is zero."""
    found: NDArray[Any] = np.zeros((len(rows), max(map(len, rows))), kind)
    for row, values in zip(found, rows, strict=True):
        row[: len(values)] = values
    return found
