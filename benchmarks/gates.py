"""Correct first: what a kernel or a flow must show before its time counts."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.theories.phi4.reference import find_reference

Floats = NDArray[np.floating]
SIGMAS = 4.0
FAR = 5.0


class Refused(Exception):
    """A contestant computes something else; its times would mean nothing."""


class Value(NamedTuple):
    """A number and its standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.6g} +- {self.error:.2g}"


def reference_phi2(extent: int, lam: float, m2: float = -4.0) -> Value | None:
    """<phi^2> of one of the paper's lattices, measured independently; None for others."""
    known = find_reference((extent, extent), m2, lam)
    return Value(*known.measured["phi2"]) if known else None


def over_chains(values: Floats) -> Value:
    """Mean of independent chains' means (chains,), error by their scatter."""
    return Value(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))


def require_equal(what: str, found: Value, wanted: Value) -> None:
    """Refuse a number that is more than SIGMAS combined errors off (one in 16000 by chance)."""
    error = float(np.hypot(found.error, wanted.error))
    if not abs(found.value - wanted.value) <= SIGMAS * error:
        raise Refused(f"{what} is {found}, not {wanted}")


def require_creutz(what: str, changes: Floats) -> Value:
    """<exp(-dH)> = 1 (updates, chains): the equality that a wrong force or step breaks.

    exp(-dH) counts where |dH| < FAR and 1 elsewhere, which has mean 1 too and a finite variance.
    """
    found = over_chains(np.where(np.abs(changes) < FAR, np.exp(-changes), 1.0).mean(0))
    require_equal(f"{what}: <exp(-dH)>", found, Value(1.0, 0.0))
    return found


def require_action(what: str, found: Floats, wanted: Floats, tolerance: float = 1e-3) -> float:
    """The same action, field by field: (n,) each. Largest difference."""
    worst = float(np.abs(found - wanted).max())
    if not worst <= tolerance:
        raise Refused(f"{what}: its action is off by {worst:.2g}")
    return worst


def require_density(what: str, log_q: Floats, exact: Floats, tolerance: float) -> float:
    """log q against base density and Jacobian of the same samples, (n,) each."""
    worst = float(np.abs(log_q - exact).max())
    if not worst <= tolerance:
        raise Refused(f"{what}: log q is off the Jacobian of its map by {worst:.2g}")
    return worst


def reweighted(log_weight: Floats, values: Floats, blocks: int = 16) -> Value:
    """<value> under p from samples of q, error by blocks.

    Args:
        log_weight: (N,) log p - log q up to a constant.
        values: (N,) the observable of each sample.
    """
    w = np.exp(log_weight - log_weight.max())
    parts = [
        float((a * b).sum() / a.sum())
        for a, b in zip(np.array_split(w, blocks), np.array_split(values, blocks), strict=True)
    ]
    return Value(float((w * values).sum() / w.sum()), float(np.std(parts, ddof=1) / blocks**0.5))
