"""Masses from averaged correlators (arXiv:1904.12072, eq. 24-26).

All functions take G(x) per orbit (..., orbits), averaged over configurations before: an arccosh of
single configurations is biased and often undefined. They are vectorised over leading axes, so the
same code serves the mean and its jackknife samples. Masses are returned times L = shape[0].
"""

import numpy as np
from numpy.typing import NDArray

from lfmc.lattice import Shape
from lfmc.theories.two_point import zero_momentum_correlator

Floats = NDArray[np.floating]


def effective_mass(correlator: Floats) -> Floats:
    """m_eff(t) = arccosh[(G~(t-1) + G~(t+1)) / (2 G~(t))], t = 1 ... T/2: (..., T) -> (..., T/2).

    Exact for one state on a periodic lattice, G~(t) ~ cosh(m (t - T/2)); NaN where noise leaves
    the argument below 1.
    """
    time = np.arange(1, correlator.shape[-1] // 2 + 1)
    following = correlator[..., (time + 1) % correlator.shape[-1]]
    argument = (correlator[..., time - 1] + following) / (2 * correlator[..., time])
    return np.arccosh(np.where(argument >= 1, argument, np.nan))


def plateau_range(extent: int) -> tuple[int, int]:
    """First and last t of the pole mass: the last two effective masses, t = T/2-1 and T/2.

    There excited states are smallest; t = 1 never enters where T allows (at L = 14 it is 4 % high).
    """
    return min(max(2, extent // 2 - 1), extent // 2), extent // 2


def pole_mass(masses: Floats, errors: Floats) -> Floats:
    """Weighted mean of the effective masses over `plateau_range`: (..., T/2) -> (...).

    Args:
        errors: error of each effective mass, (T/2,); the weights 1/error^2 are held fixed while
            jackknife samples are averaged. Times without a finite mass and error are left out.
    """
    first, last = plateau_range(2 * masses.shape[-1])
    window = slice(first - 1, last)
    weight = np.where(np.isfinite(errors[window]), errors[window], np.inf) ** -2.0
    weight = np.where(np.isfinite(weight), weight, 0.0)
    if not weight.any():
        return np.full(masses.shape[:-1], np.nan)
    return (np.where(weight > 0, masses[..., window], 0.0) @ weight) / weight.sum()


def second_moment_mass(two_point: Floats, shape: Shape) -> Floats:
    """m^2 = 4 sin^2(pi/L) / [G(0)/G(2 pi/L) - 1], G in momentum space: (..., orbits) -> (...)."""
    correlator = zero_momentum_correlator(two_point, shape)
    extent = shape[0]
    phase = np.cos(2 * np.pi * np.arange(extent) / extent)
    ratio = correlator.sum(-1) / (correlator @ phase) - 1
    squared = 4 * np.sin(np.pi / extent) ** 2 / np.where(ratio > 0, ratio, np.nan)
    return np.sqrt(squared)
