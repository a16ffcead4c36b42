"""One coupling with its scores and with the gradient of log q with respect to the fields.

log q of given fields is a function F of the fields before the coupling, minus the log determinant.
The gradient of F is known from the previous couplings. So the derivatives with respect to this
coupling's parameters and to the fields after it are computed in the pass that draws the fields,
from its intermediate results. No map is inverted.
"""

import math

from lfmc.flows.heatbath.coupling_kernels import conditioner, conditions
from lfmc.flows.heatbath.planes import clear, kernel_scores, mix, transform
from lfmc.flows.heatbath.rings_score_kernels import ring_scores
from lfmc.flows.monotone import BOUND
from lfmc.kernels.lanes import broadcast, inlined, kernel, load, merged, store
from lfmc.kernels.mathematics import TOGETHER, exponential, logarithm, sincos_turns, tanh

TURN = 2 * math.pi


@kernel
def couple_scores(x, slopes, log_q, scores, frozen, moved, coupling, adjoint, workspace, gradients):
    """Move half of x (groups, kept, LANES), update slopes = d log q / dx, and compute the scores.

    Args:
        log_q: (groups, LANES); the log determinant is subtracted from it.
        scores: receives the rows of this coupling's parameters, (groups, parameters, LANES).
        frozen, moved: first row of each half.
        workspace: for the conditioner; gradients: for derivatives with respect to its arrays.
    """
    for group in range(x.shape[0]):
        ladj = _couple_one(
            x[group],
            slopes[group],
            scores[group],
            frozen,
            moved,
            coupling,
            adjoint,
            workspace,
            gradients,
        )
        store(log_q, group, load(log_q, group) - ladj)


@merged
def _couple_one(field, slope, scores, frozen, moved, coupling, adjoint, workspace, gradients):
    offsets, rows, terms = adjoint.offsets, coupling.rows, len(coupling.strength)
    conditioner(field, frozen, coupling, workspace)
    clear(scores, offsets.background, 4 * len(coupling.field_scale))
    clear(scores, offsets.field_scale, len(coupling.field_scale))
    if offsets.smooth_offset >= 0:
        clear(scores, offsets.smooth_offset, len(coupling.field_scale))
    ladj = _move(
        field, slope, moved, coupling, adjoint, workspace.outputs, gradients.outputs, scores
    )
    if terms:
        clear(gradients.integrated, rows.ring, rows.integrated - rows.ring)
        clear(scores, offsets.ring_strength, terms)
        clear(scores, offsets.ring_sharpness, terms)
        ladj = ladj + ring_scores(
            field, slope, moved, coupling, adjoint, workspace.integrated, gradients.integrated,
            scores, workspace.plane,
        )  # fmt: skip
    _conditioner_gradient(field, slope, frozen, coupling, adjoint, workspace, gradients, scores)
    return ladj


