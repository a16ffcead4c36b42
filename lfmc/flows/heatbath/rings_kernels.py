"""The maps along rings of `lfmc.flows.heatbath.rings` and their inverse, ring by ring.

`workspace` has blocks of one row per site of a ring: x, the force F and the slope f of every edge,
the Cholesky factor (three blocks), and for the inverse the residue, the step, the wanted values and
x before the step.
"""

import numpy as np

from lfmc.flows.heatbath.rings import DECREASE, HALVINGS, NEWTON_STEPS, STEEP
from lfmc.flows.monotone import LARGEST_ERROR, SMALLEST_SLOPE
from lfmc.kernels.lanes import any_lane, broadcast, inlined, kernel, load, select, store
from lfmc.kernels.mathematics import TOGETHER, logarithm, size, tanh

BLOCKS = 10
FORCE, SLOPE, DIAGONAL, LOWER, CORNER, RESIDUE, STEP, WANTED, BEFORE = range(1, BLOCKS)
_TOLERANCE = 8 * 2.0**-52


@kernel
def ring_maps(field, moved, coupling, edges, workspace):
    """All rings along all axes, in place; their log determinant.

    Args:
        field, moved: rows of lanes, the first one of the moved half.
        edges: rows of the fields on the integrated sites, with those of edges, term after term.
        workspace: BLOCKS rows per site of a ring.
    """
    ladj, start = broadcast(0.0), 0
    half = len(coupling.ring_rows) // len(coupling.ring_sides)
    for axis in range(len(coupling.ring_sides)):
        side = coupling.ring_sides[axis]
        for begin in range(start, start + half, side):
            for i in range(side):
                store(workspace, i, load(field, moved + coupling.ring_rows[begin + i]))
            edges_of(coupling, edges, workspace, begin, side)
            ladj = ladj + factorise(workspace, side)
            for i in range(side):
                store(field, moved + coupling.ring_rows[begin + i], moved_site(workspace, side, i))
        start += half
    return ladj


@kernel
def inverse_ring_maps(field, moved, coupling, edges, workspace):
    """The inverse of `ring_maps`; the log determinant of the forward maps."""
    ladj, half = broadcast(0.0), len(coupling.ring_rows) // len(coupling.ring_sides)
    for axis in range(len(coupling.ring_sides) - 1, -1, -1):
        side, start = coupling.ring_sides[axis], axis * half
        for begin in range(start, start + half, side):
            for i in range(side):
                value = load(field, moved + coupling.ring_rows[begin + i])
                store(workspace, i, value)
                store(workspace, WANTED * side + i, value)
            ladj = ladj + _solve_ring(coupling, edges, workspace, begin, side)
            for i in range(side):
                store(field, moved + coupling.ring_rows[begin + i], load(workspace, i))
    return ladj


@inlined
def edges_of(coupling, edges, workspace, begin, side):
    """F_i and its slope f_i of every edge of a ring."""
    each = coupling.rows.integrated_sites
    for i in range(side):
        u = load(workspace, i) + load(workspace, i + 1 if i < side - 1 else 0)
        edge = coupling.rows.ring + coupling.ring_edges[begin + i]
        force, slope = broadcast(0.0), broadcast(0.0)
        for m in range(len(coupling.strength)):
            t = tanh(coupling.sharpness[m] * (u + load(edges, edge + m * each)))
            force = force + coupling.force[m] * t
            slope = slope + coupling.strength[m] * (1.0 - t * t)
        store(workspace, FORCE * side + i, force)
        store(workspace, SLOPE * side + i, slope)


@inlined
def moved_site(workspace, side, i):
    """Site i after the map."""
    before = load(workspace, FORCE * side + (i if i > 0 else side) - 1)
    return load(workspace, i) + (load(workspace, FORCE * side + i) + before)


@inlined
def factorise(workspace, side):
    """The factor of `flows.rings.factorise` to its blocks; its log determinant."""
    slopes, diagonal = SLOPE * side, DIAGONAL * side
    if side == 1:
        pivot = 1.0 + 4.0 * load(workspace, slopes)
        store(workspace, diagonal, pivot)
        return logarithm(pivot)
    row = load(workspace, slopes + side - 1)
    last = 1.0 + (row + load(workspace, slopes + side - 2))
    pivot = 1.0 + (load(workspace, slopes) + row)
    total, product = broadcast(0.0), broadcast(1.0)
    for i in range(side - 1):
        slope = load(workspace, slopes + i)
        if i == side - 2:
            row = row + slope
        inverse = 1.0 / pivot
        corner, below = row * inverse, slope * inverse
        store(workspace, diagonal + i, pivot)
        store(workspace, CORNER * side + i, corner)
        store(workspace, LOWER * side + i, below)
        last = last - corner * row
        product = product * pivot
        if i % TOGETHER == TOGETHER - 1:
            total = total + logarithm(product)
            product = broadcast(1.0)
        if i < side - 2:
            pivot = 1.0 + (load(workspace, slopes + i + 1) + slope) - below * slope
            row = 0.0 - below * row
    store(workspace, diagonal + side - 1, last)
    return total + logarithm(product * last)


