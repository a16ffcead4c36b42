"""What the law of a site sees of the sites drawn before it, as arrays for kernels.

The field of site x is a sum over parameters k_p of vectors of sites drawn before,

    h_x = sum_p k_p F_p(x),     F_p = sum n_i     or     F_p = sum n_i (n_j.n_l),

one parameter for each shell of equal distance and each stage, and one for each way in which three
near sites lie to x and to each other. Of CP^(N-1), n_i stands for P_i = z_i z_i^+, and loops are
F_p = sum (P_i P_j + P_j P_i)/2 of two near sites. A boost (`lfmc.kernels.site_boost`) is by a
vector or matrix of the same form without loops, with parameters of its own. Every F_p turns with
the spins: the flow is symmetric.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np

from lfmc.flows.hierarchy.stages import groups, least_step
from lfmc.lattice import IntArray, Shape, coordinates, volume

NEAR_SHELLS, MOST_NEAR = 2, 12  # of whose sites products enter, if there are no more than that
APART = 4  # squared distance between sites of a product, in units of that to the nearest site
FIELD, BOOST = 0, 1  # first entry of a key

Row = tuple[tuple[int, ...], int, int, int]  # key of the parameter, and sites i, j, l


class Terms(NamedTuple):
    """The drawing order and its terms.

    Attributes:
        order: sites as they are drawn, (V,); the last V/2 of them are the last stage.
        begin: first term of each site with terms, in the order, (V/2 + 1,): of those before the
            last stage, or of all, (V + 1,), where the last stage has terms too.
        boosts: first term of its boost, (V/2,) or (V,).
        terms: (terms, 5), rows (parameter, i, j, l, entry) of n_i (n_j.n_l), of n_i where j < 0, or
            of a loop of i and j where only l < 0.
            entry: 0, 1, 2 ... of the sites i of one site in turn; -1 - entry where i comes again.
        parameters: their number.
        stage: first parameter of each stage with parameters, and their number, (stages + 1,).
        nearest: parameter of the nearest shell of each stage with parameters.
    """

    order: IntArray
    begin: IntArray
    boosts: IntArray
    terms: IntArray
    parameters: int
    stage: IntArray
    nearest: IntArray


def terms_of(
    shape: Shape,
    shells: int,
    colours: int,
    products: bool,
    boosts: int = 0,
    loops: bool = False,
    most: int = 0,
    conditional: bool = True,
) -> Terms:
    """The terms of a lattice, with boosts by the nearest `boosts` shells; see `groups` for errors.

    With `products` and boosts the products enter the boosts too. `most` and `conditional` are those
    of the law (`lfmc.kernels.site_law.SiteLaw`): unless it is conditional, the sites of the last
    stage have terms too, of their nearest shell.
    """
    stages = groups(shape, colours)
    drawn = [site for group in stages for site in group]
    last = np.setdiff1d(np.arange(volume(shape)), drawn).tolist()
    widths = [shells] * len(stages)
    if not conditional:
        stages, widths, last = [*stages, last], [*widths, 1], []
    order: list[int] = []
    begin, middle, rows, stage, nearest = [0], [], [], [0], []
    total = 0
    for group, width in zip(stages, widths, strict=True):
        known = np.array(order, dtype=np.int64)
        numbers: dict[tuple[int, ...], int] = {}
        for site in group:
            found = _of_site(site, known, shape, width, products, boosts, loops, most)
            middle.append(begin[-1] + sum(key[0] == FIELD for key, *_ in found))
            entries: dict[int, int] = {}
            for key, i, j, k in found:
                number = numbers.setdefault(key, total + len(numbers))
                entry = -1 - entries[i] if i in entries else entries.setdefault(i, len(entries))
                rows.append((number, i, j, k, entry))
            begin.append(len(rows))
        if numbers:
            nearest.append(total)
            total += len(numbers)
            stage.append(total)
        order += group
    return Terms(
        np.array(order + last, np.int64),
        np.array(begin, np.int64),
        np.array(middle, np.int64),
        np.array(rows, np.int64).reshape(-1, 5),
        total,
        np.array(stage, np.int64),
        np.array(nearest, np.int64),
    )


def _of_site(
    site: int,
    known: IntArray,
    shape: Shape,
    shells: int,
    products: bool,
    boosts: int,
    loops: bool,
    most: int,
) -> list[Row]:
    """The terms of a site: those of its field, nearest shells first, then those of its boost.

    Of at most `most` sites, if it is not 0: whole shells, or the first sites of the nearest one.
    """
    if not len(known):
        return []
    step = _step(site, known, shape)
    distance = (step * step).sum(1)
    radii = np.unique(distance)
    shells_of = [known[distance == radius].tolist() for radius in radii]
    if most:
        shells_of = shells_of[:shells]
        sizes = np.cumsum([len(sites) for sites in shells_of])
        shells_of = shells_of[: max(1, int((sizes <= most).sum()))]
        shells_of[0] = shells_of[0][:most]
    plain: list[Row] = [
        ((shell,), i, -1, -1) for shell, sites in enumerate(shells_of[:shells]) for i in sites
    ]
    near = [i for sites in shells_of[:NEAR_SHELLS] for i in sites]
    cubic = (
        _products(site, near, APART * int(radii[0]), shape)
        if products and len(near) <= MOST_NEAR
        else []
    )
    pairs = (
        _loops(site, near, APART * int(radii[0]), shape) if loops and len(near) <= MOST_NEAR else []
    )
    of_boost = [row for row in plain if row[0][0] < boosts] + (cubic if boosts else [])
    return [((FIELD, *key), i, j, k) for key, i, j, k in plain + cubic + pairs] + [
        ((BOOST, *key), i, j, k) for key, i, j, k in of_boost
    ]


def _loops(site: int, near: list[int], apart: int, shape: Shape) -> list[Row]:
    """Loops of two near sites, at most the squared distance `apart` from each other."""
    own = {a: _squared(site, a, shape) for a in near}
    found: list[Row] = []
    for i, j in combinations(near, 2):
        between = _squared(i, j, shape)
        if between <= apart:
            found.append(((-2, *sorted((own[i], own[j])), between), i, j, -1))
    return found


def _products(site: int, near: list[int], apart: int, shape: Shape) -> list[Row]:
    """n_i (n_j.n_l) of near sites, at most the squared distance `apart` from each other."""
    own = {a: _squared(site, a, shape) for a in near}
    pairs = {(a, b): _squared(a, b, shape) for a in near for b in near}
    found: list[Row] = []
    for i in near:
        for j, k in combinations(near, 2):
            if max(pairs[i, j], pairs[i, k], pairs[j, k]) > apart:
                continue
            legs = sorted([(own[j], pairs[i, j]), (own[k], pairs[i, k])])
            found.append(((-1, own[i], pairs[j, k], *legs[0], *legs[1]), i, j, k))
    return found


def _squared(a: int, b: int, shape: Shape) -> int:
    """The squared distance of two sites."""
    return int((_step(a, np.array([b]), shape) ** 2).sum())


def _step(site: int, others: IntArray, shape: Shape) -> IntArray:
    """Separations on the torus, of least size, (..., 2)."""
    x = coordinates(shape)
    return least_step(x[others] - x[site], shape)
