"""What the law of a scalar site sees of the sites drawn before it, as arrays for kernels.

A site is drawn from exp(t_1 phi + t_2 phi^2 + t_3 phi^3 + t_4 phi^4), and every t is a sum over
parameters of sums of products of fields drawn before:

    t_1: fields of the nearest shells, and products of three near fields,
    t_2: a constant, and products of two near fields,
    t_3: fields of the two nearest shells,      t_4: a constant,

so that log q is even in the field. Products that the symmetries of the sites drawn before map onto
each other share a parameter; where a site is drawn alone, those of equal distances do. A stage
(`lfmc.flows.hierarchy.stages`) has parameters of its own, and all of its sites see the same.

Where the coarsest lattice is drawn by cosets, there are many stages with hardly any symmetry: their
t_1 has more shells, products of near sites share a parameter if their distances are equal, and a
site that is drawn alone has few products.
"""

from collections.abc import Iterable
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import numpy as np

from lfmc.config.coarsest import sublattice_of
from lfmc.flows.hierarchy.stages import groups, least_step
from lfmc.lattice import IntArray, Shape, coordinates, volume

MOST_NEAR = 8  # sites of whose fields products enter: of the nearest whole shells
LEAST_ALONE = 3  # the same of sites that are drawn alone, where the coarsest are drawn by cosets
MORE_SHELLS = 4  # times as many of a law with fewer than LEAST_TURNS symmetries, for cosets
LEAST_TURNS = 4
APART = 4  # squared distance between sites of a product, in units of that to the nearest site
CUBED = 2  # shells of t_3
SEEN = 60  # sites whose positions make up the symmetry; the shells are among them
NOBODY = -1  # in the place of a site that a product does not have
TURNS = (  # of the square lattice, as matrices
    (1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0),
    (1, 0, 0, -1), (-1, 0, 0, 1), (0, 1, 1, 0), (0, -1, -1, 0),
)  # fmt: skip

Offset = tuple[int, int]
Product = tuple[Offset, ...]
Turn = tuple[int, ...]


class Monomials(NamedTuple):
    """The drawing order and the terms of the laws.

    Attributes:
        order: sites as they are drawn, (V,); the last V/2 of them are the last stage.
        begin: first sum of each site before the last stage, in the order, (V/2 + 1,).
        sums: (sums, 4), rows (parameter, power of phi, first product, last one + 1).
        products: (products, 3), sites of each; NOBODY where it has fewer.
        parameters: their number.
        stage: first parameter of each stage, and their number, (stages + 1,).
        start: parameters of a flow that is not trained, in units of the couplings: t_1 of the
            nearest shell 1, t_2 and t_4 -1, the rest 0.
        powers: power of phi of every parameter, (parameters,).
    """

    order: IntArray
    begin: IntArray
    sums: IntArray
    products: IntArray
    parameters: int
    stage: IntArray
    start: IntArray
    powers: IntArray


def monomials_of(shape: Shape, shells: int, colours: int, products: bool) -> Monomials:
    """The terms of a lattice in two dimensions; see `groups` for errors."""
    order: list[int] = []
    begin, sums, stage = [0], [], [0]
    rows: list[list[int]] = []
    start: list[int] = []
    powers: list[int] = []
    stages = groups(shape, colours)
    cosets = sublattice_of((shape[0], shape[1])) is not None
    for group in stages:
        offsets = _nearest(group[0], order, shape)
        turns = _symmetry(offsets, shape) if len(group) > 1 else []
        of_shells = _terms_of_cosets if cosets and len(turns) < LEAST_TURNS else _terms
        found = of_shells(offsets, turns, shape, shells, products)
        for site in group:
            for number, (power, members) in enumerate(found):
                first = len(rows)
                rows += [_sites(site, member, shape) for member in members if member]
                sums.append((stage[-1] + number, power, first, len(rows)))
            begin.append(len(sums))
        nearest = True
        for power, members in found:
            powers.append(power)
            constant = not members[0]
            start.append(-1 if constant else int(power == 1 and nearest))
            nearest = nearest and power != 1
        stage.append(stage[-1] + len(found))
        order += group
    last = np.setdiff1d(np.arange(volume(shape)), order)
    return Monomials(
        np.concatenate([np.array(order, np.int64), last]),
        np.array(begin, np.int64),
        np.array(sums, np.int64),
        np.array(rows, np.int64).reshape(-1, 3),
        stage[-1],
        np.array(stage, np.int64),
        np.array(start, np.int64),
        np.array(powers, np.int64),
    )