@inlined
def substitute(workspace, side):
    """J^-1 residue to the block of steps, with the factor in its blocks."""
    steps, lower, corner = STEP * side, LOWER * side, CORNER * side
    for i in range(side):
        store(workspace, steps + i, load(workspace, RESIDUE * side + i))
    end = steps + side - 1
    for i in range(side - 1):
        value = load(workspace, steps + i)
        if i < side - 2:
            following = load(workspace, steps + i + 1) - load(workspace, lower + i) * value
            store(workspace, steps + i + 1, following)
        store(workspace, end, load(workspace, end) - load(workspace, corner + i) * value)
    for i in range(side):
        store(
            workspace, steps + i, load(workspace, steps + i) / load(workspace, DIAGONAL * side + i)
        )
    for i in range(side - 2, -1, -1):
        value = load(workspace, steps + i) - load(workspace, corner + i) * load(workspace, end)
        if i < side - 2:
            value = value - load(workspace, lower + i) * load(workspace, steps + i + 1)
        store(workspace, steps + i, value)


@inlined
def _residue(workspace, side):
    """What the map of x misses of the wanted values, to its block; the sum of squares."""
    square = broadcast(0.0)
    for i in range(side):
        residue = moved_site(workspace, side, i) - load(workspace, WANTED * side + i)
        store(workspace, RESIDUE * side + i, residue)
        square = square + residue * residue
    return square


@inlined
def _solve_ring(coupling, edges, workspace, begin, side):
    """x with the wanted image, as `flows.rings.inverse_ring_map` finds it.

    A lane that has arrived stays where it is, whatever the others need. Returns the log
    determinant of the map there; NaN where x is not found to `LARGEST_ERROR`.
    """
    edges_of(coupling, edges, workspace, begin, side)
    square, on_its_way = _residue(workspace, side), broadcast(1.0)
    ladj, rounding = factorise(workspace, side), broadcast(1.0)
    for i in range(side):
        wanted = load(workspace, WANTED * side + i)
        rounding = rounding + wanted * wanted
    rounding = _TOLERANCE * _TOLERANCE * rounding
    for number in range(NEWTON_STEPS):
        substitute(workspace, side)
        farthest = broadcast(-1.0)
        for i in range(side):
            step = select(on_its_way > 0.5, load(workspace, STEP * side + i), 0.0)
            store(workspace, STEP * side + i, step)
            x = load(workspace, i)
            store(workspace, BEFORE * side + i, x)
            beyond = size(step) - _TOLERANCE * (1.0 + size(x))
            farthest = select(farthest < beyond, beyond, farthest)
        if number >= STEEP:
            farthest = select(square > rounding, farthest, -1.0)
        share = broadcast(1.0)
        for _ in range(HALVINGS):
            for i in range(side):
                step = share * load(workspace, STEP * side + i)
                store(workspace, i, load(workspace, BEFORE * side + i) - step)
            edges_of(coupling, edges, workspace, begin, side)
            left = _residue(workspace, side)
            # Where nothing but rounding is left, any step is as good.
            worse = select(farthest > 0.0, left - square * (1.0 - DECREASE * share), -1.0)
            if not any_lane(worse > 0.0):
                break
            share = select(worse > 0.0, 0.5 * share, share)
        square = left
        ladj = factorise(workspace, side)
        on_its_way = select(farthest > 0.0, on_its_way, 0.0)
        if not any_lane(on_its_way > 0.5):
            break
    farthest = broadcast(0.0)
    for i in range(side):
        x = size(load(workspace, i))
        farthest = select(farthest < x, x, farthest)
    allowed = LARGEST_ERROR * SMALLEST_SLOPE * (1.0 + farthest)
    for m in range(len(coupling.strength)):  # the error of tanh is absolute
        allowed = allowed - _TOLERANCE * side * abs(coupling.force[m])
    allowed = select(allowed > 0.0, allowed, 0.0)
    return select(square < allowed * allowed, ladj, np.nan)
