"""When errors from importance weights say nothing, so that they are withheld.

The variance of a mean with weights w is made where w^2 q is: of a normal log w of width s under q,
2 s above its median, where few or none of N proposals may lie. Then weights look better than they
are: the error is too small, and so are the error of the error and the largest share. Limits on
these, or on the ESS, even choose the samples that lack large weights. What tells is how many
proposals are expected there,

    n_2 = N erfc(sqrt(2) s)/2,     s from the median of log w and its 40th largest value,

which no single weight decides. Where weights are bounded, more are seen than that: an effective
number (sum w^2)^2 / sum w^4 from 200 on, which samples that lack large weights do not reach, is
enough too. With log w = a x + c x^2, x normal, of 1000 to 16000 proposals,
errors that are given are exceeded twice over by <x> in up to 11 % of the samples for c = 0 and up
to 17 % for c = 0.1, with the other limits alone in up to 100 % (nominal: 5 %).
"""

from math import erfc, sqrt

import numpy as np
from scipy.special import ndtri

from lfmc.theories.base import Floats

FEWEST_EFFECTIVE = 100.0
LARGEST_SHARE = 0.05
FEWEST_SQUARED = 20.0  # proposals expected where w^2 q is
ENOUGH_SEEN = 200.0  # effective number of them
RANK, LARGEST_PART = 40, 0.05  # of the largest weights: where the upper flank is read off


def why_withheld(log_weight: Floats, independent: float | None = None) -> str:
    """Why errors from these weights, finite and of any shape, are withheld; empty if they are not.

    Args:
        independent: number of independent ones among them; None: all are.
    """
    log_weight = np.asarray(log_weight, dtype=np.float64).ravel()
    weight = np.exp(log_weight - log_weight.max())
    square, total = weight * weight, float(weight.sum())
    count = float(len(log_weight)) if independent is None else independent
    effective = count / len(log_weight) * total**2 / float(square.sum())
    if effective < FEWEST_EFFECTIVE:
        return f"only {effective:.0f} effective samples"
    if 1 / total > LARGEST_SHARE:
        return f"one sample has {round(100 / total)} % of the weight"
    seen = count / len(log_weight) * float(square.sum()) ** 2 / float(square @ square)
    squared = expected_squared(log_weight, count)
    if squared < FEWEST_SQUARED and seen < ENOUGH_SEEN:
        return f"only {squared:.0f} samples expected where errors are made"
    return ""


def expected_squared(log_weight: Floats, count: float) -> float:
    """n_2 of the module's docstring, of `count` independent samples."""
    part = min(RANK / count, LARGEST_PART)
    median, high = np.quantile(log_weight, (0.5, 1 - part))
    width = float(high - median) / float(ndtri(1 - part))
    return 0.5 * count * erfc(sqrt(2) * width)
