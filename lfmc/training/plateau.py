"""Whether a training still improves, from its history of checks."""

from collections.abc import Sequence
from typing import Any

CHECKS = 16
SMALLEST_GAIN = 0.01


def on_plateau(history: Sequence[dict[str, Any]], checks: int = CHECKS) -> bool:
    """Whether the last `checks` checks lowered Var(log w) by less than the share SMALLEST_GAIN.

    Checks become rarer with the steps, so the last ones span a fixed share of the whole training.
    The variance of log w is compared because it falls to zero at q = p whatever log Z is: its
    smallest value in the last `checks` with the smallest one in as many before.
    """
    if len(history) < 2 * checks:
        return False
    values = [float(row["log_weight_variance"]) for row in history[-2 * checks :]]
    earlier, later = values[:checks], values[checks:]
    return min(later) > (1 - SMALLEST_GAIN) * min(earlier)
