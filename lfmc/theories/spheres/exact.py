"""Exact values of O(N) models: rings of any N, and the Ising model on a torus.

The measure is the area of the sphere S^(N-1); for N = 1 it counts the two states. On a ring

    Z = sum_l d_l lam_l^L,     lam_l = int dn exp(beta n.e) C_l(n.e) / C_l(1),

with the Gegenbauer polynomials C_l and the dimension d_l of the harmonics of degree l. On an
L_0 x L_1 torus Z of the Ising model is B. Kaufman's sum of four products, Phys. Rev. 76 (1949)
1232, eq. 49 ff.
"""

from math import comb, lgamma, log, pi

import numpy as np

from lfmc.lattice import FloatArray

LEVELS = 200
_X, _W = np.polynomial.legendre.leggauss(400)
_ANGLE, _MEASURE = 0.5 * pi * (1 + _X), 0.5 * pi * _W


def log_area(dimensions: int) -> float:
    """log of the area of the unit sphere in `dimensions` dimensions; log 2 in one."""
    return log(2) + 0.5 * dimensions * log(pi) - lgamma(0.5 * dimensions)


def ring_levels(n: int, beta: float) -> tuple[FloatArray, FloatArray]:
    """(d_l, log |lam_l|) of the transfer matrix, l = 0, 1, ... while they can be resolved."""
    if n == 1:
        return np.ones(2), np.log([2 * np.cosh(beta), 2 * np.sinh(beta)])
    cosine = np.cos(_ANGLE)
    weight = _MEASURE * np.sin(_ANGLE) ** (n - 2) * np.exp(beta * (cosine - 1))
    scale = log_area(n - 1) + beta
    before, now, moments = np.ones_like(cosine), cosine, [weight.sum()]
    for level in range(1, LEVELS):
        moment = (weight * now).sum()
        if moment < 1e-13 * moments[0]:
            break
        moments.append(moment)
        # C_l / C_l(1), which is 1 at cosine = 1
        upper = (2 * level + n - 2) * cosine * now - level * before
        before, now = now, upper / (level + n - 2)
    levels = np.arange(len(moments))
    degeneracy = [comb(k + n - 1, n - 1) - (comb(k + n - 3, n - 1) if k > 1 else 0) for k in levels]
    return np.array(degeneracy, float), scale + np.log(moments)


def ring(n: int, beta: float, length: int) -> dict[str, float]:
    """log Z, E = <n_0.n_1> and chi = sum_r <n_0.n_r> of a ring of `length` sites."""
    degeneracy, level = ring_levels(n, beta)
    top = level[0]
    lam = np.exp(level - top)
    norm = float((degeneracy * lam**length).sum())
    # n.e maps harmonics of degree l to l + 1 and l - 1
    k = np.arange(len(lam) - 1)
    pairs = degeneracy[:-1] * (k + n - 2) / np.maximum(2 * k + n - 2, 1)
    if n <= 2:
        pairs = np.ones(len(k))

    def correlation(r: int) -> float:
        both = lam[:-1] ** (length - r) * lam[1:] ** r + lam[1:] ** (length - r) * lam[:-1] ** r
        return float((pairs * both).sum() / norm)

    return {
        "log_Z": length * float(top) + log(norm),
        "E": correlation(1),
        "chi": 1.0 + sum(correlation(r) for r in range(1, length)),
    }


def ising_log_partition(beta: float, rows: int, columns: int) -> float:
    """log Z of the Ising model on a rows x columns torus, for beta > 0."""
    k = np.arange(2 * columns)
    cosh_gamma = np.cosh(2 * beta) ** 2 / np.sinh(2 * beta) - np.cos(pi * k / columns)
    gamma = np.arccosh(np.maximum(cosh_gamma, 1.0))
    gamma[0] = 2 * beta + np.log(np.tanh(beta))  # changes its sign at the critical point
    odd, even = 0.5 * rows * gamma[1::2], 0.5 * rows * gamma[0::2]
    parts = [_log_cosh(odd).sum(), _log_sinh(odd).sum(), _log_cosh(even).sum()]
    signs = [1.0, 1.0, 1.0, np.prod(np.sign(even))]
    parts.append(_log_sinh(even).sum() if signs[3] else -np.inf)
    top = max(parts)
    total = sum(s * np.exp(p - top) for s, p in zip(signs, parts, strict=True))
    return float(-log(2) + 0.5 * rows * columns * log(2 * np.sinh(2 * beta)) + top + np.log(total))


def ising_energy(beta: float, rows: int, columns: int) -> float:
    """E = <n_x n_(x+mu)> per bond, by a central difference of log Z of fourth order."""
    step = 1e-3 * min(beta, 1.0)
    at = [ising_log_partition(beta + j * step, rows, columns) for j in (-2, -1, 1, 2)]
    slope = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * step)
    return float(slope / (2 * rows * columns))


def _log_cosh(x: FloatArray) -> FloatArray:
    size = np.abs(x)
    return np.asarray(size + np.log1p(np.exp(-2 * size)))


def _log_sinh(x: FloatArray) -> FloatArray:
    """log |2 sinh x|, as log 2 cosh x of `_log_cosh`."""
    size = np.abs(x)
    with np.errstate(divide="ignore"):
        return np.asarray(size + np.log(-np.expm1(-2 * size)))
