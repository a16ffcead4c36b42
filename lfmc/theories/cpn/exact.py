"""Exact values of CP^(N-1) models on rings, and so on 2 x 2 lattices, rings of doubled bonds.

A bond has the weight W(t), t = |z^+ z'|^2, on the sphere of complex unit vectors of N components.
With phi_l the zonal functions of CP^(N-1), the Jacobi polynomials P_l^(N-2, 0)(2 t - 1) divided by
their value at t = 1, and d_l the dimension of the representation they belong to,

    Z = A^L sum_l d_l lam_l^L,    lam_l = (N - 1) int_0^1 dt (1 - t)^(N - 2) W(t) phi_l(t),

A the area of the sphere. Functions of a bond and of two sites are traces with one insertion.
"""

from collections.abc import Callable
from math import comb, log

import numpy as np
from scipy.special import eval_jacobi, roots_jacobi

from lfmc.lattice import FloatArray
from lfmc.theories.spheres.exact import log_area

LEVELS, NODES = 60, 160
RESOLVED = 1e-14  # of lam_0: below it levels are rounding errors


def ring(
    n: int,
    length: int,
    log_weight: Callable[[FloatArray], FloatArray],
    energy: Callable[[FloatArray], FloatArray],
) -> dict[str, float]:
    """log Z, E = <energy(t)> of a bond, and chi = sum_r <t(0, r) - 1/N> of `length` sites."""
    x, weight = roots_jacobi(NODES, n - 2, 0)
    t, measure = 0.5 * (1 + x), weight / weight.sum()
    zonal = np.array([eval_jacobi(k, n - 2, 0, x) for k in range(LEVELS)])
    zonal /= np.array([comb(k + n - 2, k) for k in range(LEVELS)], float)[:, None]
    shift = float(log_weight(np.ones(1))[0])
    bond = measure * np.exp(log_weight(t) - shift)
    level = zonal @ bond
    kept = int(np.argmax(np.append(np.abs(level) < RESOLVED * level[0], True)))
    level, zonal = level[:kept], zonal[:kept]
    count = np.array([comb(n + k - 1, k) ** 2 - comb(n + k - 2, k - 1) ** 2 if k else 1
                      for k in range(kept)], float)  # fmt: skip
    norm = float((count * level**length).sum())
    inserted = zonal @ (bond * energy(t))
    triple = count[:, None] * count * ((zonal * measure * zonal[min(1, kept - 1)]) @ zonal.T)

    def correlation(r: int) -> float:
        return (1 - 1 / n) * float(level ** (length - r) @ triple @ level**r) / norm

    return {
        "log_Z": length * (shift + log_area(2 * n)) + log(norm),
        "E": float((count * level ** (length - 1) * inserted).sum()) / norm,
        "chi": 1 - 1 / n + sum(correlation(r) for r in range(1, length)),
    }
