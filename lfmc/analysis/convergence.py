"""Chains that may not be analysed: not finite. Numbers that are withheld: frozen, too short,
or from replicas in disagreement."""

from math import ceil

import numpy as np
from numpy.typing import NDArray

from lfmc.analysis.unresolved import Unresolved
from lfmc.errors import LfmcError

Floats = NDArray[np.floating]

LEAST_TAUS = 50
LEAST_TAUS_PER_REPLICA = 5
RHAT_LIMIT = 1.05


def require_finite(series: Floats, name: str) -> None:
    """Every number of (replicas, length) is finite.

    Raises:
        LfmcError: NaN or inf with its place; no number of the chain can be trusted.
    """
    finite = np.isfinite(series)
    if not finite.all():
        replica, entry = np.argwhere(~finite)[0]
        raise LfmcError(
            f"{name} is {series[replica, entry]} at update {entry} of replica {replica}; "
            "every value must be finite: the sampler diverged or the file is damaged"
        )


def require_moving(series: Floats, name: str) -> None:
    """Every replica of (replicas, length) fluctuates.

    Raises:
        Unresolved: a frozen replica with its number. A share f of all replicas that never move
            contributes f length / 2 to tau_int, which is its bound.
    """
    frozen = np.flatnonzero(np.ptp(series, axis=1) == 0)
    if len(frozen):
        replicas, length = series.shape
        raise Unresolved(
            f"{name} has zero variance in replica {frozen[0]} ({len(frozen)} of {replicas} "
            "replicas never moved); sample again with a smaller step or another start",
            f"{len(frozen)} of {replicas} replicas never moved",
            max(0.5, len(frozen) / replicas * length / 2),
        )


def require_sign_changes(series: Floats, name: str) -> None:
    """Some replica of (replicas, length) changes sign: of what a symmetry reverses.

    Where none does, in an ordered phase, fluctuations within a well would pass for the whole time.

    Raises:
        Unresolved: no replica does, nor would it if flips were half a replica apart: the bound.
    """
    replicas, length = series.shape
    if kept_signs(series) == replicas:
        raise Unresolved(
            f"{name} never changed sign in any of {replicas} chains of {length} updates: no "
            "tunnelling between the wells of an ordered phase",
            f"never changed sign in {replicas} of {replicas} chains",
            length / 2,
        )


def kept_signs(series: Floats) -> int:
    """Number of replicas of (replicas, length) that never change sign."""
    return int(((series > 0).all(1) | (series < 0).all(1)).sum())


def require_length(shape: tuple[int, int], tau: float, name: str) -> None:
    """At least 50 tau over all replicas and 5 tau in each: (replicas, length) against tau.

    Raises:
        Unresolved: too short, with the length that would do; the bound is the largest tau for
            which this length would do.
    """
    replicas, length = shape
    need = max(ceil(LEAST_TAUS * tau / replicas), ceil(LEAST_TAUS_PER_REPLICA * tau))
    if length < need:
        raise Unresolved(
            f"{replicas} replicas of {length} updates are too short for tau({name}) = {tau:.3g}: "
            f"{LEAST_TAUS} tau in all and {LEAST_TAUS_PER_REPLICA} tau per replica are needed, "
            f"at least {need} updates per replica",
            "chain too short",
            max(0.5, min(replicas * length / LEAST_TAUS, length / LEAST_TAUS_PER_REPLICA)),
        )


def split_rhat(series: Floats) -> float:
    """Split R-hat (Gelman et al., Bayesian Data Analysis, eq. 11.4) of (replicas, length).

    Each replica counts as two sequences of n = length // 2:
    R^2 = (n-1)/n + var(sequence means) / mean(variance within a sequence). 1 if all agree;
    infinite where no sequence moves.
    """
    half = series.shape[1] // 2
    # One sequence at a time: temporary arrays of all of them take longer than the sums.
    sequences = [*series[:, :half], *series[:, -half:]]
    within = np.array([s.var(ddof=1, dtype=np.float64) for s in sequences]).mean()
    between = np.array([s.mean(dtype=np.float64) for s in sequences]).var(ddof=1)
    if not within > 0:
        return float("inf")
    return float(np.sqrt((half - 1) / half + between / within))


def require_agreement(rhat: float, tau: float, length: int, name: str) -> None:
    """R-hat within 1.05 plus what correlations over half a replica explain.

    Converged halves of n = length/2 entries have R^2 = 1 + 2 tau/n on average, R about
    1 + tau/n; three times that is allowed on top of 1.05.

    Raises:
        Unresolved: the replicas do not sample the same distribution within their length, so that
            tau is only a bound: correlations longer than its window are not in it.
    """
    limit = RHAT_LIMIT + 3 * tau / (length / 2)
    if not rhat <= limit:
        raise Unresolved(
            f"replicas disagree: split R-hat of {name} is {rhat:.3f}, at most {limit:.3f} is "
            "right; thermalise longer or start elsewhere",
            f"replicas disagree, R-hat {rhat:.3g}",
            tau,
        )
