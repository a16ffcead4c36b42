"""Base normals of the kept sites to the prior's fields and back, as `heatbath.mode_prior` does."""

from lfmc.flows.heatbath.mode_basis_kernels import cells_to_sites, modes_to_cells, sites_to_modes
from lfmc.flows.heatbath.monotone_kernels import inverse_tanh_map
from lfmc.flows.heatbath.wells_kernels import inverse_wells_map, wells_map
from lfmc.kernels.lanes import LANES, broadcast, inlined, kernel, load, store
from lfmc.kernels.mathematics import exponential, logarithm, tanh


@kernel
def draw_prior(z, x, log_q, prior, log_norm, modes):
    """z (batch, sites) -> fields x (groups, kept, LANES), log q of all normals and of this map.

    Args:
        log_norm: what log q has of constants.
        modes: rows for the modes of a field and for the responses of their widths.
    """
    kept = x.shape[1]
    for group in range(x.shape[0]):
        field, square = x[group], broadcast(0.0)
        for site in range(z.shape[1]):
            # Those of the integrated sites pass through the first row only to be summed.
            row = site if site < kept else 0
            for lane in range(LANES):
                field[row, lane] = z[group * LANES + lane, site]
            value = load(field, row)
            square = square + value * value
            if site < kept:
                store(modes, site, value)
        if len(prior.wells):
            zero, ladj = wells_map(load(modes, 0), prior.wells)
        else:
            zero, ladj = zero_map(load(modes, 0), prior.zero)
        respond(zero, prior, modes, kept)
        store(modes, 0, prior.widths[0] * zero)
        for k in range(1, kept):
            breathing = breathing_of(prior, modes, kept, k)
            ladj = ladj + breathing
            store(modes, k, load(modes, k) * exponential(breathing) * prior.widths[k])
        modes_to_cells(modes, 0, field, prior.to_sites)
        cells_to_sites(field, prior.to_sites, modes)
        store(log_q, group, log_norm - 0.5 * square - ladj)


@kernel
def add_prior_density(x, log_q, prior, log_norm, modes):
    """Add the log density of the prior's fields x (groups, kept, LANES), which become normals."""
    kept = x.shape[1]
    for group in range(x.shape[0]):
        field = x[group]
        sites_to_modes(field, modes, prior.to_modes)
        zero = load(modes, 0) / prior.widths[0]
        if len(prior.wells):
            first, ladj = inverse_wells_map(zero, prior.wells)
        else:
            first = inverse_tanh_map(zero - prior.zero[3], prior.zero[0], prior.zero[1])
            first = first - prior.zero[2]
            ladj = zero_map(first, prior.zero)[1]
        square = first * first
        store(field, 0, first)
        respond(zero, prior, modes, kept)
        for k in range(1, kept):
            breathing = breathing_of(prior, modes, kept, k)
            ladj = ladj + breathing
            z = load(modes, k) / prior.widths[k] * exponential(0.0 - breathing)
            square = square + z * z
            store(field, k, z)
        store(log_q, group, load(log_q, group) + (log_norm - 0.5 * square - ladj))


@inlined
def zero_map(value, zero):
    """The map of the zero mode and its log derivative."""
    y = value + zero[2]
    t = tanh(zero[1] * y)
    return y + zero[0] * t / zero[1] + zero[3], logarithm(1.0 + zero[0] * (1.0 - t * t))


@inlined
def respond(zero, prior, rows, first):
    """tanh(r_j m^2) of the mapped zero mode m to so many rows from the first one."""
    for j in range(len(prior.response)):
        store(rows, first + j, tanh(zero * zero * prior.response[j]))


@inlined
def breathing_of(prior, rows, first, k):
    """Change of the log width of mode k."""
    breathing = broadcast(0.0)
    for j in range(len(prior.response)):
        breathing = breathing + prior.breathing[k, j] * load(rows, first + j)
    return breathing
