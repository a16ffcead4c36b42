"""The order in which sites are drawn, and of which sites drawn before each one knows.

With s a power of two that divides both extents, the sites (s i, s j) come first, one by one. Then
the spacing is halved until it is one: the centres of the cells of spacing 2s, in colours, and then
the sites in the middle of their edges, likewise. The last stage, the edges of spacing one, is half
of the lattice: each of its sites has all of its four neighbours.
"""

from collections.abc import Callable

import numpy as np

from lfmc.config.flow_sections import COARSEST
from lfmc.errors import LfmcError
from lfmc.lattice import IntArray, Shape

Site = tuple[int, ...]

MOST_SINGLE = 4  # sites of a spacing that are drawn one by one


def halvings(shape: Shape) -> int:
    """How often both extents can be halved."""
    return min((n & -n).bit_length() - 1 for n in shape)


def least_step(step: IntArray, shape: Shape) -> IntArray:
    """Separations on the torus, of least size, (..., 2)."""
    extent = np.array(shape)
    step = step % extent
    return np.asarray(np.where(2 * step > extent, step - extent, step))


def groups(shape: Shape, colours: int) -> list[list[int]]:
    """Sites of every stage but the last one.

    Raises:
        LfmcError: an odd extent, or a coarsest lattice of too many sites.
    """
    levels = halvings(shape)
    spacing = 1 << levels
    coarse: list[Site] = [
        (x, y) for x in range(0, shape[0], spacing) for y in range(0, shape[1], spacing)
    ]
    if levels == 0 or len(coarse) > COARSEST:
        raise LfmcError(
            f"flow hierarchy on shape {list(shape)}: both extents must be even, and after all "
            f"common halvings at most {COARSEST} sites may be left"
        )
    found: list[list[Site]] = [[site] for site in _spread_out(coarse, shape)]
    while spacing > 1:
        spacing //= 2
        s = spacing
        cells: list[Site] = [
            (x, y) for x in range(s, shape[0], 2 * s) for y in range(s, shape[1], 2 * s)
        ]
        whole = all(n % (4 * s) == 0 for n in shape)
        found += _coloured(cells, shape, _of_cell(s), colours if whole else 0)
        if s == 1:
            break
        edges: list[Site] = [
            (x, y)
            for x in range(0, shape[0], s)
            for y in range(0, shape[1], s)
            if (x // s + y // s) % 2
        ]
        found += _coloured(edges, shape, _of_edge(s), colours if whole else 0)
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
