"""Jackknife errors of any function of means, over bins."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def jackknife(
    bins: Floats, counts: NDArray[np.integer], function: Callable[[Floats], Floats]
) -> tuple[Floats, Floats]:
    """Value and error of function(means) from bins.

        theta_b = f(mean without bin b),  error^2 = (B-1)/B sum_b (theta_b - <theta>)^2

    (Efron 1979). The value is f of the mean over everything; its O(1/B) bias is far below the
    error and not subtracted.

    Args:
        bins: mean of each bin, (B, C).
        counts: entries in each bin, (B,), used as weights.
        function: (..., C) -> (..., K), vectorised over leading axes.

    Returns:
        Two arrays (K,); the error of a single bin is NaN.
    """
    weight = np.asarray(counts, dtype=np.float64)[:, None]
    total = (bins * weight).sum(0)
    value = function(total / weight.sum())
    if len(bins) < 2:
        return np.asarray(value), np.full(np.shape(value), np.nan)
    rest = (total - bins * weight) / (weight.sum() - weight)
    leave_one_out = function(rest)
    count = len(bins)
    spread = ((leave_one_out - leave_one_out.mean(0)) ** 2).sum(0)
    return np.asarray(value), np.sqrt((count - 1) / count * spread)
