"""One coupling forwards, with what its gradient needs, and the gradient that it passes back.

With a = d/dx' [F(x') + log det dx'/dx] for a function F of the fields x' after the coupling, the
derivatives with respect to the fields x before it and to the outputs of its conditioner are those
of `coupling_score_kernels`, solved for the gradient before instead of the one after.
"""

import math

from lfmc.flows.heatbath.coupling_kernels import conditioner, conditions
from lfmc.flows.heatbath.coupling_score_kernels import phase_gradient, softplus_slope
from lfmc.flows.heatbath.planes import clear, mix, transform
from lfmc.flows.heatbath.rings_gradient_kernels import rings_along, rings_gradient
from lfmc.kernels.lanes import inlined, kernel, load, store
from lfmc.kernels.mathematics import exponential, tanh

TURN = 2 * math.pi


@kernel
def couple_noting(field, frozen, moved, coupling, workspace, before):
    """Move half of a field (kept, LANES), as `coupling_kernels.couple` does.

    Args:
        frozen, moved: first row of each half.
        workspace: keeps the conditioner's outputs and the fields on the integrated sites.
        before: receives the moved half before the single-site maps and before the rings of each
            axis, (1 + axes) times the rows of a half.
    """
    rows, beta = coupling.rows, coupling.constant[2]
    conditioner(field, frozen, coupling, workspace)
    for site in range(rows.half):
        scale, alpha, inner, outer = conditions(coupling, workspace.outputs, site)
        value = load(field, moved + site)
        store(before, site, value)
        y = value * exponential(scale) + inner
        store(field, moved + site, y + alpha * tanh(beta * y) / beta + outer)
    for axis in range(len(coupling.ring_sides)):
        for site in range(rows.half):
            store(before, (1 + axis) * rows.half + site, load(field, moved + site))
        rings_along(field, moved, coupling, workspace.integrated, axis, workspace.plane)


@kernel
def couple_gradient(field, slope, frozen, moved, coupling, adjoint, workspace, gradients, before):
    """Undo `couple_noting`, and pass the gradient to the fields before it, both in place.

    Args:
        slope: gradient of a function of the fields after, to which the log determinant is added.
        workspace, before: as `couple_noting` left them; gradients: for the conditioner's arrays.
    """
    rows = coupling.rows
    clear(gradients.integrated, rows.ring, rows.integrated - rows.ring)
    for axis in range(len(coupling.ring_sides) - 1, -1, -1):
        rings_gradient(
            slope, moved, before, (1 + axis) * rows.half, coupling, workspace.integrated,
            gradients.integrated, axis, workspace.plane,
        )  # fmt: skip
    _moved_gradient(field, slope, moved, coupling, workspace.outputs, gradients.outputs, before)
    _conditioner_gradient(field, slope, frozen, coupling, adjoint, workspace, gradients)


@kernel
def _moved_gradient(field, slope, moved, coupling, outputs, gradients, before):
    """The single-site maps: derivatives by the moved half and by the conditioner's outputs."""
    rows, beta = coupling.rows, coupling.constant[2]
    for site in range(rows.half):
        scale, alpha, inner, _ = conditions(coupling, outputs, site)
        value, after = load(before, site), load(slope, moved + site)
        factor = exponential(scale)
        t = tanh(beta * (value * factor + inner))
        c = 1.0 - t * t
        derivative = 1.0 + alpha * c
        by_inner = after * derivative - 2.0 * alpha * beta * t * c / derivative
        by_value = by_inner * factor
        by_scale = 1.0 + value * by_value
        # alpha is the softplus of the conditioner's output minus BOUND
        by_alpha = (c / derivative + t / beta * after) * softplus_slope(alpha)
        store(field, moved + site, value)
        store(slope, moved + site, by_value)
        store(gradients, rows.inner + site, by_inner)
        store(gradients, rows.outer + site, after)
        store(gradients, rows.scale + site, by_scale)
        store(gradients, rows.alpha + site, by_alpha)
        for j in range(len(coupling.field_scale)):
            row = rows.smooth + j * rows.half + site
            even = coupling.background[0, j] * by_scale + coupling.background[1, j] * by_alpha
            odd = coupling.background[2, j] * by_inner + coupling.background[3, j] * after
            by_g = _by_smoothed(coupling, load(outputs, row), j, even, odd)
            store(gradients, row, coupling.field_scale[j] * by_g)


@inlined
def _by_smoothed(coupling, smoothed, j, even, odd):
    """The derivative by g_j of the responses g^2 / (1 + g^2), and g times that."""
    g = coupling.field_scale[j] * smoothed + coupling.smooth_offset[j]
    square = g * g
    inverse = 1.0 / (1.0 + square)
    response, change = square * inverse, 2.0 * g * inverse * inverse
    return even * change + odd * (response + g * change)


@kernel
def _conditioner_gradient(field, slope, frozen, coupling, adjoint, workspace, gradients):
    """The conditioner's adjoint: the gradient on the frozen half."""
    plane = workspace.plane
    by_features, by_integrated, by_waves, by_outputs, _ = gradients
    rows, frequencies = coupling.rows, len(coupling.frequency)
    transform(by_outputs, rows.outputs, adjoint.to_modes, plane)
    mix(by_outputs, rows.inner, by_features, rows.field, adjoint.odd, False)
    mix(by_outputs, rows.scale, by_features, rows.cosine, adjoint.even, False)
    mix(by_outputs, rows.inner, by_waves, rows.hidden_sine, adjoint.hidden_odd, False)
    mix(by_outputs, rows.scale, by_waves, rows.hidden_cosine, adjoint.hidden_even, False)
    transform(by_waves, rows.waves, coupling.waves_to_sites, plane)
    for p in range(len(coupling.hidden_frequency)):
        frequency, phase = coupling.hidden_frequency[p], coupling.hidden_phase[p]
        for row in range(p * rows.integrated_sites, (p + 1) * rows.integrated_sites):
            turns = frequency * load(workspace.integrated, rows.hidden + row) + phase
            by_sine = load(by_waves, rows.hidden_sine + row)
            by_cosine = load(by_waves, rows.hidden_cosine + row)
            gradient = TURN * frequency * phase_gradient(turns, by_sine, by_cosine)
            store(by_integrated, rows.hidden + row, gradient)
    transform(by_integrated, rows.integrated, coupling.waves_to_modes, plane)
    mix(by_integrated, rows.hidden, by_features, rows.field, adjoint.hidden, True)
    if len(coupling.strength):
        mix(by_integrated, rows.ring, by_features, rows.field, adjoint.ring, True)
    transform(by_features, rows.features, adjoint.to_sites, plane)
    for site in range(rows.half):
        total = load(by_features, rows.field + site)
        for f in range(frequencies):
            by_sine = load(by_features, rows.sine + f * rows.half + site)
            by_cosine = load(by_features, rows.cosine + f * rows.half + site)
            turns = coupling.frequency[f] * load(field, frozen + site) + coupling.phase[f]
            gradient = phase_gradient(turns, by_sine, by_cosine)
            total = total + TURN * coupling.frequency[f] * gradient
        store(slope, frozen + site, load(slope, frozen + site) + total)
