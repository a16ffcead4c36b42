"""The acceptance of independence Metropolis, estimated from log weights alone.

With w = p/q up to a constant, the stationary acceptance is E_{x~p, x'~q} min(1, w'/w). All pairs of
samples are used, by sorting instead of a double loop: O(N log N).
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


def acceptance_from_model(log_weight: FloatArray, blocks: int = 16) -> Estimate:
    """Estimate the acceptance from samples of q only: sum_ij min(w_i, w_j) / (N sum_i w_i).

    It misses a region of p that q never visits: compare `acceptance_from_target`.

    Args:
        log_weight: (N,) log weights of independent samples of q.
        blocks: the error is the scatter of this many blocks.
    """
    require_finite(log_weight)
    parts = np.array([_model(part) for part in np.array_split(log_weight, blocks)])
    return Estimate(_model(log_weight), float(parts.std(ddof=1) / np.sqrt(blocks)))


def acceptance_from_target(
    target_log_weight: FloatArray, model_log_weight: FloatArray, blocks: int = 16
) -> Estimate:
    """Estimate the acceptance from samples of p (current states) and of q (proposals).

    Args:
        target_log_weight: (M,) log weights of independent samples of p.
        model_log_weight: (N,) log weights of samples of q.
        blocks: the error is the scatter of this many blocks of the target's samples.
    """
    require_finite(target_log_weight)
    require_finite(model_log_weight)
    rate = leaving_probability(target_log_weight, np.sort(model_log_weight))
    parts = np.array([part.mean() for part in np.array_split(rate, blocks)])
    return Estimate(float(rate.mean()), float(parts.std(ddof=1) / np.sqrt(blocks)))


def effective_sample_size(log_weight: FloatArray) -> float:
    """Return ESS / N = (mean w)^2 / mean w^2, in (0, 1]."""
    require_finite(log_weight)
    w = np.exp(log_weight - log_weight.max())
    return float(w.mean() ** 2 / (w * w).mean())


def require_finite(log_weight: FloatArray) -> None:
    """Refuse NaN and inf among log weights.

    Raises:
        LfmcError: how many of them there are and where the first is.
    """
    bad = np.flatnonzero(~np.isfinite(log_weight))
    if len(bad):
        raise LfmcError(
            f"{len(bad)} of {len(log_weight)} log weights are not finite "
            f"(first at index {bad[0]}); the model is broken: train again"
        )


def _model(log_weight: FloatArray) -> float:
    w = np.sort(np.exp(log_weight - log_weight.max()))
    n = len(w)
    pairs = (w * (2 * (n - np.arange(n)) - 1)).sum()
    return float(pairs / (n * w.sum()))
