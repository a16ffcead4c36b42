"""One coupling with what scores need of it: the gradient of log q at fixed fields goes along.

log q of given fields is a function F of the fields before the coupling, less the log determinant.
What F changes with these fields is known from the couplings before; so the derivatives with
respect to this coupling's parameters and to the fields after it come in the same pass that draws
the fields, with all that it computed at hand. No map is inverted.
"""

import math

from lfmc.flows.heatbath.coupling_kernels import conditions, first_edge, listen
from lfmc.flows.heatbath.planes import clear, kernel_scores, mix, transform
from lfmc.flows.heatbath.rings_score_kernels import ring_scores
from lfmc.flows.monotone import FLOOR
from lfmc.kernels.lanes import inlined, kernel, load, spread, store
from lfmc.kernels.mathematics import TOGETHER, exponential, logarithm, sincos_turns, tanh

TURN = 2 * math.pi


@kernel
def couple_scores(x, slopes, log_q, scores, frozen, moved, coupling, adjoint, room, asked):
    """Move half of x (groups, kept, LANES), carry slopes = d log q / dx along; scores come out.

    Args:
        log_q: (groups, LANES); the log determinant comes off it.
        scores: receives the rows of this coupling's parameters, (groups, parameters, LANES).
        frozen, moved: first row of either half.
        room, asked: what the conditions are made of, and room for derivatives with respect to it.
    """
    for group in range(x.shape[0]):
        ladj = _couple_one(
            x[group], slopes[group], scores[group], frozen, moved, coupling, adjoint, room, asked
        )
        store(log_q, group, load(log_q, group) - ladj)


@kernel
def _couple_one(field, slope, scores, frozen, moved, coupling, adjoint, room, asked):
    slots, terms = adjoint.slots, len(coupling.strength)
    listen(field, frozen, coupling, room)
    clear(scores, slots.background, 4 * len(coupling.field_scale))
    clear(scores, slots.field_scale, len(coupling.field_scale))
    ladj = _move(field, slope, moved, coupling, adjoint, room.said, asked.said, scores)
    if terms:
        first = first_edge(coupling, room)
        clear(asked.integrated, first, asked.integrated.shape[0] - first)
        clear(scores, slots.ring_strength, terms)
        clear(scores, slots.ring_sharpness, terms)
        ladj = ladj + ring_scores(
            field, slope, moved, coupling, adjoint, room.integrated, first, asked.integrated,
            scores, room.plane,
        )  # fmt: skip
    _listen_back(field, slope, frozen, coupling, adjoint, room, asked, scores)
    return ladj


@kernel
def _move(field, slope, moved, coupling, adjoint, said, asked, scores):
    """The map of every site by itself; its log determinant, and derivatives by what is said."""
    smooth, beta = len(coupling.field_scale), coupling.constant[2]
    half = said.shape[0] // (4 + smooth)
    ladj, slopes, by_beta = spread(0.0), spread(1.0), spread(0.0)
    by_scales, by_alphas = spread(0.0), spread(0.0)
    for site in range(half):
        scale, alpha, inner, outer = conditions(coupling, said, site)
        m, known = load(field, moved + site), load(slope, moved + site)
        factor = exponential(scale)
        y = m * factor + inner
        t = tanh(beta * y)
        c = 1.0 - t * t
        derivative = 1.0 + alpha * c
        bend = -2.0 * alpha * beta * t * c / derivative
        back = (known / factor - bend) / derivative
        store(field, moved + site, y + alpha * t / beta + outer)
        store(slope, moved + site, back)
        by_scale, by_inner = -1.0 - m * known, 0.0 - known / factor
        by_alpha = 0.0 - c / derivative - t / beta * back
        by_beta = by_beta + 2.0 * alpha * t * c * y / derivative
        by_beta = by_beta - alpha * (c * y - t / beta) / beta * back
        # alpha is FLOOR below the softplus of what is said
        by_alpha = by_alpha * _softplus_slope(alpha)
        by_scales, by_alphas = by_scales + by_scale, by_alphas + by_alpha
        store(asked, site, by_inner)
        store(asked, half + site, 0.0 - back)
        store(asked, (2 + smooth) * half + site, by_scale)
        store(asked, (3 + smooth) * half + site, by_alpha)
        for j in range(smooth):
            row = (2 + j) * half + site
            smoothed = load(said, row)
            by_g = _background(
                coupling, adjoint, smoothed, j, by_scale, by_alpha, by_inner, 0.0 - back, scores
            )
            store(asked, row, coupling.field_scale[j] * by_g)
            place = adjoint.slots.field_scale + j
            store(scores, place, load(scores, place) + smoothed * by_g)
        ladj = ladj + scale
        slopes = slopes * derivative
        if site % TOGETHER == TOGETHER - 1:
            ladj = ladj + logarithm(slopes)
            slopes = spread(1.0)
    store(scores, adjoint.slots.constant, by_scales)
    store(scores, adjoint.slots.constant + 1, by_alphas)
    store(scores, adjoint.slots.constant + 2, beta * by_beta)
    return ladj + logarithm(slopes)


@inlined
def _softplus_slope(alpha):
    """Of the softplus whose value is alpha + FLOOR."""
    return 1.0 - exponential(0.0 - (alpha + FLOOR))


