"""The maps along rings of `lfmc.flows.heatbath.rings` and their inverse, ring by ring.

While a ring is at work, `room` holds blocks of as many rows as it has sites: x, the force F and the
slope f of every edge, the Cholesky factor (three blocks), and for the inverse the residue, the
step, the wanted values and the x before the step.
"""

import numpy as np

from lfmc.flows.heatbath.rings import DECREASE, HALVINGS, NEWTON_STEPS, STEEP
from lfmc.flows.monotone import LARGEST_ERROR, SMALLEST_SLOPE
from lfmc.kernels.lanes import any_lane, inlined, kernel, load, select, spread, store
from lfmc.kernels.mathematics import TOGETHER, logarithm, size, tanh

BLOCKS = 10
FORCE, SLOPE, DIAGONAL, LOWER, CORNER, RESIDUE, STEP, WANTED, BEFORE = range(1, BLOCKS)
_TOLERANCE = 8 * 2.0**-52


@kernel
def ring_maps(field, moved, coupling, edges, first, room):
    """All rings along all axes, in place; their log determinant.

    Args:
        field, moved: rows of lanes, the first one of the moved half.
        edges, first: rows of the fields of edges, term after term, and the first one.
        room: BLOCKS rows for each site of a ring.
    """
    ladj, start = spread(0.0), 0
    half = len(coupling.ring_rows) // len(coupling.ring_sides)
    for axis in range(len(coupling.ring_sides)):
        side = coupling.ring_sides[axis]
        for begin in range(start, start + half, side):
            for i in range(side):
                store(room, i, load(field, moved + coupling.ring_rows[begin + i]))
            _edges(coupling, edges, first, room, begin, side)
            ladj = ladj + factorise(room, side)
            for i in range(side):
                store(field, moved + coupling.ring_rows[begin + i], moved_site(room, side, i))
        start += half
    return ladj


@kernel
def inverse_ring_maps(field, moved, coupling, edges, first, room):
    """The inverse of `ring_maps`; the log determinant of the forward maps."""
    ladj, half = spread(0.0), len(coupling.ring_rows) // len(coupling.ring_sides)
    for axis in range(len(coupling.ring_sides) - 1, -1, -1):
        side, start = coupling.ring_sides[axis], axis * half
        for begin in range(start, start + half, side):
            for i in range(side):
                value = load(field, moved + coupling.ring_rows[begin + i])
                store(room, i, value)
                store(room, WANTED * side + i, value)
            ladj = ladj + _solve_ring(coupling, edges, first, room, begin, side)
            for i in range(side):
                store(field, moved + coupling.ring_rows[begin + i], load(room, i))
    return ladj


@inlined
def _edges(coupling, edges, first, room, begin, side):
    """F_i and its slope f_i of every edge of a ring."""
    each = (edges.shape[0] - first) // len(coupling.strength)
    for i in range(side):
        u = load(room, i) + load(room, i + 1 if i < side - 1 else 0)
        edge, force, slope = first + coupling.ring_edges[begin + i], spread(0.0), spread(0.0)
        for m in range(len(coupling.strength)):
            t = tanh(coupling.sharpness[m] * (u + load(edges, edge + m * each)))
            force = force + coupling.force[m] * t
            slope = slope + coupling.strength[m] * (1.0 - t * t)
        store(room, FORCE * side + i, force)
        store(room, SLOPE * side + i, slope)


@inlined
def moved_site(room, side, i):
    """Site i after the map."""
    before = load(room, FORCE * side + (i if i > 0 else side) - 1)
    return load(room, i) + (load(room, FORCE * side + i) + before)


@inlined
def factorise(room, side):
    """The factor of `flows.rings.factorise` to its blocks; its log determinant."""
    slopes, diagonal = SLOPE * side, DIAGONAL * side
    if side == 1:
        pivot = 1.0 + 4.0 * load(room, slopes)
        store(room, diagonal, pivot)
        return logarithm(pivot)
    row = load(room, slopes + side - 1)
    last = 1.0 + (row + load(room, slopes + side - 2))
    pivot = 1.0 + (load(room, slopes) + row)
    total, product = spread(0.0), spread(1.0)
    for i in range(side - 1):
        slope = load(room, slopes + i)
        if i == side - 2:
            row = row + slope
        inverse = 1.0 / pivot
        corner, below = row * inverse, slope * inverse
        store(room, diagonal + i, pivot)
        store(room, CORNER * side + i, corner)
        store(room, LOWER * side + i, below)
        last = last - corner * row
        product = product * pivot
        if i % TOGETHER == TOGETHER - 1:
            total = total + logarithm(product)
            product = spread(1.0)
        if i < side - 2:
            pivot = 1.0 + (load(room, slopes + i + 1) + slope) - below * slope
            row = 0.0 - below * row
    store(room, diagonal + side - 1, last)
    return total + logarithm(product * last)


