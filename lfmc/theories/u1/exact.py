"""Exact numbers of U(1) gauge theory in two dimensions on a torus of V plaquettes.

    Z = (2 pi)^(2V) sum_k I_k(beta)^V,       <cos P> = d log Z / d beta / V,
    W_A = sum_k I_k^(V-A) I_(k+1)^A / sum_k I_k^V     of a loop round A plaquettes,
    Z(theta) = sum_k f(k + theta / 2 pi)^V,
    f(nu) = 1/(2 pi) int_-pi^pi cos(nu x) exp(beta cos x) dx,
    P(Q) = int dtheta / (2 pi) e^(-i theta Q) Z(theta) / Z(0),

sums over all integers k (Migdal, Sov. Phys. JETP 42 (1975) 413; of the charge: the plaquettes are
independent but for their sum, which is 2 pi Q). Numbers are relative to the largest term.
"""

import math
from functools import lru_cache

import numpy as np
from scipy.special import ive

from lfmc.lattice import FloatArray

SMALLEST = 1e-40  # of a term of a sum, relative to its largest
NODES = 256  # of Gauss and Legendre on half the circle
ANGLES = 256  # of 0 <= theta <= pi: a periodic even function, so that equal weights converge fast
MOST_CHARGES = 200
ROUNDING = 1e-14  # of P(Q): less is nothing


def _moments(beta: float, count: int) -> FloatArray:
    """I_k / I_0 for k = 0 ... count - 1."""
    ratio = ive(np.arange(count), beta) / ive(0, beta)
    return np.asarray(ratio, dtype=np.float64)


@lru_cache
def _ratios(beta: float, plaquettes: int) -> FloatArray:
    """I_k / I_0 for k = 0, 1, ..., as many as matter in V-th powers, and one more."""
    count = 4
    while _moments(beta, count)[-2] ** plaquettes > SMALLEST and count < 4096:
        count *= 2
    return _moments(beta, count)


def _two_sided(half: FloatArray) -> FloatArray:
    """Of k = 0, 1, ... that of k = ..., -1, 0, 1, ... for an even sequence."""
    return np.concatenate([half[:0:-1], half])


def log_partition(beta: float, plaquettes: int) -> float:
    """log Z, links measured by d theta."""
    powers = _two_sided(_ratios(beta, plaquettes)) ** plaquettes
    top = math.log(float(ive(0, beta))) + beta
    return 2 * plaquettes * math.log(2 * math.pi) + plaquettes * top + math.log(powers.sum())


def plaquette(beta: float, plaquettes: int) -> float:
    """<cos P>."""
    half = _ratios(beta, plaquettes)
    beside = np.concatenate([half[1:2], half])  # I_|k-1|
    ratio, slope = half[:-1], 0.5 * (beside[:-2] + half[1:])
    weight = ratio ** (plaquettes - 1)
    norm = _two_sided(ratio) ** plaquettes
    return float(_two_sided(weight * slope).sum() / norm.sum())


def wilson_loop(beta: float, plaquettes: int, area: int) -> float:
    """<cos> of the angle round `area` plaquettes, 0 <= area <= V; also of Polyakov correlators."""
    ratio = _two_sided(_ratios(beta, plaquettes))
    loops = ratio[:-1] ** (plaquettes - area) * ratio[1:] ** area
    return float(loops.sum() / (ratio**plaquettes).sum())


def _characters(beta: float, nu: FloatArray) -> FloatArray:
    """f(nu) / f(0)."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    x = 0.5 * math.pi * (nodes + 1)
    density = weights * np.exp(beta * (np.cos(x) - 1))
    f = np.cos(nu[..., None] * x) @ density
    return np.asarray(f / density.sum(), dtype=np.float64)


def theta_ratio(beta: float, plaquettes: int, theta: FloatArray) -> FloatArray:
    """Z(theta) / Z(0) of real angles, for even V."""
    reach = int((_ratios(beta, plaquettes) ** plaquettes > SMALLEST).sum()) + 1
    k = np.arange(-reach, reach + 1)
    at = np.atleast_1d(np.asarray(theta, dtype=np.float64))
    sums = (_characters(beta, k + at[:, None] / (2 * math.pi)) ** plaquettes).sum(1)
    zero = (_characters(beta, k.astype(np.float64)) ** plaquettes).sum()
    return np.asarray(sums / zero, dtype=np.float64).reshape(np.shape(theta))


@lru_cache
def charges(beta: float, plaquettes: int) -> FloatArray:
    """P(Q) for Q = 0, 1, 2, ...; P(-Q) = P(Q)."""
    theta = math.pi * np.arange(ANGLES + 1) / ANGLES
    ratio = theta_ratio(beta, plaquettes, theta)
    weight = np.full(ANGLES + 1, 1 / ANGLES)
    weight[[0, -1]] *= 0.5
    found = np.cos(theta * np.arange(MOST_CHARGES)[:, None]) @ (weight * ratio)
    return np.where(found > ROUNDING, found, 0.0)


def charge_squared(beta: float, plaquettes: int) -> float:
    """<Q^2>."""
    found = charges(beta, plaquettes)
    return float(2 * (np.arange(len(found)) ** 2 * found).sum())
