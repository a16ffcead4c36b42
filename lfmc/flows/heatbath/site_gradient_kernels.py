"""The gradient of the action of the kept sites, the others integrated out."""

from lfmc.flows.heatbath.site_kernels import cell_of, neighbour_sum, side_of
from lfmc.kernels.lanes import LANES, inlined, kernel, load, store
from lfmc.kernels.theory import potential_slope


@kernel
def action_gradient(field, slope, integrated, theory, workspace):
    """-dS_m/dx of kept sites x (kept, LANES) to slope, S_m that of `site_kernels.reduced_action`.

    theory: its couplings, which select its potential; workspace: a row of lanes.
    """
    near = integrated.near
    for site in range(field.shape[0]):
        store(slope, site, 0.0 - potential_slope(load(field, site), theory))
    for site in range(near.shape[0]):
        store(workspace, 0, neighbour_sum(field, near, site))
        for lane in range(LANES):
            j = workspace[0, lane]
            workspace[0, lane] = _log_z_slope(j, integrated.log_z, integrated.steps[1])
        by_sum = load(workspace, 0)
        for k in range(near.shape[1]):
            store(slope, near[site, k], load(slope, near[site, k]) + by_sum)


@inlined
def _log_z_slope(j, table, step):
    """d log Z / dJ of the cubics of `log_z`."""
    t = abs(j) / step
    cell = cell_of(t, table.shape[1] - 1)
    c, t = table[side_of(j, table.shape[0]), cell], t - cell
    found = (c[1] + t * (2.0 * c[2] + 3.0 * t * c[3])) / step
    return 0.0 - found if j < 0 else found
