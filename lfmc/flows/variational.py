"""The variational Gaussian of a scalar theory: the one of least Kullback-Leibler divergence.

Of all Gaussians, translation invariant, about a constant mean it minimises

    F = <S> - entropy = V f,    <U> and <U''> of normals of variance phi2 = mean_k sigma_k^2,

whose stationary points are sigma_k^2 = 1 / (2 h khat^2 + <U''> - 4 d h) and <U'> = 4 d h mean.
Where <U''> grows with phi2 about a mean of zero there is one such point; a potential with waves has
several.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from lfmc.errors import LfmcError
from lfmc.lattice import FloatArray, khat2
from lfmc.theories.scalar import Scalar

SMALLEST_GAP = 1e-3  # of <U''> - 4 d h: a Gaussian must exist
_GAPS = np.geomspace(1e-4, 1e10, 141)
_MEANS = 61
# The trapezoid rule on normals is exact to rounding while nothing varies within a step of theirs.
_NODES = np.linspace(-9, 9, 1601)
_WEIGHTS = np.exp(-0.5 * _NODES**2)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


class Gaussian(NamedTuple):
    """variance: sigma_k^2 of every momentum, (volume,); mean: of the field at every site."""

    variance: FloatArray
    mean: float


def variational_gaussian(action: Scalar) -> Gaussian:
    """The variational Gaussian; its mean is zero where the potential is even.

    Raises:
        LfmcError: there is none, as where the potential is no number.
    """
    kinetic = 2 * action.hopping * khat2(action.shape)
    if action.even and _grows(action):
        return Gaussian(_by_bisection(action, kinetic), 0.0)
    gap, mean = _of_least_free_energy(action, kinetic, action.even)
    return Gaussian(1 / (kinetic + gap), mean)


def gaussian_of_one_well(action: Scalar) -> Gaussian | None:
    """The variational Gaussian about a positive mean, of an even potential; None if there is none.

    To four digits: it is a start, whose numbers must not depend on the last bits of a search.
    """
    kinetic = 2 * action.hopping * khat2(action.shape)
    gap, mean = _of_least_free_energy(action, kinetic, centred=False)
    gap, mean = float(f"{gap:.4g}"), float(f"{abs(mean):.4g}")
    found = Gaussian(1 / (kinetic + gap), mean)
    # Wells within the fluctuations of the mean field about them are none.
    return found if mean > np.sqrt(found.variance[0] / len(kinetic)) else None


def variational_variance(action: Scalar) -> FloatArray:
    """sigma_k^2 of the variational Gaussian, (volume,)."""
    return variational_gaussian(action).variance


def _grows(action: Scalar) -> bool:
    """Whether <U''> about zero grows with phi2, so that its equation has one solution."""
    induced = [action.induced_gap(phi2) for phi2 in np.geomspace(1e-6, 1e3, 91)]
    return bool(np.all(np.diff(induced) >= -1e-9 * np.abs(induced[1:])))


def _by_bisection(action: Scalar, kinetic: FloatArray, iterations: int = 500) -> FloatArray:
    """sigma_k^2 = 1 / (2 h khat^2 + <U''> - 4 d h), (volume,)."""

    def width(phi2: float) -> FloatArray:
        return 1 / np.maximum(kinetic + action.bare_gap() + action.induced_gap(phi2), SMALLEST_GAP)

    # phi2 - mean width is increasing in phi2, so bisection cannot fail.
    low, high = 0.0, 1e3
    for _ in range(iterations):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if width(middle).mean() > middle else (low, middle)
    return width(0.5 * (low + high))


def _of_least_free_energy(
    action: Scalar, kinetic: FloatArray, centred: bool
) -> tuple[float, float]:
    """<U''> - 4 d h and the mean, 0 if centred, by a search on a grid that is then refined."""
    values, counts = np.unique(kinetic, return_counts=True)
    share, hop = counts / counts.sum(), 2 * action.dimension * action.hopping

    def free_energy(gap: FloatArray, mean: FloatArray) -> FloatArray:
        """Per site, for arrays of one shape."""
        inverse = values + gap[..., None]
        phi2 = (share / inverse).sum(-1)
        field = mean[..., None] + np.sqrt(phi2)[..., None] * _NODES
        potential = action.potential(field, *action.constants()) @ _WEIGHTS
        hopping = (share * (0.5 * values - hop) / inverse).sum(-1) - hop * mean * mean
        entropy = -0.5 * (share * np.log(inverse)).sum(-1)
        return np.asarray(potential + hopping - entropy)

    farthest = 0.0 if centred else action.largest_field()
    means = np.linspace(-farthest, farthest, 1 if centred else _MEANS)
    grid = np.stack([free_energy(np.full(len(means), gap), means) for gap in _GAPS])
    if not np.isfinite(grid).any():
        raise LfmcError(f"{action}: the potential is no number for normals of any width")
    best, at = np.unravel_index(np.nanargmin(grid), grid.shape)
    start = [np.log(_GAPS[best]), means[at]][: 1 if centred else 2]

    def function(point: FloatArray) -> float:
        mean = np.array(0.0 if centred else point[1])
        return float(free_energy(np.exp(np.array(point[0])), mean))

    options = {"xatol": 1e-9, "fatol": 1e-15, "maxiter": 4000}
    found = minimize(function, start, method="Nelder-Mead", options=options).x
    return float(np.exp(found[0])), float(found[1]) if len(found) > 1 else 0.0
