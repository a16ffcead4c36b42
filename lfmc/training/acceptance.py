"""What independence Metropolis will accept, estimated from log weights alone.

With w = p/q up to a constant, the stationary acceptance is E_{x~p, x'~q} min(1, w'/w). Every pair
of samples is used, by sorting instead of a double loop: O(N log N).
"""

from typing import NamedTuple

import numpy as np

from lfmc.errors import LfmcError
from lfmc.lattice import FloatArray
from lfmc.weights import leaving_probability


class Estimate(NamedTuple):
    """A value and its standard error."""

    value: float
    error: float


def acceptance_from_model(log_w: FloatArray, blocks: int = 16) -> Estimate:
    """Acceptance from samples of q only: sum_ij min(w_i, w_j) / (N sum_i w_i).

    It cannot see a region of p that q never visits: compare `acceptance_from_target`.

    Args:
        log_w: (N,) log weights of independent samples of q.
        blocks: the error is the scatter of this many blocks.
    """
    require_finite(log_w)
    parts = np.array([_model(part) for part in np.array_split(log_w, blocks)])
    return Estimate(_model(log_w), float(parts.std(ddof=1) / np.sqrt(blocks)))


def acceptance_from_target(
    log_w_target: FloatArray, log_w_model: FloatArray, blocks: int = 16
) -> Estimate:
    """Acceptance from samples of p (current states) and samples of q (proposals).

    Args:
        log_w_target: (M,) log weights of independent samples of p.
        log_w_model: (N,) log weights of samples of q.
        blocks: the error is the scatter of this many blocks of the target's samples.
    """
    require_finite(log_w_target)
    require_finite(log_w_model)
    rate = leaving_probability(log_w_target, np.sort(log_w_model))
    parts = np.array([part.mean() for part in np.array_split(rate, blocks)])
    return Estimate(float(rate.mean()), float(parts.std(ddof=1) / np.sqrt(blocks)))


def effective_sample_size(log_w: FloatArray) -> float:
    """ESS / N = (mean w)^2 / mean w^2, in (0, 1]."""
    require_finite(log_w)
    w = np.exp(log_w - log_w.max())
    return float(w.mean() ** 2 / (w * w).mean())


def require_finite(log_w: FloatArray) -> None:
    """Refuse NaN and inf among log weights.

    Raises:
        LfmcError: how many of them there are and where the first is.
    """
    bad = np.flatnonzero(~np.isfinite(log_w))
    if len(bad):
        raise LfmcError(
            f"{len(bad)} of {len(log_w)} log weights are not finite (first at index {bad[0]}); "
            "the model is broken: train again"
        )


def _model(log_w: FloatArray) -> float:
    w = np.sort(np.exp(log_w - log_w.max()))
    n = len(w)
    pairs = (w * (2 * (n - np.arange(n)) - 1)).sum()
    return float(pairs / (n * w.sum()))
