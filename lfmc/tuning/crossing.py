"""Where an observable meets its target on the reweighted curve of a run."""

from typing import NamedTuple

import numpy as np
from numpy.polynomial import polynomial

from lfmc.tuning.reweighting import Curve

DEGREE = 4  # of the polynomial through the points of the window
INSIDE = 0.9  # part of the window in which a crossing counts
RESOLVED = 3.0  # standard errors by which the slope must differ from 0


class Crossing(NamedTuple):
    """A root of curve = target.

    Attributes:
        at: value of the parameter; error: of it.
        slope: of the observable there; observable_error: of the observable there.
        inside: whether the window reaches there; else the tangent in its middle says so.
    """

    at: float
    error: float
    slope: float
    observable_error: float
    inside: bool


def crossing(found: Curve, target: float) -> Crossing | None:
    """The root next to the middle of the window; None where noise leaves no curve or no slope.

    The error of the root is that of the observable there over the slope.
    """
    if not (np.isfinite(found.value).all() and np.isfinite(found.without).all()):
        return None
    middle, half = found.at[len(found.at) // 2], np.ptp(found.at) / 2
    x = (found.at - middle) / half
    fitted = polynomial.polyfit(x, np.vstack([found.value, found.without]).T, DEGREE)
    central, others = fitted[:, 0], fitted[:, 1:]
    tangent = float(central[1])
    if not abs(tangent) > RESOLVED * found.error(others[1]):
        return None
    roots = polynomial.polyroots(central - target * (np.arange(DEGREE + 1) == 0))
    real = roots[np.abs(roots.imag) < 1e-9].real
    near = real[np.abs(real) <= INSIDE]
    inside = len(near) > 0
    z = float(near[np.argmin(np.abs(near))]) if inside else float((target - central[0]) / tangent)
    held = z if inside else 0.0  # nothing but the tangent is extrapolated
    slope = float(polynomial.polyval(held, polynomial.polyder(central)))
    error = float(found.error(polynomial.polyval(held, others)))
    return Crossing(
        at=float(middle + half * z),
        error=float(abs(error / slope) * half),
        slope=float(slope / half),
        observable_error=error,
        inside=inside,
    )
