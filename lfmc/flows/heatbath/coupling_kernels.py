"""One coupling on all fields, or its inverse: conditions from the frozen half, then the maps."""

from lfmc.flows.heatbath.monotone_kernels import inverse_tanh_map
from lfmc.flows.heatbath.planes import mix, transform
from lfmc.flows.heatbath.rings_kernels import inverse_ring_maps, ring_maps
from lfmc.flows.monotone import BOUND, SHIFT
from lfmc.kernels.lanes import broadcast, inlined, kernel, load, store
from lfmc.kernels.mathematics import TOGETHER, exponential, logarithm, sincos_turns, softplus, tanh


@kernel
def couple(x, log_q, frozen, moved, coupling, workspace):
    """Move half of x (groups, kept, LANES).

    log_q: (groups, LANES), the log determinant is subtracted; frozen, moved: first rows of halves.
    """
    for group in range(x.shape[0]):
        field = x[group]
        conditioner(field, frozen, coupling, workspace)
        ladj = _move(field, moved, coupling, workspace.outputs)
        if len(coupling.ring_sides):
            ladj = ladj + ring_maps(field, moved, coupling, workspace.integrated, workspace.plane)
        store(log_q, group, load(log_q, group) - ladj)


@kernel
def uncouple(x, log_q, frozen, moved, coupling, workspace):
    """The inverse of `couple`; the log determinant of the forward map is subtracted from log_q."""
    for group in range(x.shape[0]):
        field, ladj = x[group], broadcast(0.0)
        conditioner(field, frozen, coupling, workspace)
        if len(coupling.ring_sides):
            ladj = inverse_ring_maps(field, moved, coupling, workspace.integrated, workspace.plane)
        ladj = ladj + _inverse_move(field, moved, coupling, workspace.outputs)
        store(log_q, group, load(log_q, group) - ladj)


@kernel
def conditioner(field, frozen, coupling, workspace):
    """Compute the conditioner's outputs and the fields on the integrated sites."""
    features, integrated, waves, outputs, plane = workspace
    rows = coupling.rows
    for site in range(rows.half):
        a = load(field, frozen + site)
        store(features, rows.field + site, a)
        for f in range(len(coupling.frequency)):
            sine, cosine = sincos_turns(coupling.frequency[f] * a + coupling.phase[f])
            store(features, rows.sine + f * rows.half + site, sine)
            store(features, rows.cosine + f * rows.half + site, cosine)
    transform(features, rows.features, coupling.to_modes, plane)
    mix(features, rows.field, integrated, rows.hidden, coupling.hidden, False)
    if len(coupling.strength):
        mix(features, rows.field, integrated, rows.ring, coupling.ring, False)
    transform(integrated, rows.integrated, coupling.waves_to_sites, plane)
    for m in range(len(coupling.ring_offset)):
        first = rows.ring + m * rows.integrated_sites
        for row in range(first, first + rows.integrated_sites):
            store(integrated, row, load(integrated, row) + coupling.ring_offset[m])
    for p in range(len(coupling.hidden_frequency)):
        for row in range(p * rows.integrated_sites, (p + 1) * rows.integrated_sites):
            turns = coupling.hidden_frequency[p] * load(integrated, rows.hidden + row)
            sine, cosine = sincos_turns(turns + coupling.hidden_phase[p])
            store(waves, rows.hidden_sine + row, sine)
            store(waves, rows.hidden_cosine + row, cosine)
    transform(waves, rows.waves, coupling.waves_to_modes, plane)
    mix(features, rows.field, outputs, rows.inner, coupling.odd, False)
    mix(features, rows.cosine, outputs, rows.scale, coupling.even, False)
    mix(waves, rows.hidden_sine, outputs, rows.inner, coupling.hidden_odd, True)
    mix(waves, rows.hidden_cosine, outputs, rows.scale, coupling.hidden_even, True)
    transform(outputs, rows.outputs, coupling.to_sites, plane)


@inlined
def conditions(coupling, outputs, site):
    """Scale, alpha, inner and outer shift of a moved site, from the conditioner's outputs."""
    rows, background = coupling.rows, coupling.background
    inner = load(outputs, rows.inner + site) + coupling.shift[0]
    outer = load(outputs, rows.outer + site) + coupling.shift[1]
    scale = load(outputs, rows.scale + site) + coupling.constant[0]
    alpha = load(outputs, rows.alpha + site) + coupling.constant[1]
    for j in range(len(coupling.field_scale)):
        smoothed = load(outputs, rows.smooth + j * rows.half + site)
        g = coupling.field_scale[j] * smoothed + coupling.smooth_offset[j]
        square = g * g
        response = square / (1.0 + square)
        scale = scale + background[0, j] * response
        alpha = alpha + background[1, j] * response
        inner = inner + background[2, j] * (g * response)
        outer = outer + background[3, j] * (g * response)
    # `flows.monotone.strength`
    return scale, softplus(alpha + SHIFT) - BOUND, inner, outer


@kernel
def _move(field, moved, coupling, outputs):
    """The single-site maps; returns their log determinant."""
    beta, ladj, slopes = coupling.constant[2], broadcast(0.0), broadcast(1.0)
    for site in range(coupling.rows.half):
        scale, alpha, inner, outer = conditions(coupling, outputs, site)
        y = load(field, moved + site) * exponential(scale) + inner
        t = tanh(beta * y)
        store(field, moved + site, y + alpha * t / beta + outer)
        ladj = ladj + scale
        slopes = slopes * (1.0 + alpha * (1.0 - t * t))
        if site % TOGETHER == TOGETHER - 1:
            ladj = ladj + logarithm(slopes)
            slopes = broadcast(1.0)
    return ladj + logarithm(slopes)


@kernel
def _inverse_move(field, moved, coupling, outputs):
    """The inverse of `_move`; returns the log determinant of the forward map."""
    beta, ladj, slopes = coupling.constant[2], broadcast(0.0), broadcast(1.0)
    for site in range(coupling.rows.half):
        scale, alpha, inner, outer = conditions(coupling, outputs, site)
        y = inverse_tanh_map(load(field, moved + site) - outer, alpha, beta)
        t = tanh(beta * y)
        store(field, moved + site, (y - inner) * exponential(0.0 - scale))
        ladj = ladj + scale
        slopes = slopes * (1.0 + alpha * (1.0 - t * t))
        if site % TOGETHER == TOGETHER - 1:
            ladj = ladj + logarithm(slopes)
            slopes = broadcast(1.0)
    return ladj + logarithm(slopes)
