"""Whether a training still learns, from its history of checks."""

from collections.abc import Sequence
from typing import Any

CHECKS = 16
LEAST = 0.01


def on_plateau(history: Sequence[dict[str, Any]], checks: int = CHECKS) -> bool:
    """Whether the last `checks` checks lowered the best loss by less than LEAST of it.

    Checks thin out with the steps, so from some point on the last ones are a fixed share of the
    whole training. What is compared is the variance of log w, which falls to zero at q = p
    whatever log Z is: the smallest of the last `checks` with the smallest of as many before.
    """
    if len(history) < 2 * checks:
        return False
    values = [float(row["log_weight_variance"]) for row in history[-2 * checks :]]
    earlier, later = values[:checks], values[checks:]
    return min(later) > (1 - LEAST) * min(earlier)
