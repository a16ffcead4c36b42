"""tau of the independence chain from importance weights alone, before any chain is run.

A state with weight w = p/q is left with probability a(w) = E_q[min(1, w'/w)]; the probability of t
rejections in a row from a stationary state is E_p[(1 - a)^t] (arXiv:1904.12072 eq. 15-18), hence

    tau = 1/2 + sum_{t>=1} E_p[(1 - a(w))^t] = E_p[1 / a(w)] - 1/2.

E_p is taken with self-normalised weights over proposals of q, O(N log N) by sorting.
"""

import numpy as np
from numpy.typing import NDArray

from lfmc.analysis.gamma_method import Tau
from lfmc.analysis.unresolved import Unresolved
from lfmc.errors import LfmcError
from lfmc.weights import leaving_probability

Floats = NDArray[np.floating]

GROUPS = 20


def weight_time(log_weight: Floats) -> Tau:
    """tau_int of the independence chain with these log weights (any common shift), (N,).

    The error is a delete-one-group jackknife over 20 interleaved groups; `window` is 0.

    Raises:
        Unresolved: fewer than 40 weights.
        LfmcError: one that is NaN or +inf.
    """
    if len(log_weight) < 2 * GROUPS:
        raise Unresolved(
            f"{len(log_weight)} weights are too few; at least {2 * GROUPS} are needed",
            "too few weights",
        )
    if not (np.isfinite(log_weight) | (log_weight == -np.inf)).all():
        raise LfmcError("a log weight is NaN or +inf; every weight must be finite")
    group = np.arange(len(log_weight)) % GROUPS
    order = np.argsort(log_weight, kind="stable")
    ordered, group = log_weight[order], group[order]
    value = _time(ordered)
    without = np.array([_time(ordered[group != g]) for g in range(GROUPS)])
    error = np.sqrt((GROUPS - 1) / GROUPS * ((without - without.mean()) ** 2).sum())
    return Tau(value, float(error), 0)


def time_of_weights(log_weight: Floats) -> float:
    """The same without an error, of any number of finite weights."""
    return _time(np.sort(log_weight))


def _time(ordered: Floats) -> float:
    weight = np.exp(ordered - ordered[-1])
    return float((weight / leaving_probability(ordered, ordered)).sum() / weight.sum() - 0.5)
