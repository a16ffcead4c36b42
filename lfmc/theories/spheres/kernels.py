"""Kernels of O(N) models, chosen by the type of the couplings.

Fields of a block are (V N, LANES), component a of site x in row x N + a; `near` has the neighbours.
"""

from typing import NamedTuple

import numpy as np

from lfmc.kernels.lanes import broadcast, inlined, load, select, square_root
from lfmc.kernels.mathematics import tanh
from lfmc.kernels.theory import kernels_of


class SpheresCouplings(NamedTuple):
    """beta of S = -beta sum n.n; `zeros` has as many entries as a vector has components.

    The length of a tuple is part of its type, so that kernels are compiled for each N.
    """

    beta: float
    zeros: tuple[float, ...]


class ChargedCouplings(NamedTuple):
    """The same of vectors in two dimensions with three components, which have a charge Q."""

    beta: float
    zeros: tuple[float, ...]


@inlined
def neighbour_component(phi, near, x, a, n):
    """Component a of the sum over the neighbours of site x."""
    total = load(phi, near[x, 0] * n + a) + load(phi, near[x, 1] * n + a)
    for k in range(2, near.shape[1]):
        total = total + load(phi, near[x, k] * n + a)
    return total


@inlined
def _averages(phi, near, couplings):
    n = len(couplings[1])
    energy, squares, force2 = broadcast(0.0), broadcast(0.0), broadcast(0.0)
    first = broadcast(0.0)
    for a in range(n):
        total = broadcast(0.0)
        for x in range(near.shape[0]):
            total = total + load(phi, x * n + a)
        squares = squares + total * total
        if a == 0:
            first = total
    for x in range(near.shape[0]):
        along, size2 = broadcast(0.0), broadcast(0.0)
        for a in range(n):
            h = neighbour_component(phi, near, x, a, n)
            along = along + h * load(phi, x * n + a)
            size2 = size2 + h * h
        energy = energy + along
        if n == 1:
            h = neighbour_component(phi, near, x, 0, n)
            force2 = force2 + h * tanh(couplings[0] * h)
        else:
            force2 = force2 + (size2 - along * along)
    each = 1.0 / near.shape[0]
    bond = energy * (each / near.shape[1])
    return bond, first * each, squares * (each * each), force2 * each


@inlined
def _triangle(phi, i, j, k):
    """1 + n1.n2 + n2.n3 + n3.n1 and n1.(n2 x n3) of three sites."""
    a, b, c = load(phi, 3 * i), load(phi, 3 * i + 1), load(phi, 3 * i + 2)
    d, e, f = load(phi, 3 * j), load(phi, 3 * j + 1), load(phi, 3 * j + 2)
    g, h, m = load(phi, 3 * k), load(phi, 3 * k + 1), load(phi, 3 * k + 2)
    real = 1.0 + (a * d + b * e + c * f) + (d * g + e * h + f * m) + (g * a + h * b + m * c)
    return real, a * (e * m - f * h) + b * (f * g - d * m) + c * (d * h - e * g)


@inlined
def turned(real, imaginary, windings, c, s):
    """A product of phases with one more factor c + i s, and the windings of the sum of phases.

    Phases in (-pi, pi] of equal sign whose product has the other sign have passed +-pi.
    """
    scale = 1.0 / square_root(c * c + s * s + 1e-300)
    new = (real * c - imaginary * s) * scale
    other = (real * s + imaginary * c) * scale
    up = select(imaginary > 0.0, select(s > 0.0, select(other < 0.0, 1.0, 0.0), 0.0), 0.0)
    down = select(imaginary < 0.0, select(s < 0.0, select(other > 0.0, 1.0, 0.0), 0.0), 0.0)
    return new, other, windings + (up - down)


@inlined
def _charge(phi, near):
    """Sum of the phases of all triangles over 2 pi: their product is 1, so windings are counted."""
    real, imaginary, windings = broadcast(1.0), broadcast(0.0), broadcast(0.0)
    for x in range(near.shape[0]):
        right, up = near[x, 0], near[x, 2]
        corner = near[right, 2]
        c, s = _triangle(phi, x, right, corner)
        real, imaginary, windings = turned(real, imaginary, windings, c, s)
        c, s = _triangle(phi, x, corner, up)
        real, imaginary, windings = turned(real, imaginary, windings, c, s)
    closed = real > 1.0 - 1e-6
    return select(closed, windings, np.nan)


@inlined
def _measure(phi, near, couplings):
    return _averages(phi, near, couplings)


@inlined
def _measure_charged(phi, near, couplings):
    bond, first, squares, force2 = _averages(phi, near, couplings)
    return bond, first, squares, force2, _charge(phi, near)


@inlined
def _action_change(new, old, near, couplings):
    return (-0.5 * couplings[0] * near.shape[0] * near.shape[1]) * (new[0] - old[0])


kernels_of(SpheresCouplings, action_change=_action_change, measure=_measure)
kernels_of(ChargedCouplings, action_change=_action_change, measure=_measure_charged)
