"""The critical point and its exponents from a scan of a coupling on several lattices.

Of each L, from the chains joined by reweighting (`histograms`):

    chi' = V (<m^2> - <|m|>^2), connected; its maximum is the pseudo-critical point
    U4 = 1 - <m^4> / (3 <m^2>^2), whose curves cross near the critical point (Binder, Z. Phys. B 43
        (1981) 119); its slope with respect to the coupling grows as L^(1/nu)

Between the values the curves are polynomials through their points. The exponents are power laws
through the three largest L: gamma/nu of chi' at its maximum, and of chi2 = V <m^2> at the last
crossing, whose error enters there; 1/nu of the slope of U4 at the pseudo-critical point. Small
lattices have corrections to scaling, so that of the first and the last there is a second fit,
through all L,

    log y = log a + p log L + b L^(-omega),

with omega = 3/2; half the difference of its p for omega = 1 and 2 is part of the error. Of the
Ising class in two dimensions gamma/nu = 7/4 and nu = 1.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import chebyshev

from lfmc.analysis.histograms import Curves, errors, joined
from lfmc.analysis.scaling import fit_power_law
from lfmc.chains import Chain
from lfmc.theories.base import Floats

COLUMNS = ("sampler", "L", "quantity", "value", "error", "chi2_dof", "exact", "sigmas")
CURVE_COLUMNS = ("sampler", "L", "coupling", "at", "quantity", "value", "error", "ess")
ISING = {  # in two dimensions
    **dict.fromkeys(("gamma_nu", "gamma_nu_crossing", "gamma_nu_corrected"), 1.75),
    **dict.fromkeys(("nu", "nu_corrected"), 1.0),
}
EXPONENTS = tuple(ISING)
OMEGA, OMEGAS = 1.5, (1.0, 2.0)
LARGEST = 3  # lattices of a power law
POINTS = 33  # of a curve
DEGREE = 8  # of the polynomial through them
FINE = 4001


class Lattice(NamedTuple):
    """One L.

    Attributes:
        curves: quantity -> (1 + K, POINTS) at `at`: all blocks, then without each in turn.
        ess: as `histograms.Curves`, at the points.
    """

    extent: int
    at: Floats
    curves: dict[str, Floats]
    ess: Floats


class Number(NamedTuple):
    """A value with its error."""

    value: float
    error: float


def lattice(chains: Sequence[Chain], coupling: str, values: Sequence[float]) -> Lattice:
    """The curves of one L between its smallest and its largest coupling.

    Args:
        chains: in the order of `values`, of an even scalar theory.
    """
    at = np.linspace(min(values), max(values), POINTS)
    found = joined(chains, coupling, at, [_powers(chain) for chain in chains])
    return Lattice(chains[0].shape[0], at, _quantities(found, chains[0].shape), found.ess)


def _powers(chain: Chain) -> Floats:
    m = np.abs(np.asarray(chain.saved["m"], dtype=np.float64))
    return np.stack([m, m**2, m**4], axis=-1)


def _quantities(found: Curves, shape: Sequence[int]) -> dict[str, Floats]:
    absolute, square, fourth = np.moveaxis(found.means, -1, 0)
    sites = float(np.prod(shape))
    return {
        "chi2_connected": sites * (square - absolute**2),
        "chi2": sites * square,
        "U4": 1 - fourth / (3 * square**2),
    }


def curve_rows(sampler: str, coupling: str, one: Lattice) -> list[dict[str, Any]]:
    """The curves as rows of a table, see `CURVE_COLUMNS`."""
    head = {"sampler": sampler, "L": one.extent, "coupling": coupling}
    return [
        head | {"at": at, "quantity": name, "value": value, "error": error, "ess": ess}
        for name, values in one.curves.items()
        for at, value, error, ess in zip(one.at, values[0], errors(values), one.ess, strict=True)
    ]


def critical_rows(sampler: str, lattices: Sequence[Lattice], ising: bool) -> list[dict[str, Any]]:
    """The table, see `COLUMNS`: points of every L, crossings of neighbouring ones, exponents.

    A maximum at an end of its scan, curves that do not cross and exponents of fewer than three L
    have no row.

    Args:
        lattices: ascending in L; column L of an exponent lists those that it is fitted to.
        ising: whether the exponents of the two-dimensional Ising class are expected.
    """
    rows: list[dict[str, Any]] = []

    def row(where: object, quantity: str, found: Number, chi2_dof: float = np.nan) -> None:
        exact = ISING.get(quantity, np.nan) if ising else np.nan
        sigmas = (found.value - exact) / found.error
        head = {"sampler": sampler, "L": str(where), "quantity": quantity}
        more = {"chi2_dof": chi2_dof, "exact": exact, "sigmas": sigmas}
        rows.append(head | found._asdict() | more)

    peaks = {one.extent: found for one in lattices if (found := peak(one)) is not None}
    for extent, found in peaks.items():
        for quantity, number in found.items():
            row(extent, quantity, number)
    crossings = []
    for small, large in pairwise(lattices):
        point = crossing(small, large)
        if point is not None:
            crossings.append(point)
            pair = _listed((small.extent, large.extent))
            row(pair, "crossing", point[0])
            row(pair, "U4_crossing", point[1])
    if len(peaks) >= 3:
        for quantity, of in {"gamma_nu": "chi2_connected", "nu": "slope"}.items():
            numbers = {extent: own[of] for extent, own in peaks.items()}
            largest = dict(list(numbers.items())[-LARGEST:])
            for name, fitted, fit in (
                (quantity, largest, _exponent),
                (f"{quantity}_corrected", numbers, _corrected),
            ):
                number, quality = fit(fitted)
                if quantity == "nu":
                    number = Number(1 / number.value, number.error / number.value**2)
                row(_listed(fitted), name, number, quality)
    if crossings and len(lattices) >= 3:
        three = lattices[-LARGEST:]
        extents = _listed(one.extent for one in three)
        row(extents, "gamma_nu_crossing", *_at_crossing(three, crossings[-1][0]))
    return rows


def _listed(extents: Iterable[int]) -> str:
    return " ".join(map(str, extents))


def peak(one: Lattice) -> dict[str, Number] | None:
    """The pseudo-critical point, chi' there and the slope of U4 there; None at an end."""
    fine = np.linspace(one.at[0], one.at[-1], FINE)
    values = _smooth(one, "chi2_connected", fine)
    places = values.argmax(1)
    if min(places) == 0 or max(places) == FINE - 1:
        return None
    each = np.arange(len(values))
    slopes = _smooth(one, "U4", fine[places], derivative=1)[each, each]
    return {
        "pseudo_critical": _number(fine[places]),
        "chi2_connected": _number(values[each, places]),
        "slope": _number(np.abs(slopes)),
    }


