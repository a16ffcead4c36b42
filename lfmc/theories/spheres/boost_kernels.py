"""Boosts of unit vectors: the conformal maps of a sphere, of a one-site law with two directions.

A boost by a vector v of any length, with g = sqrt(1 + v^2), is the aberration formula

    n = [m + v (1 + v.m/(1 + g))] / (g + v.m),     inverse: v -> -v,

with Jacobian (g + v.m)^(1-N). With w = -v/(1 + g) it is the Moebius map
(1 - w^2)(m - w)/|m - w|^2 - w of Rezende et al., arXiv:2002.02428, without a bound on v. If m has
the density exp(h.m)/normaliser, that of n is

    exp(h.m)/normaliser (g - v.n)^(1-N),     m the inverse of n.

Rows 0 ... N of `work` are those of `lfmc.theories.spheres.site_law`, N + 1 ... 2N are v, and
2N + 1 ... 3N + 1 are m and v.n. Beyond g = LARGEST everything is NaN, which is refused.
"""

import numpy as np

from lfmc.kernels.lanes import broadcast, inlined, load, select, square_root, store
from lfmc.kernels.mathematics import log_positive
from lfmc.theories.spheres.law_kernels import mean_cosine

LARGEST = 1e3


def rows_of(components: int) -> int:
    """Rows of `work` of a law with boosts."""
    return 3 * components + 2


@inlined
def clear_boost(work, couplings):
    n = len(couplings[1])
    for a in range(n):
        store(work, n + 1 + a, broadcast(0.0))


@inlined
def add_boost(work, phi, y, weight, couplings):
    n = len(couplings[1])
    for a in range(n):
        store(work, n + 1 + a, load(work, n + 1 + a) + weight * load(phi, y * n + a))


@inlined
def _factor(work, n):
    """g."""
    square = broadcast(1.0)
    for a in range(n):
        square = square + load(work, n + 1 + a) * load(work, n + 1 + a)
    found = square_root(square)
    return select(found < LARGEST, found, np.nan)


@inlined
def _along_boost(work, phi, x, n):
    """v.n of the vector of site x."""
    total = broadcast(0.0)
    for a in range(n):
        total = total + load(work, n + 1 + a) * load(phi, x * n + a)
    return total


@inlined
def boost(work, phi, x, couplings):
    """Boost the vector of site x by v."""
    n = len(couplings[1])
    g, s = _factor(work, n), _along_boost(work, phi, x, n)
    inverse, part = 1.0 / (g + s), 1.0 + s / (1.0 + g)
    for a in range(n):
        m = load(phi, x * n + a)
        store(phi, x * n + a, (m + part * load(work, n + 1 + a)) * inverse)


@inlined
def boosted_along(work, phi, x, couplings):
    """log density of the vector of site x, up to the normaliser; keeps m and v.n."""
    n = len(couplings[1])
    g, s = _factor(work, n), _along_boost(work, phi, x, n)
    inverse, part = 1.0 / (g - s), 1.0 - s / (1.0 + g)
    total = broadcast(0.0)
    for a in range(n):
        m = (load(phi, x * n + a) - part * load(work, n + 1 + a)) * inverse
        store(work, 2 * n + 1 + a, m)
        total = total + m * load(work, a)
    store(work, 3 * n + 1, s)
    return total + (n - 1) * log_positive(inverse)


@inlined
def boosted_residual(work, phi, x, couplings):
    """Turn h and v into the derivatives of the log density by them, after `boosted_along`."""
    n = len(couplings[1])
    size, g, s = load(work, n), _factor(work, n), load(work, 3 * n + 1)
    over = mean_cosine(size, n) / select(size < 1e-150, 1e-150, size)
    inverse, shrink = 1.0 / (g - s), 1.0 / (1.0 + g)
    part = 1.0 - s * shrink
    both, along = broadcast(0.0), broadcast(0.0)
    for a in range(n):
        both = both + load(work, a) * load(work, n + 1 + a)
        along = along + load(work, a) * load(work, 2 * n + 1 + a)
    rate = (along + (n - 1)) * inverse
    of_n = both * shrink * inverse + rate
    of_v = both * s * shrink * shrink * inverse + rate
    for a in range(n):
        h, v = load(work, a), load(work, n + 1 + a)
        slope = of_n * load(phi, x * n + a) - of_v * (v / g) - part * inverse * h
        store(work, n + 1 + a, slope)
        store(work, a, load(work, 2 * n + 1 + a) - over * h)


@inlined
def along_boost(work, phi, y, couplings):
    """After `boosted_residual` the derivative by a weight of site y in v."""
    return _along_boost(work, phi, y, len(couplings[1]))