@merged
def _move(field, slope, moved, coupling, adjoint, outputs, gradients, scores):
    """The single-site maps: log determinant, and derivatives by the conditioner's outputs."""
    rows, beta = coupling.rows, coupling.constant[2]
    ladj, slopes, by_beta = broadcast(0.0), broadcast(1.0), broadcast(0.0)
    by_scales, by_alphas = broadcast(0.0), broadcast(0.0)
    by_inners, by_outers = broadcast(0.0), broadcast(0.0)
    for site in range(rows.half):
        scale, alpha, inner, outer = conditions(coupling, outputs, site)
        m, known = load(field, moved + site), load(slope, moved + site)
        factor = exponential(scale)
        y = m * factor + inner
        t = tanh(beta * y)
        c = 1.0 - t * t
        derivative = 1.0 + alpha * c
        bend = -2.0 * alpha * beta * t * c / derivative
        gradient = (known / factor - bend) / derivative
        store(field, moved + site, y + alpha * t / beta + outer)
        store(slope, moved + site, gradient)
        by_scale, by_inner = -1.0 - m * known, 0.0 - known / factor
        by_alpha = 0.0 - c / derivative - t / beta * gradient
        by_beta = by_beta + 2.0 * alpha * t * c * y / derivative
        by_beta = by_beta - alpha * (c * y - t / beta) / beta * gradient
        # alpha is the softplus of the conditioner's output minus BOUND
        by_alpha = by_alpha * softplus_slope(alpha)
        by_scales, by_alphas = by_scales + by_scale, by_alphas + by_alpha
        by_inners, by_outers = by_inners + by_inner, by_outers - gradient
        store(gradients, rows.inner + site, by_inner)
        store(gradients, rows.outer + site, 0.0 - gradient)
        store(gradients, rows.scale + site, by_scale)
        store(gradients, rows.alpha + site, by_alpha)
        for j in range(len(coupling.field_scale)):
            row = rows.smooth + j * rows.half + site
            smoothed = load(outputs, row)
            by_g = _background(
                coupling, adjoint, smoothed, j, by_scale, by_alpha, by_inner, 0.0 - gradient, scores
            )
            store(gradients, row, coupling.field_scale[j] * by_g)
            place = adjoint.offsets.field_scale + j
            store(scores, place, load(scores, place) + smoothed * by_g)
            if adjoint.offsets.smooth_offset >= 0:
                place = adjoint.offsets.smooth_offset + j
                store(scores, place, load(scores, place) + by_g)
        ladj = ladj + scale
        slopes = slopes * derivative
        if site % TOGETHER == TOGETHER - 1:
            ladj = ladj + logarithm(slopes)
            slopes = broadcast(1.0)
    store(scores, adjoint.offsets.constant, by_scales)
    store(scores, adjoint.offsets.constant + 1, by_alphas)
    store(scores, adjoint.offsets.constant + 2, beta * by_beta)
    if adjoint.offsets.shift >= 0:
        store(scores, adjoint.offsets.shift, by_inners)
        store(scores, adjoint.offsets.shift + 1, by_outers)
    return ladj + logarithm(slopes)


@inlined
def softplus_slope(alpha):
    """The derivative of the softplus whose value is alpha + BOUND."""
    return 1.0 - exponential(0.0 - (alpha + BOUND))


@inlined
def _background(coupling, adjoint, smoothed, j, by_scale, by_alpha, by_inner, by_outer, scores):
    """The derivative by the smoothed field g_j; adds the scores of its coefficients."""
    smooth, background = len(coupling.field_scale), coupling.background
    g = coupling.field_scale[j] * smoothed + coupling.smooth_offset[j]
    square = g * g
    response = square / (1.0 + square)
    change = 2.0 * g / ((1.0 + square) * (1.0 + square))
    first = adjoint.offsets.background + j
    store(scores, first, load(scores, first) + by_scale * response)
    row = first + smooth
    store(scores, row, load(scores, row) + by_alpha * response)
    row = first + 2 * smooth
    store(scores, row, load(scores, row) + by_inner * (g * response))
    row = first + 3 * smooth
    store(scores, row, load(scores, row) + by_outer * (g * response))
    even = background[0, j] * by_scale + background[1, j] * by_alpha
    odd = background[2, j] * by_inner + background[3, j] * by_outer
    return even * change + odd * (response + g * change)


