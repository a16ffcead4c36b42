"""tau_int of chains from the scatter of their means: what scans of the tuning compare."""

import numpy as np

from lfmc.errors import LfmcError
from lfmc.theories.base import Floats


def tau_of_means(series: Floats) -> tuple[float, float]:
    """(tau_int, error) of a series, (chains, n), whose chains are many tau long:

        Var(mean of a chain) = 2 tau Var / n.

    It needs no window, but many chains: its relative error is sqrt(2 / chains). Below 1/2, what
    chains without any correlation have, it is 1/2.

    Raises:
        LfmcError: the chains did not move.
    """
    chains, n = series.shape
    variance = series.var()
    if not variance > 0:
        raise LfmcError("tune: the chains of a scan did not move; give another acceptance")
    tau = max(0.5, 0.5 * n * float(series.mean(1).var(ddof=1) / variance))
    return tau, tau * float(np.sqrt(2 / (chains - 1)))
