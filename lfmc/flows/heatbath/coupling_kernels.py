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
            first = first_edge(coupling, workspace)
            ladj = ladj + ring_maps(
                field, moved, coupling, workspace.integrated, first, workspace.plane
            )
        store(log_q, group, load(log_q, group) - ladj)


@kernel
def uncouple(x, log_q, frozen, moved, coupling, workspace):
    """The inverse of `couple`; the log determinant of the forward map is subtracted from log_q."""
    for group in range(x.shape[0]):
        field, ladj = x[group], broadcast(0.0)
        conditioner(field, frozen, coupling, workspace)
        if len(coupling.ring_sides):
            first = first_edge(coupling, workspace)
            ladj = inverse_ring_maps(
                field, moved, coupling, workspace.integrated, first, workspace.plane
            )
        ladj = ladj + _inverse_move(field, moved, coupling, workspace.outputs)
        store(log_q, group, load(log_q, group) - ladj)


@inlined
def first_edge(coupling, workspace):
    """The first row of the fields of rings among the integrated fields."""
    pairs = len(coupling.hidden_frequency)
    return pairs * (workspace.integrated.shape[0] // (pairs + len(coupling.strength)))


@kernel
def conditioner(field, frozen, coupling, workspace):
    """Compute the conditioner's outputs and the fields on the integrated sites."""
    features, integrated, waves, outputs, plane = workspace
    sides, modes = coupling.sides, coupling.odd.shape[0]
    half = modes * coupling.to_modes.shape[0]
    frequencies = len(coupling.frequency)
    for site in range(half):
        a = load(field, frozen + site)
        store(features, site, a)
        for f in range(frequencies):
            sine, cosine = sincos_turns(coupling.frequency[f] * a + coupling.phase[f])
            store(features, (1 + f) * half + site, sine)
            store(features, (1 + frequencies + f) * half + site, cosine)
    transform(features, 0, 1 + 2 * frequencies, coupling.to_modes, sides, plane)
    pairs, terms = len(coupling.hidden_frequency), len(coupling.strength)
    hidden = modes * coupling.waves_to_modes.shape[0]
    mix(features, 0, integrated, 0, coupling.hidden, False)
    if terms:
        mix(features, 0, integrated, pairs * hidden, coupling.ring, False)
    transform(integrated, 0, pairs + terms, coupling.waves_to_sites, sides, plane)
    for m in range(len(coupling.ring_offset)):
        for row in range((pairs + m) * hidden, (pairs + m + 1) * hidden):
            store(integrated, row, load(integrated, row) + coupling.ring_offset[m])
    for p in range(pairs):
        for site in range(hidden):
            turns = coupling.hidden_frequency[p] * load(integrated, p * hidden + site)
            sine, cosine = sincos_turns(turns + coupling.hidden_phase[p])
            store(waves, p * hidden + site, sine)
            store(waves, (pairs + p) * hidden + site, cosine)
    transform(waves, 0, 2 * pairs, coupling.waves_to_modes, sides, plane)
    even = (2 + len(coupling.field_scale)) * half
    mix(features, 0, outputs, 0, coupling.odd, False)
    mix(features, (1 + frequencies) * half, outputs, even, coupling.even, False)
    mix(waves, 0, outputs, 0, coupling.hidden_odd, True)
    mix(waves, pairs * hidden, outputs, even, coupling.hidden_even, True)
    transform(outputs, 0, 4 + len(coupling.field_scale), coupling.to_sites, sides, plane)


@inlined
def conditions(coupling, outputs, site):
    """Scale, alpha, inner and outer shift of a moved site, from the conditioner's outputs."""
    smooth = len(coupling.field_scale)
    half, background = outputs.shape[0] // (4 + smooth), coupling.background
    inner = load(outputs, site) + coupling.shift[0]
    outer = load(outputs, half + site) + coupling.shift[1]
    scale = load(outputs, (2 + smooth) * half + site) + coupling.constant[0]
    alpha = load(outputs, (3 + smooth) * half + site) + coupling.constant[1]
    for j in range(smooth):
        g = (
            coupling.field_scale[j] * load(outputs, (2 + j) * half + site)
            + coupling.smooth_offset[j]
        )
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
    for site in range(outputs.shape[0] // (4 + len(coupling.field_scale))):
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
    for site in range(outputs.shape[0] // (4 + len(coupling.field_scale))):
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