@inlined
def _background(coupling, adjoint, smoothed, j, by_scale, by_alpha, by_inner, by_outer, scores):
    """Derivative by the smoothed field g_j; scores of its weights."""
    smooth, weights = len(coupling.field_scale), coupling.background
    g = coupling.field_scale[j] * smoothed
    square = g * g
    response = square / (1.0 + square)
    change = 2.0 * g / ((1.0 + square) * (1.0 + square))
    first = adjoint.slots.background + j
    store(scores, first, load(scores, first) + by_scale * response)
    row = first + smooth
    store(scores, row, load(scores, row) + by_alpha * response)
    row = first + 2 * smooth
    store(scores, row, load(scores, row) + by_inner * (g * response))
    row = first + 3 * smooth
    store(scores, row, load(scores, row) + by_outer * (g * response))
    even = weights[0, j] * by_scale + weights[1, j] * by_alpha
    odd = weights[2, j] * by_inner + weights[3, j] * by_outer
    return even * change + odd * (response + g * change)


@kernel
def _listen_back(field, slope, frozen, coupling, adjoint, room, asked, scores):
    """From derivatives by what is said and by fields of edges to kernels and the frozen half."""
    features, integrated, waves, _, plane = room
    by_features, by_integrated, by_waves, by_said, _ = asked
    sides, slots, to_moved = coupling.sides, adjoint.slots, adjoint.direct
    to_others, from_others = adjoint.to_hidden, adjoint.from_hidden
    modes, cells = coupling.odd.shape[0], coupling.to_modes.shape[0]
    half, others = modes * cells, coupling.waves_to_modes.shape[0]
    hidden = modes * others
    smooth, frequencies = len(coupling.field_scale), len(coupling.frequency)
    pairs, terms = len(coupling.hidden_frequency), len(coupling.strength)
    groups = adjoint.members, adjoint.starts
    even, cosine, edge = (2 + smooth) * half, (1 + frequencies) * half, pairs * hidden
    odd = 1 + frequencies

    # fmt: off
    transform(by_said, 0, 4 + smooth, adjoint.to_modes, sides, plane)
    kernel_scores(features, 0, odd, cells, by_said, 0, 2 + smooth, cells,
                  *groups, to_moved, scores, slots.odd, plane)
    kernel_scores(features, cosine, frequencies, cells, by_said, even, 2, cells,
                  *groups, to_moved, scores, slots.even, plane)
    kernel_scores(waves, 0, pairs, others, by_said, 0, 2, cells,
                  *groups, from_others, scores, slots.hidden_odd, plane)
    kernel_scores(waves, edge, pairs, others, by_said, even, 2, cells,
                  *groups, from_others, scores, slots.hidden_even, plane)
    mix(by_said, 0, by_features, 0, adjoint.odd, False)
    mix(by_said, even, by_features, cosine, adjoint.even, False)
    mix(by_said, 0, by_waves, 0, adjoint.hidden_odd, False)
    mix(by_said, even, by_waves, edge, adjoint.hidden_even, False)

    transform(by_waves, 0, 2 * pairs, coupling.waves_to_sites, sides, plane)
    _hidden_back(coupling, integrated, by_waves, by_integrated, scores, slots.hidden_frequency)
    transform(by_integrated, 0, pairs + terms, coupling.waves_to_modes, sides, plane)
    kernel_scores(features, 0, 1, cells, by_integrated, 0, pairs, others,
                  *groups, to_others, scores, slots.hidden, plane)
    mix(by_integrated, 0, by_features, 0, adjoint.hidden, True)
    if terms:
        kernel_scores(features, 0, odd, cells, by_integrated, edge, terms, others,
                      *groups, to_others, scores, slots.ring, plane)
        mix(by_integrated, edge, by_features, 0, adjoint.ring, True)
    # fmt: on

    transform(by_features, 0, 1 + 2 * frequencies, adjoint.to_sites, sides, plane)
    clear(scores, slots.frequency, frequencies)
    for site in range(half):
        a, total = load(field, frozen + site), load(by_features, site)
        for f in range(frequencies):
            by_sine = load(by_features, (1 + f) * half + site)
            by_cosine = load(by_features, cosine + f * half + site)
            back = _phase_back(coupling.frequency[f] * a, by_sine, by_cosine)
            total = total + TURN * coupling.frequency[f] * back
            store(scores, slots.frequency + f, load(scores, slots.frequency + f) + a * back)
        store(slope, frozen + site, load(slope, frozen + site) + total)


@inlined
def _hidden_back(coupling, integrated, by_waves, by_integrated, scores, slot):
    """From waves of the hidden fields to these; scores of their frequencies."""
    pairs = len(coupling.hidden_frequency)
    hidden = by_waves.shape[0] // (2 * pairs)
    for p in range(pairs):
        frequency, total = coupling.hidden_frequency[p], spread(0.0)
        for row in range(p * hidden, (p + 1) * hidden):
            h, sine = load(integrated, row), load(by_waves, row)
            back = _phase_back(frequency * h, sine, load(by_waves, pairs * hidden + row))
            store(by_integrated, row, TURN * frequency * back)
            total = total + h * back
        store(scores, slot + p, total)


@inlined
def _phase_back(turns, by_sine, by_cosine):
    """Derivative by the phase of a sine and a cosine."""
    sine, cosine = sincos_turns(turns)
    return by_sine * cosine - by_cosine * sine
