"""log Z from importance weights: the free energy, which no Markov chain gives.

Z = int d phi exp(-S) = E_q[w] with w = exp(-S) / q, so log Z is the log of the mean weight of
proposals (Nicoli et al., arXiv:2007.07115). The mean is dominated by the largest weights: with few
of them neither it nor its error means anything, and the error is withheld (`few_weights`).
"""

from math import nan, sqrt
from typing import Any, NamedTuple

import numpy as np

from lfmc.analysis.few_weights import why_withheld
from lfmc.errors import LfmcError
from lfmc.lattice import FloatArray

COLUMNS = (
    *("ensemble", "sampler", "log_Z", "error", "per_site", "per_site_error"),
    *("ess", "samples", "exact", "note"),
)


class LogZEstimate(NamedTuple):
    """As `lfmc.api.density.LogZ`, which can print itself."""

    value: float
    error: float
    ess: float
    samples: int
    note: str = ""


def log_Z_of(log_weight: FloatArray) -> LogZEstimate:
    """log Z of the log weights -S - log q of independent proposals, (N,), in log space.

    The error is that of the mean of independent weights, to first order in it: what a jackknife
    gives too. It is withheld where `few_weights` says so.

    Raises:
        LfmcError: a weight that is not finite, or none.
    """
    count = len(log_weight)
    bad = np.flatnonzero(~np.isfinite(log_weight))
    if len(bad) or not count:
        raise LfmcError(f"{len(bad)} of {count} log weights are not finite; train again")
    top = float(log_weight.max())
    weight = np.exp(log_weight - top)
    mean = float(weight.mean())
    ess = min(1.0, mean**2 / float((weight * weight).mean()))
    note, error = why_withheld(log_weight), sqrt(max(1 / ess - 1, 0.0) / count)
    return LogZEstimate(top + float(np.log(mean)), nan if note else error, ess, count, note)


def log_Z_row(theory: Any, ensemble: str, sampler: str, log_weight: FloatArray) -> dict[str, Any]:
    """The row of a flow in the table, see `COLUMNS`; exact is NaN where it is not known."""
    found = log_Z_of(log_weight)
    sites = float(np.prod(theory.shape))
    exact = theory.log_Z
    return {
        "ensemble": ensemble,
        "sampler": sampler,
        "log_Z": found.value,
        "error": found.error,
        "per_site": found.value / sites,
        "per_site_error": found.error / sites,
        "ess": found.ess,
        "samples": found.samples,
        "exact": nan if exact is None else exact,
        "note": found.note,
    }
