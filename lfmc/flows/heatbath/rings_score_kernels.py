"""The maps along rings with their scores; the recursions are those of `rings`.

With J the Jacobian of a ring, f_i the slope of edge i and h_i = (K_ii + K_jj + 2 K_ij), j = i + 1,
K = J^-1, the derivative of log det J is h_i df_i, and a gradient passes J^-1. The elements of K
come from its factor alone (Takahashi, Fagan and Chin, Proc. 8th PICA Conf. (1973) 63).
"""

from lfmc.flows.heatbath.rings_kernels import (
    BLOCKS,
    CORNER,
    DIAGONAL,
    FORCE,
    LOWER,
    RESIDUE,
    SLOPE,
    STEP,
    factorise,
    moved_site,
    substitute,
)
from lfmc.kernels.lanes import broadcast, inlined, kernel, load, store
from lfmc.kernels.mathematics import tanh

# Blocks after those of `rings`, each with one row per site of the ring; then one of tanh per term.
INVERSE, BEND = BLOCKS, BLOCKS + 1
MORE_BLOCKS = 2


@kernel
def ring_scores(field, slope, moved, coupling, adjoint, edges, gradients, scores, workspace):
    """All rings along all axes, in place; their log determinant.

    Args:
        field, moved: rows of lanes, the first one of the moved half; slope: d log q / d field.
        edges: rows of the fields on the integrated sites, with those of edges, term after term.
        gradients: receives the derivatives of log q with respect to them, in the same rows.
        scores: those of the parameters of the rings are added.
        workspace: BLOCKS + MORE_BLOCKS + terms rows for each site of a ring.
    """
    ladj = broadcast(0.0)
    half = len(coupling.ring_rows) // max(len(coupling.ring_sides), 1)
    for axis in range(len(coupling.ring_sides)):
        side, start = coupling.ring_sides[axis], axis * half
        for begin in range(start, start + half, side):
            for i in range(side):
                store(workspace, i, load(field, moved + coupling.ring_rows[begin + i]))
            bends(coupling, edges, workspace, begin, side)
            ladj = ladj + factorise(workspace, side)
            inverse_on_edges(workspace, side)
            for i in range(side):
                row, before = moved + coupling.ring_rows[begin + i], i - 1 if i > 0 else side - 1
                change = load(workspace, INVERSE * side + i) * load(workspace, BEND * side + i)
                other = load(workspace, INVERSE * side + before) * load(
                    workspace, BEND * side + before
                )
                store(workspace, RESIDUE * side + i, load(slope, row) - (change + other))
            substitute(workspace, side)
            _sum_scores(coupling, adjoint, edges, gradients, scores, workspace, begin, side)
            for i in range(side):
                row = moved + coupling.ring_rows[begin + i]
                store(field, row, moved_site(workspace, side, i))
                store(slope, row, load(workspace, STEP * side + i))
    return ladj


@inlined
def bends(coupling, edges, workspace, begin, side):
    """F_i, f_i, the slope of f_i, and all tanh."""
    terms, each = len(coupling.strength), coupling.rows.integrated_sites
    for i in range(side):
        u = load(workspace, i) + load(workspace, i + 1 if i < side - 1 else 0)
        edge = coupling.rows.ring + coupling.ring_edges[begin + i]
        force, slope, bend = broadcast(0.0), broadcast(0.0), broadcast(0.0)
        for m in range(terms):
            t = tanh(coupling.sharpness[m] * (u + load(edges, edge + m * each)))
            store(workspace, (BLOCKS + MORE_BLOCKS + m) * side + i, t)
            c = coupling.strength[m] * (1.0 - t * t)
            force, slope = force + coupling.force[m] * t, slope + c
            bend = bend - 2.0 * coupling.sharpness[m] * t * c
        store(workspace, FORCE * side + i, force)
        store(workspace, SLOPE * side + i, slope)
        store(workspace, BEND * side + i, bend)


@inlined
def inverse_on_edges(workspace, side):
    """h_i of every edge."""
    diagonal, lower, corner, edges = DIAGONAL * side, LOWER * side, CORNER * side, INVERSE * side
    end = 1.0 / load(workspace, diagonal + side - 1)
    following, last = end, end  # K_(i+1)(i+1) and K_(n-1)(i+1)
    for i in range(side - 2, -1, -1):
        r = load(workspace, corner + i)
        if i == side - 2:
            new_last = 0.0 - r * end
            beside = new_last
            own = 1.0 / load(workspace, diagonal + i) - r * new_last
        else:
            below = load(workspace, lower + i)
            new_last = 0.0 - (below * last + r * end)
            beside = 0.0 - (below * following + r * last)
            own = 1.0 / load(workspace, diagonal + i) - (below * beside + r * new_last)
        store(workspace, edges + i, own + following + 2.0 * beside)
        following, last = own, new_last
    store(workspace, edges + side - 1, end + following + 2.0 * last)


@inlined
def _sum_scores(coupling, adjoint, edges, gradients, scores, workspace, begin, side):
    """Derivatives with respect to fields of edges, strengths and sharpness."""
    terms, each = len(coupling.strength), coupling.rows.integrated_sites
    for i in range(side):
        following = i + 1 if i < side - 1 else 0
        u, h = load(workspace, i) + load(workspace, following), load(workspace, INVERSE * side + i)
        pair = load(workspace, STEP * side + i) + load(workspace, STEP * side + following)
        edge = coupling.rows.ring + coupling.ring_edges[begin + i]
        for m in range(terms):
            row, strength, sharpness = edge + m * each, coupling.strength[m], coupling.sharpness[m]
            t, w = load(workspace, (BLOCKS + MORE_BLOCKS + m) * side + i), u + load(edges, row)
            c = 1.0 - t * t
            bend = -2.0 * strength * t * c
            store(
                gradients, row, load(gradients, row) - (h * sharpness * bend + strength * c * pair)
            )
            by_strength = h * c + t / sharpness * pair
            place = adjoint.offsets.ring_strength + m
            store(scores, place, load(scores, place) - adjoint.strength_slope[m] * by_strength)
            by_sharpness = h * bend * w * sharpness + strength * (w * c - t / sharpness) * pair
            place = adjoint.offsets.ring_sharpness + m
            store(scores, place, load(scores, place) - by_sharpness)
