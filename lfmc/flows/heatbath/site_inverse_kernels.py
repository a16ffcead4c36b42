"""The density of given fields on the integrated sites, by the inverse of their quantile.

As `lfmc.flows.heatbath.site_conditional.SiteConditional.inverse` does: the score u of a field is
the root of the map as computed, so log q is the exact density of that map.
"""

from lfmc.flows.heatbath.site_kernels import (
    cell_of,
    hermite,
    increasing,
    neighbour_sum,
    quantile_along_j,
    table_of,
)
from lfmc.flows.heatbath.site_tables import LARGEST_NORMAL
from lfmc.kernels.lanes import LANES, broadcast, inlined, kernel, load, store
from lfmc.kernels.mathematics import TOGETHER, logarithm

MOST_STEPS = 100  # Newton takes about four; bisection of a cell ends after 53
SMALL_STEP, ROUNDING = 1e-9, 1e-15


@kernel
def add_integrated_density(phi, x, log_q, integrated, order, normals, workspace):
    """Add log p(integrated sites | kept sites), but for the constant of the normals, to log_q.

    phi: fields (batch, sites); x: their kept sites (groups, kept, LANES); log_q: (groups, LANES);
    normals: receives those of the integrated sites, as of `draw_integrated`, (batch, sites);
    workspace: two rows of lanes. A field that is not finite makes log q NaN.
    """
    near, kept = integrated.near, x.shape[1]
    for group in range(x.shape[0]):
        field, first = x[group], group * LANES
        total, slopes = load(log_q, group), broadcast(1.0)
        for site in range(near.shape[0]):
            store(workspace, 0, neighbour_sum(field, near, site))
            place = order[kept + site]
            for lane in range(LANES):
                value, j = phi[first + lane, place], workspace[0, lane]
                score, slope = _score(value, j, integrated.quantile, integrated.steps)
                workspace[0, lane], workspace[1, lane] = slope, score
                normals[first + lane, kept + site] = score
            score = load(workspace, 1)
            total = total - 0.5 * score * score
            slopes = slopes * load(workspace, 0)
            if site % TOGETHER == TOGETHER - 1:
                total = total - logarithm(slopes)
                slopes = broadcast(1.0)
        store(log_q, group, total - logarithm(slopes))


@inlined
def _score(value, j, tables, steps):
    """u with phi(u; J) = value, and the slope of phi there: the inverse of `quantile`."""
    sign = -1.0 if j < 0 else 1.0
    target, tj, table = value * sign, abs(j) / steps[1], table_of(j, tables)
    cj = cell_of(tj, table.shape[1] - 2)
    tj = min(tj - cj, 1.0)
    low = _cell_below(target, table, cj, tj, steps[1])
    left, left_slope = quantile_along_j(table, low, cj, tj, steps[1])
    right, right_slope = quantile_along_j(table, low + 1, cj, tj, steps[1])
    secant = right - left
    left_slope = increasing(left_slope * steps[0], secant)
    right_slope = increasing(right_slope * steps[0], secant)
    # Below the first node, above the last one and in between: linear, linear, the cell's cubic.
    t = 0.0 if target < left else 1.0
    if left <= target <= right:
        t = _root(target, left, left_slope, right, right_slope)
    reached, slope = hermite(left, left_slope, right, right_slope, t)
    beyond = (target - reached) / slope if t == 0.0 or t == 1.0 else 0.0
    # target - target: a field that is not finite stays so.
    score = (low + t + beyond) * steps[0] - LARGEST_NORMAL + (target - target)
    return score * sign, slope / steps[0]


@inlined
def _cell_below(target, table, cj, tj, step):
    """The cell of u that holds the field, or the outermost one."""
    low, high = 0, table.shape[0] - 1
    while high - low > 1:
        middle = (low + high) // 2
        if _node(table, middle, cj, tj, step) < target:
            low = middle
        else:
            high = middle
    return low


@inlined
def _node(table, cu, cj, t, step):
    """phi of a node of u at J in a cell."""
    a, b = table[cu, cj], table[cu, cj + 1]
    return hermite(a[0], a[2] * step, b[0], b[2] * step, t)[0]


@inlined
def _root(target, left, left_slope, right, right_slope):
    """t in [0, 1] at which the increasing cubic is `target`: Newton within a bracket."""
    low, high = 0.0, 1.0
    t = (target - left) / (right - left) if right > left else 0.5
    for _ in range(MOST_STEPS):
        value, slope = hermite(left, left_slope, right, right_slope, t)
        if value < target:
            low = t
        else:
            high = t
        step = (target - value) / slope
        inside = low < t + step < high
        t = t + step if inside else 0.5 * (low + high)
        # The error after a step of Newton is about its square; a bracket ends at rounding.
        if (inside and abs(step) < SMALL_STEP) or high - low < ROUNDING:
            break
    return t
