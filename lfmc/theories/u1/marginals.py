"""Plaquette weights after links were integrated out, and the conditional laws that undo it.

With u_0(P) = exp(beta (cos P - 1)) and every second link of one direction integrated out, what is
left is the same theory on half as many plaquettes Phi = P1 + P2 with the weight

    u_n(Phi) = int dP1 u_(n-1)(P1) u_(n-1)(Phi - P1) / (2 pi)  =  sum_k I_k(beta)^(2^n) e^(i k Phi)

up to a constant, and P1 = Phi/2 + d is drawn again from p(d | Phi) proportional to
u_(n-1)(Phi/2 + d) u_(n-1)(Phi/2 - d), which is even in d and in Phi. The integrals are taken of
positive numbers: the sum over k cancels where u is small.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import ndtr

from lfmc.lattice import FloatArray

GRID = 1024  # intervals of [0, pi] for log u
NODES = 1024  # of integrals over half the circle
REACH = 6.0  # standard deviations up to which quantiles are tabulated
STEPS = 96  # intervals of [0, REACH]
ROWS = 256  # angles Phi of a table, from 0 to pi


class Weight:
    """log u of one level, as a cubic spline in |angle|: even and smooth round the circle.

    Attributes:
        coefficients: of the four powers, the third first, (4, GRID).
    """

    def __init__(self, values: FloatArray) -> None:
        """Args: log u at GRID + 1 angles from 0 to pi."""
        x = np.linspace(0.0, math.pi, GRID + 1)
        self.spline = CubicSpline(x, values, bc_type=((1, 0.0), (1, 0.0)))
        self.coefficients = np.ascontiguousarray(self.spline.c)

    def __call__(self, angle: FloatArray) -> FloatArray:
        """log u of any angles, wrapped or not."""
        turns = angle / (2 * math.pi)
        near = np.abs(turns - np.rint(turns)) * 2 * math.pi
        return np.asarray(self.spline(near))

    def circular_moment(self) -> float:
        """<cos angle> of one angle with this weight."""
        angle = _midpoints()
        share = np.exp(self(angle) - self(angle).max())
        return float((share @ np.cos(angle)) / share.sum())


class Quantiles(NamedTuple):
    """d as a function of a normal z for ROWS angles |Phi|, cubic in z and linear in |Phi|.

    The map is odd and increasing: d(z) for 0 <= z <= REACH by `values` and `slopes`, (ROWS, STEPS
    + 1); beyond, d is uniform up to pi.
    """

    values: FloatArray
    slopes: FloatArray


@lru_cache
def weight(beta: float, level: int) -> Weight:
    """log u of a level, normalised such that it is 0 at 0."""
    x = np.linspace(0.0, math.pi, GRID + 1)
    if level == 0:
        return Weight(beta * (np.cos(x) - 1))
    finer, d = weight(beta, level - 1), _midpoints()
    both = finer(0.5 * x[:, None] + d) + finer(0.5 * x[:, None] - d)
    top = both.max(1)
    values = top + np.log(np.exp(both - top[:, None]).mean(1))
    return Weight(values - values[0])


@lru_cache
def quantiles(beta: float, level: int) -> Quantiles:
    """The table of p(d | Phi) that undoes a level >= 1."""
    finer = weight(beta, level - 1)
    phi = np.linspace(0.0, math.pi, ROWS)
    z = np.linspace(0.0, REACH, STEPS + 1)
    tail = ndtr(-z)  # of |d| beyond the node, half of it on this side
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    d = np.linspace(0.0, math.pi, 8 * NODES + 1)
    width = d[1]
    values, slopes = np.empty((ROWS, len(z))), np.empty((ROWS, len(z)))
    for row, angle in enumerate(phi):
        log_p = finer(0.5 * angle + d) + finer(0.5 * angle - d)
        p = np.exp(log_p - log_p.max())
        pieces = 0.5 * width * (p[1:] + p[:-1])
        beyond = np.concatenate([np.cumsum(pieces[::-1])[::-1], [0.0]])
        norm = 2 * beyond[0]
        found = _at_tail(tail, d, p / norm, beyond / norm)
        values[row] = found
        slopes[row] = density * norm / np.interp(found, d, p)
    return Quantiles(values, _monotone(values, slopes, z[1]))


def _at_tail(tail: FloatArray, d: FloatArray, p: FloatArray, beyond: FloatArray) -> FloatArray:
    """Where the integral of p from d to the end is `tail`; p is linear between the nodes d."""
    cell = np.clip(len(d) - np.searchsorted(beyond[::-1], tail, "left") - 1, 0, len(d) - 2)
    missing = np.maximum(beyond[cell] - tail, 0.0)
    slope = (p[cell + 1] - p[cell]) / d[1]
    root = np.sqrt(np.maximum(p[cell] ** 2 + 2 * slope * missing, 0.0))
    inside = 2 * missing / np.maximum(p[cell] + root, 1e-300)
    return d[cell] + np.minimum(inside, d[1])


def _monotone(values: FloatArray, slopes: FloatArray, step: float) -> FloatArray:
    """Slopes for which the cubics increase (Fritsch and Carlson, SIAM J. Numer. Anal. 17, 238)."""
    secants = np.diff(values, axis=1) / step
    largest = np.full_like(slopes, np.inf)
    largest[:, 1:] = np.minimum(largest[:, 1:], 2.9 * secants)
    largest[:, :-1] = np.minimum(largest[:, :-1], 2.9 * secants)
    smallest = 1e-3 * np.minimum(largest, 1e300)
    return np.clip(slopes, smallest, largest)


def _midpoints() -> FloatArray:
    return (np.arange(NODES) + 0.5) * math.pi / NODES
