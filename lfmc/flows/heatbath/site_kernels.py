"""The integrated sites: drawn from their neighbours, or integrated out of the action.

As `lfmc.flows.heatbath.site_conditional` and `HeatbathFlow.reduced_action` do.
"""

from lfmc.flows.heatbath.site_tables import FLATTEST, LARGEST_NORMAL, STEEPEST
from lfmc.kernels.lanes import LANES, broadcast, inlined, kernel, load, store
from lfmc.kernels.mathematics import TOGETHER, logarithm
from lfmc.kernels.theory import potential


@inlined
def neighbour_sum(field, near, site):
    """J of an integrated site."""
    j = broadcast(0.0)
    for k in range(near.shape[1]):
        j = j + load(field, near[site, k])
    return j


@kernel
def draw_integrated(z, x, log_q, integrated, order, phi, workspace):
    """Fields phi (batch, sites) of kept sites x (groups, kept, LANES) and the other normals of z.

    workspace: a row of lanes.
    """
    near, kept = integrated.near, x.shape[1]
    for group in range(x.shape[0]):
        field, first = x[group], group * LANES
        ladj, slopes = broadcast(0.0), broadcast(1.0)
        for site in range(kept):
            for lane in range(LANES):
                phi[first + lane, order[site]] = field[site, lane]
        for site in range(near.shape[0]):
            store(workspace, 0, neighbour_sum(field, near, site))
            place = order[kept + site]
            for lane in range(LANES):
                u, j = z[first + lane, kept + site], workspace[0, lane]
                value, slope = quantile(u, j, integrated.quantile, integrated.steps)
                phi[first + lane, place] = value
                workspace[0, lane] = slope
            slopes = slopes * load(workspace, 0)
            if site % TOGETHER == TOGETHER - 1:
                ladj = ladj + logarithm(slopes)
                slopes = broadcast(1.0)
        store(log_q, group, load(log_q, group) - (ladj + logarithm(slopes)))


@kernel
def reduced_action(x, action, integrated, theory, workspace):
    """S_m of kept sites x (groups, kept, LANES) to action (groups, LANES).

    theory: its couplings, which select its potential; workspace: a row of lanes.
    """
    near = integrated.near
    for group in range(x.shape[0]):
        field, total = x[group], broadcast(0.0)
        for site in range(x.shape[1]):
            total = total + potential(load(field, site), theory)
        for site in range(near.shape[0]):
            store(workspace, 0, neighbour_sum(field, near, site))
            for lane in range(LANES):
                workspace[0, lane] = _log_z(
                    workspace[0, lane], integrated.log_z, integrated.steps[1]
                )
            total = total - load(workspace, 0)
        store(action, group, total)


@inlined
def side_of(j, sides):
    """Which table: the second one, of the mirrored potential, is for J < 0."""
    return 1 if j < 0 and sides > 1 else 0


@inlined
def table_of(j, tables):
    """The quantiles of the side of J."""
    return tables[side_of(j, tables.shape[0])]


@inlined
def _log_z(j, table, step):
    t = abs(j) / step
    cell = cell_of(t, table.shape[1] - 1)
    c, t = table[side_of(j, table.shape[0]), cell], t - cell
    return c[0] + t * (c[1] + t * (c[2] + t * c[3]))


@inlined
def quantile(u, j, tables, steps):
    """phi(u; J) and its slope in u: `SiteConditional.map` of one site."""
    sign = -1.0 if j < 0 else 1.0
    u, tj = u * sign, abs(j) / steps[1]
    table = table_of(j, tables)
    cj = cell_of(tj, table.shape[1] - 2)
    tj = min(tj - cj, 1.0)
    inside = min(max(u, -LARGEST_NORMAL), LARGEST_NORMAL)
    tu = (inside + LARGEST_NORMAL) / steps[0]
    cu = cell_of(tu, table.shape[0] - 2)
    tu = tu - cu
    left, left_slope = quantile_along_j(table, cu, cj, tj, steps[1])
    right, right_slope = quantile_along_j(table, cu + 1, cj, tj, steps[1])
    secant = right - left
    left_slope = increasing(left_slope * steps[0], secant)
    right_slope = increasing(right_slope * steps[0], secant)
    value, slope = hermite(left, left_slope, right, right_slope, tu)
    slope = slope / steps[0]
    return (value + (u - inside) * slope) * sign, slope


@inlined
def increasing(slope, secant):
    """A slope with which a cubic increases; NaN goes on as NaN."""
    if slope < FLATTEST * secant:
        return FLATTEST * secant
    return STEEPEST * secant if slope > STEEPEST * secant else slope


@inlined
def cell_of(t, last):
    """Index of the table's cell; NaN finds one too and goes on as NaN."""
    return int(min(t, float(last))) if t >= 0 else 0


@inlined
def quantile_along_j(table, cu, cj, t, step):
    """phi of a node of u, and its slope in u, at J in a cell."""
    a, b = table[cu, cj], table[cu, cj + 1]
    value = hermite(a[0], a[2] * step, b[0], b[2] * step, t)[0]
    return value, hermite(a[1], a[3] * step, b[1], b[3] * step, t)[0]


@inlined
def hermite(f0, d0, f1, d1, t):
    """The cubic with these values and slopes at 0 and 1, and its slope."""
    c2 = 3 * (f1 - f0) - 2 * d0 - d1
    c3 = 2 * (f0 - f1) + d0 + d1
    return f0 + t * (d0 + t * (c2 + t * c3)), d0 + t * (2 * c2 + 3 * t * c3)
