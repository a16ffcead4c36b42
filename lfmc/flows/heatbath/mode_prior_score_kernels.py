"""Scores of the prior: derivatives of its log density at fixed fields."""

from lfmc.flows.heatbath.mode_basis_kernels import cells_to_sites, modes_to_cells
from lfmc.flows.heatbath.mode_prior_kernels import breathing_of, respond, zero_map
from lfmc.flows.heatbath.planes import clear
from lfmc.flows.heatbath.wells_kernels import wells_map, wells_scores
from lfmc.kernels.lanes import LANES, broadcast, inlined, kernel, load, merged, store
from lfmc.kernels.mathematics import exponential, tanh


@kernel
def prior_scores(z, x, slopes, log_q, scores, prior, adjoint, log_norm, rows):
    """Normals z (batch, kept) to fields x and slopes = d log q / dx, (groups, kept, LANES).

    Args:
        log_q: receives log q, (groups, LANES); scores: the rows of the prior's parameters.
        log_norm: the constant of log q.
        rows: workspace, two rows per kept site and one per response.
    """
    for group in range(x.shape[0]):
        for k in range(x.shape[1]):
            for lane in range(LANES):
                rows[k, lane] = z[group * LANES + lane, k]
        found = _one(x[group], slopes[group], prior, adjoint, scores[group], rows)
        store(log_q, group, log_norm + found)


@merged
def _one(field, slope, prior, adjoint, scores, rows):
    """One group, whose normals lie in the first rows; log q but for constants."""
    kept, square, responses = field.shape[0], broadcast(0.0), len(prior.response)
    gradient_row = kept + responses
    for k in range(kept):
        value = load(rows, k)
        square = square + value * value
    first = load(rows, 0)
    if len(prior.wells):
        zero, ladj = wells_map(first, prior.wells)
        gradient, by_width, by_place, by_sharpness = wells_scores(first, zero, prior.wells)
        store(scores, adjoint.offsets.zero_mode, by_width)
        store(scores, adjoint.offsets.zero_mode + 1, adjoint.zero_slope * by_place)
        store(scores, adjoint.offsets.zero_mode + 2, by_sharpness)
    else:
        zero, ladj = zero_map(first, prior.zero)
        gradient = _zero_scores(first, prior.zero, adjoint, scores)
    respond(zero, prior, rows, kept)
    coefficients = adjoint.cosines.shape[0]
    clear(scores, adjoint.offsets.log_width, coefficients)
    for k in range(1, kept):
        breathing, value = breathing_of(prior, rows, kept, k), load(rows, k)
        ladj = ladj + breathing
        width, wide = exponential(breathing) * prior.widths[k], value * value - 1.0
        store(rows, k, value * width)
        # With respect to mode k, to its log width, and through that to the zero mode.
        store(rows, gradient_row + k, (0.0 - value) / width)
        for c in range(coefficients):
            row = adjoint.offsets.log_width + c
            store(scores, row, load(scores, row) + adjoint.cosines[c, k] * wide)
        for j in range(responses):
            t = load(rows, kept + j)
            change = 2.0 * prior.response[j] * zero * (1.0 - t * t)
            gradient = gradient + prior.breathing[k, j] * (change * wide)
    store(rows, 0, prior.widths[0] * zero)
    store(rows, gradient_row, gradient / prior.widths[0])
    constant = 0.0 - zero * gradient - 1.0
    for j in range(responses):
        for c in range(coefficients):
            common = load(scores, adjoint.offsets.log_width + c)
            row = adjoint.offsets.breathing + j * coefficients + c
            store(scores, row, load(rows, kept + j) * common)
    if len(prior.wells) == 0:  # else the zero mode has no further width
        for c in range(coefficients):
            row = adjoint.offsets.log_width + c
            store(scores, row, load(scores, row) + adjoint.cosines[c, 0] * constant)
        store(scores, adjoint.offsets.zero_mode + 2, constant)
    modes_to_cells(rows, 0, field, prior.to_sites)
    modes_to_cells(rows, gradient_row, slope, prior.to_sites)
    cells_to_sites(field, prior.to_sites, rows)
    cells_to_sites(slope, prior.to_sites, rows)
    return 0.0 - 0.5 * square - ladj


@inlined
def _zero_scores(first, zero, adjoint, scores):
    """Gradient with respect to the mapped zero mode, by way of its normal; scores of the map."""
    alpha, beta, y = zero[0], zero[1], first + zero[2]
    t = tanh(beta * y)
    c = 1.0 - t * t
    derivative = 1.0 + alpha * c
    bend = -2.0 * alpha * beta * t * c / derivative
    gradient = (0.0 - first - bend) / derivative
    by_alpha = 0.0 - c / derivative - t / beta * gradient
    by_beta = 2.0 * alpha * t * c * y / derivative
    by_beta = by_beta - alpha * (c * y - t / beta) / beta * gradient
    store(scores, adjoint.offsets.zero_mode, adjoint.zero_slope * by_alpha)
    store(scores, adjoint.offsets.zero_mode + 1, beta * by_beta)
    if adjoint.offsets.asymmetry >= 0:
        # At a fixed field the centre moves the normal alone, and the offset the mapped value.
        store(scores, adjoint.offsets.asymmetry, first)
        store(scores, adjoint.offsets.asymmetry + 1, 0.0 - gradient)
    return gradient