def _terms(
    offsets: list[Offset], turns: list[Turn], shape: Shape, shells: int, products: bool
) -> list[tuple[int, list[Product]]]:
    """Powers of phi with the products that share a parameter; the empty product is a constant."""
    alone = _orbits([(o,) for o in offsets], turns, shape)
    found: list[tuple[int, list[Product]]] = [(1, orbit) for orbit in alone[:shells]]
    found += [(2, [()]), (4, [()])]
    if products and offsets:
        near = _whole_shells(offsets)
        for power, factors in ((1, 3), (2, 2)):
            orbits = _orbits(_close(near, factors, shape), turns, shape)
            found += [(power, orbit) for orbit in orbits]
        found += [(3, orbit) for orbit in alone[:CUBED]]
    return found


def _terms_of_cosets(
    offsets: list[Offset], turns: list[Turn], shape: Shape, shells: int, products: bool
) -> list[tuple[int, list[Product]]]:
    """As `_terms`, of a law with few symmetries, or of a site that is drawn alone (no turns)."""
    alone = _orbits([(o,) for o in offsets], turns, shape)
    found: list[tuple[int, list[Product]]] = [
        (1, orbit) for orbit in alone[: MORE_SHELLS * shells if turns else shells]
    ]
    found += [(2, [()]), (4, [()])]
    if products and offsets:
        near = _whole_shells(offsets)[: None if turns else LEAST_ALONE]
        for power, factors in ((1, 3), (2, 2)):
            orbits = _orbits(_close(near, factors, shape), [], shape)
            found += [(power, orbit) for orbit in orbits]
        found += [(3, orbit) for orbit in _orbits([(o,) for o in offsets], [], shape)[:CUBED]]
    return found


def _nearest(site: int, known: list[int], shape: Shape) -> list[Offset]:
    """Offsets to the sites drawn before, nearest first: whole shells of about SEEN sites."""
    if not known:
        return []
    at = coordinates(shape)
    steps = least_step(at[np.array(known)] - at[site], shape)
    size = (steps * steps).sum(1)
    ordered = np.argsort(size, kind="stable")
    farthest = size[ordered[min(SEEN, len(known)) - 1]]
    return [(int(x), int(y)) for x, y in steps[ordered] if x * x + y * y <= farthest]


def _symmetry(offsets: list[Offset], shape: Shape) -> list[Turn]:
    """The turns and reflections that leave the set of offsets as it is."""
    all_of_them = set(offsets)
    return [t for t in TURNS if all(_turned(t, o, shape) in all_of_them for o in offsets)]


def _whole_shells(offsets: list[Offset]) -> list[Offset]:
    """The nearest shells with MOST_NEAR sites or fewer."""
    size = np.array([x * x + y * y for x, y in offsets])
    return [o for o, s in zip(offsets, size, strict=True) if (size <= s).sum() <= MOST_NEAR]


def _close(near: list[Offset], factors: int, shape: Shape) -> list[Product]:
    """Products of near fields, none of which are far from each other."""
    if not near:
        return []
    apart = APART * (near[0][0] ** 2 + near[0][1] ** 2)

    def close(product: Product) -> bool:
        at = np.array(product)
        steps = least_step(at[:, None] - at[None], shape)
        return bool(((steps * steps).sum(-1) <= apart).all())

    return [p for p in combinations_with_replacement(near, factors) if close(p)]


def _orbits(products: Iterable[Product], turns: list[Turn], shape: Shape) -> list[list[Product]]:
    """Products that share a parameter, in the order of the first of each."""
    found: dict[Any, list[Product]] = {}
    for product in products:
        if turns:
            key: Any = min(tuple(sorted(_turned(t, o, shape) for o in product)) for t in turns)
        else:
            key = _distances(product, shape)
        found.setdefault(key, []).append(product)
    return list(found.values())


def _distances(product: Product, shape: Shape) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Squared distances of the sites of a product to the origin, and to each other."""
    at = np.array(product)
    between = least_step(at[:, None] - at[None], shape)
    own, pairs = (at * at).sum(1), (between * between).sum(-1).ravel()
    return tuple(sorted(own.tolist())), tuple(sorted(pairs.tolist()))


def _turned(turn: Turn, offset: Offset, shape: Shape) -> Offset:
    a, b, c, d = turn
    x, y = offset
    moved = least_step(np.array([a * x + b * y, c * x + d * y]), shape)
    return int(moved[0]), int(moved[1])


def _sites(site: int, product: Product, shape: Shape) -> list[int]:
    x, y = divmod(site, shape[1])
    found = [(x + a) % shape[0] * shape[1] + (y + b) % shape[1] for a, b in product]
    return found + [NOBODY] * (3 - len(found))
