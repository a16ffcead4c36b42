"""What the law of a site sees of the sites drawn before it, as arrays for kernels.

The field of site x is a sum over parameters k_p of vectors of sites drawn before,

    h_x = sum_p k_p F_p(x),     F_p = sum n_i     or     F_p = sum n_i (n_j.n_l),

one parameter for each shell of equal distance and each stage, and one for each way in which three
of the nearest sites lie to each other. Every F_p turns with the spins: the flow is symmetric.
"""

from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np

from lfmc.flows.hierarchy.stages import groups
from lfmc.lattice import IntArray, Shape, coordinates, volume

NEAREST = 4  # sites of the nearest shell whose products enter, at most


class Terms(NamedTuple):
    """The drawing order and its terms.

    Attributes:
        order: sites as they are drawn, (V,); the last V/2 of them are the last stage.
        begin: first term of each site before the last stage, in the order, (V/2 + 1,).
        terms: (terms, 4), rows (parameter, i, j, l) of n_i (n_j.n_l), or of n_i where j < 0.
        parameters: their number.
        stage: first parameter of each stage with parameters, and their number, (stages + 1,).
        nearest: parameter of the nearest shell of each stage with parameters.
    """

    order: IntArray
    begin: IntArray
    terms: IntArray
    parameters: int
    stage: IntArray
    nearest: IntArray


def terms_of(shape: Shape, shells: int, colours: int, products: bool) -> Terms:
    """The terms of a lattice; see `groups` for errors."""
    order: list[int] = []
    begin, rows, stage, nearest = [0], [], [0], []
    total = 0
    for group in groups(shape, colours):
        known = np.array(order, dtype=np.int64)
        numbers: dict[tuple[int, ...], int] = {}
        found = [_of_site(site, known, shape, shells, products) for site in group]
        for keyed in found:
            for key, i, j, k in keyed:
                number = numbers.setdefault(key, total + len(numbers))
                rows.append((number, i, j, k))
            begin.append(len(rows))
        if numbers:
            nearest.append(total)
            total += len(numbers)
            stage.append(total)
        order += group
    last = np.setdiff1d(np.arange(volume(shape)), order)
    return Terms(
        np.concatenate([np.array(order, np.int64), last]),
        np.array(begin, np.int64),
        np.array(rows, np.int64).reshape(-1, 4),
        total,
        np.array(stage, np.int64),
        np.array(nearest, np.int64),
    )


def _of_site(
    site: int, known: IntArray, shape: Shape, shells: int, products: bool
) -> list[tuple[tuple[int, ...], int, int, int]]:
    """(key of the parameter, i, j, l) of every term of a site, nearest shells first."""
    if not len(known):
        return []
    step = _step(site, known, shape)
    distance = (step * step).sum(1)
    found: list[tuple[tuple[int, ...], int, int, int]] = []
    radii = np.unique(distance)[:shells]
    for shell, radius in enumerate(radii):
        for i in known[distance == radius]:
            found.append(((0, shell), int(i), -1, -1))
    near = known[distance == radii[0]]
    if not products or not 2 <= len(near) <= NEAREST:
        return found
    for i in near:
        for j, k in combinations_with_replacement(near, 2):
            if j == k:
                continue
            apart = [int((_step(a, b, shape) ** 2).sum()) for a, b in ((j, k), (i, j), (i, k))]
            found.append(((1, apart[0], *sorted(apart[1:])), int(i), int(j), int(k)))
    return found


def _step(site: int, others: IntArray, shape: Shape) -> IntArray:
    """Separations on the torus, of least size, (..., 2)."""
    x, extent = coordinates(shape), np.array(shape)
    step = (x[others] - x[site]) % extent
    return np.asarray(np.where(2 * step > extent, step - extent, step))
