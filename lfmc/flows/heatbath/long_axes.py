"""Fourier modes of a long axis by butterflies and small products.

The dense matrix of `sublattice.waves` on n sites costs n products per number. Its rows are
symmetric or antisymmetric under two maps of the axis onto itself: the translation by half of it,
which tells even wave numbers from odd ones, and the reflection, which tells cosines from sines. So

    modes = products . butterflies,    a butterfly (x_i, x_j) -> (x_i + x_j, x_i - x_j):

the translation, again and again on the even wave numbers while there are many sites and their
number is even, and the reflection of what is left each time. There remain blocks of n/4, n/4, n/8,
n/8, ... numbers with the elements of the dense matrix: about n/6 products per number, n/2 where n
is odd, and the same map up to rounding.
"""

from typing import NamedTuple

import numpy as np

from lfmc.flows.heatbath.sublattice import waves
from lfmc.lattice import FloatArray, IntArray

# The translation no longer pays on so few sites: their blocks are small as they are.
FEW_SITES = 8


class Level(NamedTuple):
    """Butterflies of places that do not share any.

    Attributes:
        quads: (a, b, c, d): sums of a and c, b and d to a, b; of their differences the difference
            and the sum to c and d, (quads, 4).
        pairs: (i, j): sum to i, difference to j, (pairs, 2).
        single: places that stay as they are.
    """

    quads: list[tuple[int, int, int, int]]
    pairs: list[tuple[int, int]]
    single: list[int]


class Block(NamedTuple):
    """A product: modes = matrix @ numbers at these places; matrix (modes, places)."""

    places: IntArray
    modes: IntArray
    matrix: FloatArray


class Factors(NamedTuple):
    """The modes of one axis: butterflies level by level, then products."""

    levels: list[Level]
    blocks: list[Block]


def factors(extent: int, parity: int) -> Factors:
    """Factorise the matrix of `waves(extent, parity)`."""
    matrix, numbers = waves(extent, parity)
    half = len(numbers)
    index = np.arange(half)
    sine = (index % 2 == 0) & (index > 0)
    if half % 2 == 0:
        sine[-1] = parity == 1
    levels: list[Level] = []
    blocks: list[Block] = []
    site = index.copy()  # one that enters the number at each place with a factor of one

    def block(first: int, end: int, modes: FloatArray) -> None:
        if end > first:
            chosen, places = np.flatnonzero(modes), np.arange(first, end)
            blocks.append(Block(places, chosen, matrix[np.ix_(chosen, site[places])]))

    left, count, step = np.ones(half, dtype=bool), half, 1
    while count % 2 == 0 and count > FEW_SITES:
        count //= 2
        level = _translation(count, parity)
        levels.append(level)
        for i, j in level.pairs:
            site[j] = site[i]
        for _, b, c, d in level.quads:
            site[c] = site[d] = site[b]
        odd = left & (numbers // step % 2 == 1)
        middle = count + (count + 1 - parity) // 2
        block(count, middle, odd & ~sine)
        block(middle, 2 * count, odd & sine)
        left, step = left & ~odd, 2 * step
    level = _reflection(count, parity)
    levels.append(level)
    for i, j in level.pairs:
        site[j] = site[i]
    middle = (count + 2 - parity) // 2
    block(0, middle, left & ~sine)
    block(middle, count, left & sine)
    return Factors(levels, blocks)


def _translation(count: int, parity: int) -> Level:
    """By `count` of the first 2 count sites, and the reflection of the differences."""
    level = Level([], [], [])
    for j in range(count):
        other = count - parity - j
        if other in (j, count):
            level.pairs.append((j, j + count))
        elif j < other:
            level.quads.append((j, other, j + count, other + count))
    return level


def _reflection(count: int, parity: int) -> Level:
    """Of the first `count` sites."""
    level = Level([], [], [])
    for j in range(count // 2 + 1):
        other = (count - parity - j) % count
        if j == other:
            level.single.append(j)
        elif j < other:
            level.pairs.append((j, other))
    return level


def table_of(found: Factors, back: bool) -> tuple[list[int], list[float]]:
    """As the kernels read it, in the order of their work; `back` for modes to sites.

    Returns:
        Number of levels, of each the numbers of quads, pairs and single places, and these; number
        of blocks, of each its size, places and modes. The elements of all matrices.
    """
    levels: list[int] = [len(found.levels)]
    for level in found.levels[::-1] if back else found.levels:
        levels += [len(part) for part in level]
        levels += [place for part in level for entry in part for place in np.atleast_1d(entry)]
    blocks, elements = [len(found.blocks)], []
    for block in found.blocks:
        blocks += [len(block.modes), int(block.places[0]), *block.modes.tolist()]
        elements += (block.matrix.T if back else block.matrix).ravel().tolist()
    return (blocks + levels if back else levels + blocks), elements
