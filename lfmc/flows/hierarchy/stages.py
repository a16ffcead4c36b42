"""The order in which sites are drawn, and of which sites drawn before each one knows.

With s a power of two that divides both extents, the sites (s i, s j) come first, one by one. Then
the spacing is halved until it is one: the centres of the cells of spacing 2s, in colours, and then
the sites in the middle of their edges, likewise. The last stage, the edges of spacing one, is half
of the lattice: each of its sites has all of its four neighbours.

Where too many sites are left to be drawn one by one, they are drawn by the cosets of a sublattice
(`lfmc.config.coarsest`), and so are the centres of their cells, which make no pattern of four
colours where an extent of the coarsest lattice is odd; the edges are then drawn in two directions.
"""

from collections.abc import Callable

import numpy as np

from lfmc.config.coarsest import Sublattice, halvings, refusal, sublattice_of
from lfmc.errors import LfmcError
from lfmc.lattice import IntArray, Shape

Site = tuple[int, ...]

MOST_SINGLE = 4  # sites of a spacing that are drawn one by one


def least_step(step: IntArray, shape: Shape) -> IntArray:
    """Separations on the torus, of least size, (..., 2)."""
    extent = np.array(shape)
    step = step % extent
    return np.asarray(np.where(2 * step > extent, step - extent, step))


def groups(shape: Shape, colours: int) -> list[list[int]]:
    """Sites of every stage but the last one.

    Raises:
        LfmcError: as `lfmc.config.coarsest.refusal`.
    """
    if why := refusal(shape):
        raise LfmcError(f"flow hierarchy on shape {list(shape)}: it {why}")
    one, spacing = sublattice_of((shape[0], shape[1])), 1 << halvings(shape)
    coarse: list[Site] = [
        (x, y) for x in range(0, shape[0], spacing) for y in range(0, shape[1], spacing)
    ]
    found: list[list[Site]] = []
    if one is None:
        found += [[site] for site in _spread_out(coarse, shape)]
    else:
        first, *others = _cosets(one, coarse, spacing, shape)
        found += [[site] for site in _spread_out(first, shape)] + others
    s = spacing
    while s > 1:
        s //= 2
        cells: list[Site] = [
            (x, y) for x in range(s, shape[0], 2 * s) for y in range(s, shape[1], 2 * s)
        ]
        whole = all(n % (4 * s) == 0 for n in shape)
        if one is None or whole:
            found += _coloured(cells, shape, _of_cell(s), colours if whole else 0)
        else:
            found += _cosets(one, cells, spacing, shape)
        if s == 1:
            break
        edges: list[Site] = [
            (x, y)
            for x in range(0, shape[0], s)
            for y in range(0, shape[1], s)
            if (x // s + y // s) % 2
        ]
        found += _coloured(edges, shape, _of_edge(s), colours if whole else 2 if one else 0)
    return [[x * shape[1] + y for x, y in group] for group in found]


Colour = Callable[[Site], int]


def _of_cell(s: int) -> Colour:
    """Colour 0 ... 3 of the centre of a cell; 0 and 1 are one colour of a checkerboard."""
    return lambda site: (0, 2, 3, 1)[2 * (site[0] // (2 * s) % 2) + site[1] // (2 * s) % 2]


def _of_edge(s: int) -> Colour:
    """Colour 0 ... 3 of the middle of an edge; 0 and 1 are the edges of one direction."""
    return lambda site: 2 * (site[0] // s % 2) + (site[0] // (2 * s) + site[1] // (2 * s)) % 2


def _coloured(sites: list[Site], shape: Shape, colour: Colour, colours: int) -> list[list[Site]]:
    """Sites in 1, 2 or 4 colours; one by one where they are few or make no pattern (0)."""
    if len(sites) <= MOST_SINGLE or colours == 0:
        return [[site] for site in _spread_out(sites, shape)]
    split: list[list[Site]] = [[] for _ in range(colours)]
    for site in sites:
        split[colour(site) * colours // 4].append(site)
    return split


def _cosets(one: Sublattice, sites: list[Site], spacing: int, shape: Shape) -> list[list[Site]]:
    """The cosets of sites of this spacing, each as far as possible from all before it."""
    split: list[list[Site]] = [[] for _ in range(one.a * one.d)]
    for x, y in sites:
        split[one.coset(x // spacing, y // spacing)].append((x, y))
    chosen, left = split[:1], split[1:]
    while left:
        known = np.concatenate(chosen)

        def nearest(group: list[Site], known: IntArray = known) -> int:
            return int((least_step(known - np.array(group[0]), shape) ** 2).sum(1).min())

        far = max(left, key=nearest)
        left.remove(far)
        chosen.append(far)
    return chosen


def _spread_out(sites: list[Site], shape: Shape) -> list[Site]:
    """Sites in an order in which each is as far as possible from all before it."""
    left, chosen = list(sites[1:]), [sites[0]]
    while left:
        far = max(left, key=lambda site: min(_distance2(site, other, shape) for other in chosen))
        left.remove(far)
        chosen.append(far)
    return chosen


def _distance2(one: Site, other: Site, shape: Shape) -> int:
    """Squared distance on the torus."""
    steps = (abs(a - b) for a, b in zip(one, other, strict=True))
    return sum(min(d, n - d) ** 2 for d, n in zip(steps, shape, strict=True))
