"""One site in the field of its neighbours: tables of log Z(J), its slope, and the quantile.

    p(phi | J) = exp(-U(phi) + 2 h J phi) / Z(J),      J = sum of the 2d neighbours

is the conditional of a site of the action given its neighbours, h the hopping. All tables run over
J >= 0; phi -> -phi, J -> -J gives the rest of an even potential. Of any other there are two sides:
the tables of U(phi), and those of U(-phi) for J < 0.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.integrate import cumulative_simpson
from scipy.interpolate import CubicHermiteSpline, CubicSpline
from scipy.special import ndtri_exp

from lfmc.errors import LfmcError
from lfmc.flows.variational import variational_gaussian
from lfmc.lattice import FloatArray
from lfmc.theories.scalar import Scalar

LARGEST_NORMAL = 8.0
# Slopes of cubics at the ends of a cell, in units of its secant: between them a cubic increases
# (Fritsch and Carlson, SIAM J. Numer. Anal. 17 (1980) 238, ask for 0 and 3). Only near-jumps over
# the barrier of a double well come near either.
FLATTEST, STEEPEST = 0.02, 2.9
POINTS = 3001


class SiteTables(NamedTuple):
    """Tables over J = 0 ... j_max and normal scores u = -LARGEST_NORMAL ... +LARGEST_NORMAL.

    Attributes:
        j_step: spacing in J; u_step: spacing in u.
        log_z: log Z(J) and its first and second derivative in J, (sides, nodes of J, 3).
        quantile: phi(u; J) with d/du, d/dJ and d2/dudJ, (sides, nodes of u, nodes of J, 4).
    """

    j_step: float
    u_step: float
    log_z: FloatArray
    quantile: FloatArray


@lru_cache(maxsize=8)
def site_tables(action: Scalar, nodes: int) -> SiteTables:
    """Compute the tables by trapezoid and Simpson rules on a fine grid of phi.

    The error of the interpolated map is a matter of acceptance only (about 1e-6 in log w):
    log q uses the slope of the interpolant itself.
    """
    typical = variational_gaussian(action)
    reach = action.table_reach(float(typical.variance.mean()), typical.mean)
    j_max = 2 * action.dimension * reach
    j = np.linspace(0, j_max, nodes)
    u = np.linspace(-LARGEST_NORMAL, LARGEST_NORMAL, 2 * nodes)
    sides = [_side(action, j, u, sign) for sign in ((1,) if action.even else (1, -1))]
    log_z, quantile = (np.stack(values) for values in zip(*sides, strict=True))
    return SiteTables(j[1], u[1] - u[0], log_z, quantile)


def _side(action: Scalar, j: FloatArray, u: FloatArray, sign: int) -> tuple[FloatArray, FloatArray]:
    """Tables over J >= 0 of the potential U(sign phi): log Z, and the quantile."""
    h, nodes = action.hopping, len(j)
    log_z, quantile = np.empty((nodes, 3)), np.empty((len(u), nodes, 2))
    for column, field in enumerate(j):
        low, high = sorted(sign * end for end in action.site_range(sign * 2 * h * field))
        phi = np.linspace(low, high, POINTS)
        exponent = 2 * h * field * phi - action.potential(sign * phi, *action.constants())
        top = exponent.max()
        density = np.exp(exponent - top)
        step = phi[1] - phi[0]
        z = density.sum() * step
        mean = (density * phi).sum() * step / z
        variance = (density * (phi - mean) ** 2).sum() * step / z
        log_z[column] = top + np.log(z), 2 * h * mean, 4 * h * h * variance
        log_p = exponent - top - np.log(z)
        quantile[:, column] = _quantile(phi, np.exp(log_p), log_p, u)
    if not (np.isfinite(log_z).all() and np.isfinite(quantile).all()):
        raise LfmcError("single-site tables are not finite; the couplings are out of range")
    if action.even:
        # phi(u; 0) is odd; make it so to the last bit.
        quantile[:, 0, 0] = 0.5 * (quantile[:, 0, 0] - quantile[::-1, 0, 0])
        quantile[:, 0, 1] = 0.5 * (quantile[:, 0, 1] + quantile[::-1, 0, 1])
    along_j = CubicSpline(j, quantile, axis=1).derivative()(j)
    along_j[:, :, 0] = _increasing_between(quantile[:, :, 0], along_j[:, :, 0], STEEPEST / j[1])
    table = np.concatenate([quantile, along_j], axis=2)
    return log_z, np.ascontiguousarray(table)


def _quantile(phi: FloatArray, density: FloatArray, log_p: FloatArray, u: FloatArray) -> FloatArray:
    """phi(u) and dphi/du at the nodes, (nodes, 2), accurate in both tails."""
    below = cumulative_simpson(density, x=phi, initial=0)
    above = cumulative_simpson(density[::-1], x=-phi[::-1], initial=0)[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(below < above, ndtri_exp(np.log(below)), -ndtri_exp(np.log(above)))
    usable = np.isfinite(score) & (density > 1e-25)
    # Over a high barrier nothing is added to the integral.
    usable[usable] = np.diff(np.maximum.accumulate(score[usable]), prepend=-np.inf) > 0
    score, phi, log_p = score[usable], phi[usable], log_p[usable]
    log_normal = -0.5 * score**2 - 0.5 * np.log(2 * np.pi)
    secant = np.diff(phi) / np.diff(score)
    left, right = np.append(secant[0], secant), np.append(secant, secant[-1])
    least, most = FLATTEST * np.maximum(left, right), STEEPEST * np.minimum(left, right)
    slope = np.minimum(np.maximum(np.exp(log_normal - log_p), least), most)
    value = CubicHermiteSpline(score, phi, slope)
    return np.stack([value(u), value.derivative()(u)], axis=1)


def _increasing_between(value: FloatArray, slope: FloatArray, steepest: float) -> FloatArray:
    """Slopes in J, (nodes of u, nodes of J), with which phi increases with u between these too.

    A difference of neighbours in u is a cubic of J; it stays positive if its slope at either node
    is below `steepest` differences: if the slope is Lipschitz in the value. The mean of the largest
    such function below and the smallest above; slopes that are Lipschitz already keep their bits.
    """
    below, above, reach = slope.copy(), slope.copy(), steepest * np.diff(value, axis=0)
    for here, last in [(i, i - 1) for i in range(1, len(value))] + [
        (i, i + 1) for i in range(len(value) - 2, -1, -1)
    ]:
        step = reach[min(here, last)]
        below[here] = np.minimum(below[here], below[last] + step)
        above[here] = np.maximum(above[here], above[last] - step)
    return np.where(below == above, slope, 0.5 * (below + above))
