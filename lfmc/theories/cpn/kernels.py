"""Kernels of CP^(N-1) models, chosen by the type of the couplings.

Fields of a block are (2 N V, LANES), real and imaginary part of component a of site x in rows
2 (N x + a) and after it; `near` has the neighbours.
"""

from typing import Any, NamedTuple

import numpy as np

from lfmc.kernels.lanes import LANES, broadcast, inlined, load, select, square_root, store
from lfmc.kernels.mathematics import log_positive
from lfmc.kernels.theory import kernels_of
from lfmc.theories.spheres.kernels import turned
from lfmc.theories.spheres.law_kernels import circle_integrals

_LOG_2PI = float(np.log(2 * np.pi))


class CPNCouplings(NamedTuple):
    """strength = N beta of S = -N beta sum |z^+ z'|^2; `zeros` has N entries.

    The length of a tuple is part of its type, so that kernels are compiled for each N.

    Attributes:
        terms, largest: of the one-site law (`lfmc.theories.cpn.bingham_kernels`).
    """

    strength: float
    zeros: tuple[float, ...]
    terms: int
    largest: float


class CPNAuxiliaryCouplings(NamedTuple):
    """The same of the form with auxiliary phases.

    Attributes:
        rank, vectors, terms, largest: of the one-site law (`lfmc.theories.cpn.low_rank_kernels`).
    """

    strength: float
    zeros: tuple[float, ...]
    rank: int
    vectors: int
    terms: int
    largest: float


@inlined
def overlap(phi, x, y, n):
    """z_x^+ z_y, real and imaginary part."""
    real, imaginary = broadcast(0.0), broadcast(0.0)
    for a in range(n):
        i, j = 2 * (n * x + a), 2 * (n * y + a)
        p, q = load(phi, i), load(phi, i + 1)
        r, s = load(phi, j), load(phi, j + 1)
        real = real + (p * r + q * s)
        imaginary = imaginary + (p * s - q * r)
    return real, imaginary


@inlined
def squared_overlap(phi, y, z, couplings):
    """|z_y^+ z_z|^2."""
    real, imaginary = overlap(phi, y, z, len(couplings[1]))
    return real * real + imaginary * imaginary


@inlined
def _quartic_bond(t, strength):
    """(E, f, f', t f'') of a bond."""
    return t, strength * t, broadcast(strength), broadcast(0.0)


@inlined
def _auxiliary_bond(t, strength):
    """(E, f, f', t f'') of a bond, f = log I_0(2 strength sqrt(t))."""
    root = square_root(t + 1e-30)
    u = (2.0 * strength) * root
    total, first = circle_integrals(u)
    ratio = first / total
    over = ratio / u
    scale = 2.0 * strength * strength
    second = (0.5 * scale) * (1.0 - 2.0 * over - ratio * ratio)
    return ratio * root, u + (log_positive(total) - _LOG_2PI), scale * over, second


@inlined
def _averages(phi, near, strength, n, auxiliary):
    sites = near.shape[0]
    slopes, seconds = np.empty((2 * sites, LANES)), np.empty((2 * sites, LANES))
    energy, action = broadcast(0.0), broadcast(0.0)
    for x in range(sites):
        for mu in range(2):
            real, imaginary = overlap(phi, x, near[x, 2 * mu], n)
            t = real * real + imaginary * imaginary
            if auxiliary:
                e, f, slope, second = _auxiliary_bond(t, strength)
            else:
                e, f, slope, second = _quartic_bond(t, strength)
            energy, action = energy + e, action - f
            store(slopes, 2 * x + mu, slope)
            store(seconds, 2 * x + mu, second)
    force = np.empty((2 * n, LANES))
    force2, curvature = broadcast(0.0), broadcast(0.0)
    for x in range(sites):
        for a in range(2 * n):
            store(force, a, broadcast(0.0))
        for k in range(4):
            y = near[x, k]
            link = 2 * (x if k % 2 == 0 else y) + k // 2
            real, imaginary = overlap(phi, y, x, n)
            t = real * real + imaginary * imaginary
            slope, second = load(slopes, link), load(seconds, link)
            rest = (1.0 - t) * second
            curvature = curvature + 4.0 * ((n * t - 1.0) * slope - rest)
            real, imaginary = 2.0 * slope * real, 2.0 * slope * imaginary
            for a in range(n):
                p, q = load(phi, 2 * (n * y + a)), load(phi, 2 * (n * y + a) + 1)
                store(force, 2 * a, load(force, 2 * a) + (real * p - imaginary * q))
                store(force, 2 * a + 1, load(force, 2 * a + 1) + (real * q + imaginary * p))
        along, square = broadcast(0.0), broadcast(0.0)
        for a in range(2 * n):
            value = load(force, a)
            along = along + value * load(phi, 2 * n * x + a)
            square = square + value * value
        force2 = force2 + (square - along * along)
    each = 1.0 / sites
    return energy * (0.5 * each), action * each, force2 * each, curvature * each


@inlined
def _projectors_squared(phi, sites, n):
    """tr (1/V sum z z^+)^2 - 1/N."""
    total = broadcast(0.0)
    for a in range(n):
        for b in range(a + 1):
            real, imaginary = broadcast(0.0), broadcast(0.0)
            for x in range(sites):
                i, j = 2 * (n * x + a), 2 * (n * x + b)
                p, q, r, s = load(phi, i), load(phi, i + 1), load(phi, j), load(phi, j + 1)
                real = real + (p * r + q * s)
                imaginary = imaginary + (q * r - p * s)
            square = real * real + imaginary * imaginary
            total = total + (1.0 if a == b else 2.0) * square
    return total * (1.0 / (sites * sites)) - 1.0 / n


@inlined
def _triangle(phi, i, j, k, n):
    """(z_i^+ z_j)(z_j^+ z_k)(z_k^+ z_i)."""
    a, b = overlap(phi, i, j, n)
    c, d = overlap(phi, j, k, n)
    e, f = overlap(phi, k, i, n)
    real, imaginary = a * c - b * d, a * d + b * c
    return real * e - imaginary * f, real * f + imaginary * e


@inlined
def _charge(phi, near, n):
    """Sum of the phases of all triangles over 2 pi: their product is 1, so windings are counted."""
    real, imaginary, windings = broadcast(1.0), broadcast(0.0), broadcast(0.0)
    for x in range(near.shape[0]):
        right, up = near[x, 0], near[x, 2]
        corner = near[right, 2]
        for k in range(2):
            second, third = (right, corner) if k == 0 else (corner, up)
            c, s = _triangle(phi, x, second, third, n)
            real, imaginary, windings = turned(real, imaginary, windings, c, s)
    return select(real > 1.0 - 1e-6, windings, np.nan)


@inlined
def _measure(phi, near, couplings):
    n = len(couplings[1])
    energy, action, force2, curvature = _averages(phi, near, couplings[0], n, False)
    m2 = _projectors_squared(phi, near.shape[0], n)
    return energy, action, m2, force2, curvature, _charge(phi, near, n)


@inlined
def _measure_auxiliary(phi, near, couplings):
    n = len(couplings[1])
    energy, action, force2, curvature = _averages(phi, near, couplings[0], n, True)
    m2 = _projectors_squared(phi, near.shape[0], n)
    return energy, action, m2, force2, curvature, _charge(phi, near, n)


@inlined
def _action_change(new, old, near, couplings):
    return near.shape[0] * (new[1] - old[1])


_COMMON: Any = {"action_change": _action_change}
kernels_of(CPNCouplings, measure=_measure, **_COMMON)
kernels_of(CPNAuxiliaryCouplings, measure=_measure_auxiliary, **_COMMON)