def crossing(small: Lattice, large: Lattice) -> tuple[Number, Number] | None:
    """Where the curves U4 of two L cross, and U4 there; None where they do not.

    The two lattices are independent: their jackknife errors add in squares.
    """
    low, high = max(small.at[0], large.at[0]), min(small.at[-1], large.at[-1])
    if not low < high:
        return None
    fine = np.linspace(low, high, FINE)
    first, second = (_smooth(one, "U4", fine) for one in (small, large))

    def root(a: Floats, b: Floats) -> tuple[float, float] | None:
        difference = a - b
        change = np.flatnonzero(np.diff(np.sign(difference)) != 0)
        if len(change) != 1:
            return None
        k = int(change[0])
        part = difference[k] / (difference[k] - difference[k + 1])
        return fine[k] + part * (fine[1] - fine[0]), a[k] + part * (a[k + 1] - a[k])

    of_first = [root(a, second[0]) for a in first]
    of_second = [root(first[0], b) for b in second]
    if any(found is None for found in (*of_first, *of_second)):
        return None
    both = [np.array(found) for found in (of_first, of_second)]
    error = np.hypot(errors(both[0]), errors(both[1]))
    at, value = (Number(float(v), float(e)) for v, e in zip(both[0][0], error, strict=True))
    return at, value


def _at_crossing(lattices: Sequence[Lattice], point: Number) -> tuple[Number, float]:
    """gamma/nu of chi2 at one coupling of all L, with the error of the coupling."""

    def fitted(at: float) -> tuple[Number, float]:
        found = {one.extent: _smooth(one, "chi2", np.array([at]))[:, 0] for one in lattices}
        return _exponent({extent: _number(values) for extent, values in found.items()})

    number, quality = fitted(point.value)
    ends = [fitted(point.value + sign * point.error)[0].value for sign in (-1, 1)]
    return Number(number.value, float(np.hypot(number.error, np.ptp(ends) / 2))), quality


def _exponent(numbers: dict[int, Number]) -> tuple[Number, float]:
    """The power of L through all, its error scaled where chi2/dof is above 1, and chi2/dof."""
    values, own = np.array(list(numbers.values())).T
    fit = fit_power_law(np.array(list(numbers), dtype=float), values, own)
    return Number(fit.z, fit.z_error_scaled), fit.chi2_dof


def _corrected(numbers: dict[int, Number]) -> tuple[Number, float]:
    """The same with corrections to scaling; chi2/dof is NaN of three L, through which it goes."""
    value, error, quality = _with_omega(numbers, OMEGA)
    ends = [_with_omega(numbers, omega)[0] for omega in OMEGAS]
    return Number(value, float(np.hypot(error, np.ptp(ends) / 2))), quality


def _with_omega(numbers: dict[int, Number], omega: float) -> tuple[float, float, float]:
    """Power, its error and chi2/dof of the fit with one omega."""
    extents = np.array(list(numbers), dtype=float)
    values, own = np.array(list(numbers.values())).T
    sigma = own / values
    design = np.stack([np.ones_like(extents), np.log(extents), extents**-omega], axis=1)
    design, target = design / sigma[:, None], np.log(values) / sigma
    covariance = np.linalg.inv(design.T @ design)
    fitted = covariance @ (design.T @ target)
    freedom = len(extents) - 3
    total = float(((target - design @ fitted) ** 2).sum())
    quality = total / freedom if freedom else np.nan
    error = float(np.sqrt(covariance[1, 1]))
    return float(fitted[1]), error * max(1.0, np.sqrt(quality)) if freedom else error, quality


def _smooth(one: Lattice, quantity: str, at: Floats, derivative: int = 0) -> Floats:
    """Polynomials through the points, or their derivatives, (1 + K, len(at))."""
    middle, half = (one.at[0] + one.at[-1]) / 2, (one.at[-1] - one.at[0]) / 2
    fitted = chebyshev.chebfit((one.at - middle) / half, one.curves[quantity].T, DEGREE)
    fitted = chebyshev.chebder(fitted, derivative, scl=1 / half)
    return np.asarray(chebyshev.chebval((at - middle) / half, fitted))


def _number(values: Floats) -> Number:
    return Number(float(values[0]), float(errors(values)))