@merged
def _conditioner_gradient(field, slope, frozen, coupling, adjoint, workspace, gradients, scores):
    """The conditioner's adjoint: scores of its kernels, and the gradient on the frozen half."""
    features, integrated, waves, _, plane = workspace
    by_features, by_integrated, by_waves, by_outputs, _ = gradients
    offsets, rows, to_moved = adjoint.offsets, coupling.rows, adjoint.direct
    to_others, from_others = adjoint.to_hidden, adjoint.from_hidden
    cells, others = coupling.to_modes.numbers.shape[0], coupling.waves_to_modes.numbers.shape[0]
    smooth, frequencies = len(coupling.field_scale), len(coupling.frequency)
    pairs, terms = len(coupling.hidden_frequency), len(coupling.strength)
    groups = adjoint.group_members, adjoint.group_starts
    odd = 1 + frequencies

    # fmt: off
    transform(by_outputs, rows.outputs, adjoint.to_modes, plane)
    kernel_scores(features, rows.field, odd, cells, by_outputs, rows.inner, 2 + smooth, cells,
                  *groups, to_moved, scores, offsets.odd, plane)
    kernel_scores(features, rows.cosine, frequencies, cells, by_outputs, rows.scale, 2, cells,
                  *groups, to_moved, scores, offsets.even, plane)
    kernel_scores(waves, rows.hidden_sine, pairs, others, by_outputs, rows.inner, 2, cells,
                  *groups, from_others, scores, offsets.hidden_odd, plane)
    kernel_scores(waves, rows.hidden_cosine, pairs, others, by_outputs, rows.scale, 2, cells,
                  *groups, from_others, scores, offsets.hidden_even, plane)
    mix(by_outputs, rows.inner, by_features, rows.field, adjoint.odd, False)
    mix(by_outputs, rows.scale, by_features, rows.cosine, adjoint.even, False)
    mix(by_outputs, rows.inner, by_waves, rows.hidden_sine, adjoint.hidden_odd, False)
    mix(by_outputs, rows.scale, by_waves, rows.hidden_cosine, adjoint.hidden_even, False)

    transform(by_waves, rows.waves, coupling.waves_to_sites, plane)
    _hidden_gradient(coupling, integrated, by_waves, by_integrated, scores, offsets)
    if offsets.ring_offset >= 0:
        for m in range(terms):
            total, first = broadcast(0.0), rows.ring + m * rows.integrated_sites
            for row in range(first, first + rows.integrated_sites):
                total = total + load(by_integrated, row)
            store(scores, offsets.ring_offset + m, total)
    transform(by_integrated, rows.integrated, coupling.waves_to_modes, plane)
    kernel_scores(features, rows.field, 1, cells, by_integrated, rows.hidden, pairs, others,
                  *groups, to_others, scores, offsets.hidden, plane)
    mix(by_integrated, rows.hidden, by_features, rows.field, adjoint.hidden, True)
    if terms:
        kernel_scores(features, rows.field, odd, cells, by_integrated, rows.ring, terms, others,
                      *groups, to_others, scores, offsets.ring, plane)
        mix(by_integrated, rows.ring, by_features, rows.field, adjoint.ring, True)
    # fmt: on

    transform(by_features, rows.features, adjoint.to_sites, plane)
    clear(scores, offsets.frequency, frequencies)
    if offsets.phase >= 0:
        clear(scores, offsets.phase, frequencies)
    for site in range(rows.half):
        a, total = load(field, frozen + site), load(by_features, rows.field + site)
        for f in range(frequencies):
            by_sine = load(by_features, rows.sine + f * rows.half + site)
            by_cosine = load(by_features, rows.cosine + f * rows.half + site)
            turns = coupling.frequency[f] * a + coupling.phase[f]
            gradient = phase_gradient(turns, by_sine, by_cosine)
            total = total + TURN * coupling.frequency[f] * gradient
            store(scores, offsets.frequency + f, load(scores, offsets.frequency + f) + a * gradient)
            if offsets.phase >= 0:
                store(scores, offsets.phase + f, load(scores, offsets.phase + f) + gradient)
        store(slope, frozen + site, load(slope, frozen + site) + total)


@inlined
def _hidden_gradient(coupling, integrated, by_waves, by_integrated, scores, offsets):
    """From waves of the hidden fields to these; scores of their frequencies and phases."""
    rows = coupling.rows
    for p in range(len(coupling.hidden_frequency)):
        frequency, phase = coupling.hidden_frequency[p], coupling.hidden_phase[p]
        total, phases = broadcast(0.0), broadcast(0.0)
        for row in range(p * rows.integrated_sites, (p + 1) * rows.integrated_sites):
            h, sine = load(integrated, rows.hidden + row), load(by_waves, rows.hidden_sine + row)
            cosine = load(by_waves, rows.hidden_cosine + row)
            gradient = phase_gradient(frequency * h + phase, sine, cosine)
            store(by_integrated, rows.hidden + row, TURN * frequency * gradient)
            total, phases = total + h * gradient, phases + gradient
        store(scores, offsets.hidden_frequency + p, total)
        if offsets.hidden_phase >= 0:
            store(scores, offsets.hidden_phase + p, phases)


@inlined
def phase_gradient(turns, by_sine, by_cosine):
    """The derivative by the phase of a sine and a cosine."""
    sine, cosine = sincos_turns(turns)
    return by_sine * cosine - by_cosine * sine
