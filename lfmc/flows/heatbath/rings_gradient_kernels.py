"""The maps along rings of one axis, and the gradient that they pass back.

y_i = x_i + F_i + F_(i-1) has the symmetric Jacobian J with 1 + f_i + f_(i-1) on its diagonal and
f_i beside it, so a gradient passes J itself. The derivative of log det J by the argument of edge i
is h_i times the slope of f_i (`rings_score_kernels`).
"""

from lfmc.flows.heatbath.rings_kernels import BLOCKS, SLOPE, STEP, edges_of, factorise, moved_site
from lfmc.flows.heatbath.rings_score_kernels import (
    BEND,
    INVERSE,
    MORE_BLOCKS,
    bends,
    inverse_on_edges,
)
from lfmc.kernels.lanes import kernel, load, store


@kernel
def rings_along(field, moved, coupling, edges, axis, workspace):
    """Move all rings along one axis in place; arguments as of `ring_maps`."""
    half, side = coupling.rows.half, coupling.ring_sides[axis]
    for begin in range(axis * half, (axis + 1) * half, side):
        for i in range(side):
            store(workspace, i, load(field, moved + coupling.ring_rows[begin + i]))
        edges_of(coupling, edges, workspace, begin, side)
        for i in range(side):
            row = moved + coupling.ring_rows[begin + i]
            store(field, row, moved_site(workspace, side, i))


@kernel
def rings_gradient(slope, moved, before, first, coupling, edges, gradients, axis, workspace):
    """Pass the gradient of a function of the fields after the rings of one axis, plus that of
    their log determinant, to the fields before them, in place.

    Args:
        slope, moved: the gradient, and the first row of the moved half.
        before, first: the moved half before these maps, and its first row.
        edges: rows of the fields on the integrated sites, with those of edges, term after term.
        gradients: the derivatives with respect to them are added to the same rows.
        workspace: BLOCKS + MORE_BLOCKS + terms rows for each site of a ring.
    """
    half, side = coupling.rows.half, coupling.ring_sides[axis]
    for begin in range(axis * half, (axis + 1) * half, side):
        for i in range(side):
            row = coupling.ring_rows[begin + i]
            store(workspace, i, load(before, first + row))
            store(workspace, STEP * side + i, load(slope, moved + row))
        bends(coupling, edges, workspace, begin, side)
        factorise(workspace, side)
        inverse_on_edges(workspace, side)
        for i in range(side):
            last, following = i - 1 if i > 0 else side - 1, i + 1 if i < side - 1 else 0
            own = load(workspace, STEP * side + i)
            one = own + load(workspace, STEP * side + following)
            two = own + load(workspace, STEP * side + last)
            value = own + load(workspace, SLOPE * side + i) * one
            value = value + load(workspace, SLOPE * side + last) * two
            value = value + load(workspace, INVERSE * side + i) * load(workspace, BEND * side + i)
            h = load(workspace, INVERSE * side + last)
            value = value + h * load(workspace, BEND * side + last)
            store(slope, moved + coupling.ring_rows[begin + i], value)
        _edge_gradient(coupling, gradients, workspace, begin, side)


@kernel
def _edge_gradient(coupling, gradients, workspace, begin, side):
    """Add the derivatives with respect to the fields of a ring's edges."""
    each = coupling.rows.integrated_sites
    for i in range(side):
        following = i + 1 if i < side - 1 else 0
        pair = load(workspace, STEP * side + i) + load(workspace, STEP * side + following)
        h = load(workspace, INVERSE * side + i)
        edge = coupling.rows.ring + coupling.ring_edges[begin + i]
        for m in range(len(coupling.strength)):
            t = load(workspace, (BLOCKS + MORE_BLOCKS + m) * side + i)
            c = coupling.strength[m] * (1.0 - t * t)
            found = c * (pair - 2.0 * coupling.sharpness[m] * t * h)
            store(gradients, edge + m * each, load(gradients, edge + m * each) + found)
