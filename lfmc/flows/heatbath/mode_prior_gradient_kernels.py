"""The prior forwards without its density, and the gradient that it passes back to its normals."""

from lfmc.flows.heatbath.mode_basis_kernels import cells_to_sites, modes_to_cells, sites_to_modes
from lfmc.flows.heatbath.mode_prior_kernels import breathing_of, respond, zero_map
from lfmc.flows.heatbath.wells_kernels import wells_map, wells_scores
from lfmc.kernels.lanes import inlined, kernel, load, store
from lfmc.kernels.mathematics import exponential, tanh


@kernel
def prior_field(normals, field, prior, modes):
    """Normals (kept, LANES) to a field, as `draw_prior` does.

    modes: rows for the modes of a field and for the responses of their widths.
    """
    kept = field.shape[0]
    zero = _mapped(load(normals, 0), prior)[0]
    respond(zero, prior, modes, kept)
    store(modes, 0, prior.widths[0] * zero)
    for k in range(1, kept):
        width = exponential(breathing_of(prior, modes, kept, k)) * prior.widths[k]
        store(modes, k, load(normals, k) * width)
    modes_to_cells(modes, 0, field, prior.to_sites)
    cells_to_sites(field, prior.to_sites, modes)


@kernel
def prior_gradient(normals, slope, prior, modes):
    """Gradient of a function F of the field to that of F - log q of the prior in its normals.

    Args:
        slope: dF/dx, (kept, LANES); replaced by d(F - log q)/dz.
        modes: as of `prior_field`.
    """
    kept, responses = slope.shape[0], len(prior.response)
    sites_to_modes(slope, modes, prior.to_modes)
    first = load(normals, 0)
    zero, derivative, bend = _mapped(first, prior)
    respond(zero, prior, modes, kept)
    by_zero = prior.widths[0] * load(modes, 0)
    for k in range(1, kept):
        value = load(normals, k)
        width = exponential(breathing_of(prior, modes, kept, k)) * prior.widths[k]
        by_value = load(modes, k) * width
        store(slope, k, by_value + value)
        by_breathing = by_value * value + 1.0
        for j in range(responses):
            r = load(modes, kept + j)
            change = 2.0 * prior.response[j] * prior.breathing[k, j] * zero * (1.0 - r * r)
            by_zero = by_zero + change * by_breathing
    store(slope, 0, by_zero * derivative + bend + first)


@inlined
def _mapped(first, prior):
    """The mapped zero mode of its normal, its slope in it, and the slope of the slope's log."""
    if len(prior.wells):
        zero, ladj = wells_map(first, prior.wells)
        derivative, by_zero = exponential(ladj), wells_scores(first, zero, prior.wells)[0]
        bend = 0.0 - first - by_zero * derivative
    else:
        alpha, beta = prior.zero[0], prior.zero[1]
        t = tanh(beta * (first + prior.zero[2]))
        c = 1.0 - t * t
        derivative = 1.0 + alpha * c
        zero = zero_map(first, prior.zero)[0]
        bend = -2.0 * alpha * beta * t * c / derivative
    return zero, derivative, bend