@inlined
def substitute(room, side):
    """J^-1 residue to the block of steps, with the factor in its blocks."""
    steps, lower, corner = STEP * side, LOWER * side, CORNER * side
    for i in range(side):
        store(room, steps + i, load(room, RESIDUE * side + i))
    end = steps + side - 1
    for i in range(side - 1):
        value = load(room, steps + i)
        if i < side - 2:
            following = load(room, steps + i + 1) - load(room, lower + i) * value
            store(room, steps + i + 1, following)
        store(room, end, load(room, end) - load(room, corner + i) * value)
    for i in range(side):
        store(room, steps + i, load(room, steps + i) / load(room, DIAGONAL * side + i))
    for i in range(side - 2, -1, -1):
        value = load(room, steps + i) - load(room, corner + i) * load(room, end)
        if i < side - 2:
            value = value - load(room, lower + i) * load(room, steps + i + 1)
        store(room, steps + i, value)


@inlined
def _residue(room, side):
    """What the map of x misses of the wanted values, to its block; the sum of squares."""
    square = spread(0.0)
    for i in range(side):
        residue = moved_site(room, side, i) - load(room, WANTED * side + i)
        store(room, RESIDUE * side + i, residue)
        square = square + residue * residue
    return square


@inlined
def _solve_ring(coupling, edges, first, room, begin, side):
    """x with the wanted image, as `flows.rings.inverse_ring_map` finds it.

    A lane that has arrived stays where it is, whatever the others need. Returns the log
    determinant of the map there; NaN where x is not found to `LARGEST_ERROR`.
    """
    _edges(coupling, edges, first, room, begin, side)
    square, on_its_way = _residue(room, side), spread(1.0)
    ladj, rounding = factorise(room, side), spread(1.0)
    for i in range(side):
        wanted = load(room, WANTED * side + i)
        rounding = rounding + wanted * wanted
    rounding = _TOLERANCE * _TOLERANCE * rounding
    for number in range(NEWTON_STEPS):
        substitute(room, side)
        farthest = spread(-1.0)
        for i in range(side):
            step = select(on_its_way > 0.5, load(room, STEP * side + i), 0.0)
            store(room, STEP * side + i, step)
            x = load(room, i)
            store(room, BEFORE * side + i, x)
            beyond = size(step) - _TOLERANCE * (1.0 + size(x))
            farthest = select(farthest < beyond, beyond, farthest)
        if number >= STEEP:
            farthest = select(square > rounding, farthest, -1.0)
        share = spread(1.0)
        for _ in range(HALVINGS):
            for i in range(side):
                step = share * load(room, STEP * side + i)
                store(room, i, load(room, BEFORE * side + i) - step)
            _edges(coupling, edges, first, room, begin, side)
            left = _residue(room, side)
            # Where nothing but rounding is left, any step is as good.
            worse = select(farthest > 0.0, left - square * (1.0 - DECREASE * share), -1.0)
            if not any_lane(worse > 0.0):
                break
            share = select(worse > 0.0, 0.5 * share, share)
        square = left
        ladj = factorise(room, side)
        on_its_way = select(farthest > 0.0, on_its_way, 0.0)
        if not any_lane(on_its_way > 0.5):
            break
    farthest = spread(0.0)
    for i in range(side):
        x = size(load(room, i))
        farthest = select(farthest < x, x, farthest)
    allowed = LARGEST_ERROR * SMALLEST_SLOPE * (1.0 + farthest)
    for m in range(len(coupling.strength)):  # the error of tanh is absolute
        allowed = allowed - _TOLERANCE * side * abs(coupling.force[m])
    allowed = select(allowed > 0.0, allowed, 0.0)
    return select(square < allowed * allowed, ladj, np.nan)
