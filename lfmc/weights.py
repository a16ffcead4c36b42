"""Log weights log w = log p - log q of proposals, and the acceptance that follows from them.

The independence chain depends on them alone, so training, chains and analysis share these
functions.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lfmc.errors import LfmcError
from lfmc.lattice import FloatArray
from lfmc.store import open_hdf5

Floats = NDArray[np.floating]


def read_log_weights(path: str | Path) -> FloatArray:
    """log w = -S - log q of every proposal, (N,); of annealed ones the work that replaces it.

    Raises:
        LfmcError: no proposals in the file.
    """
    with open_hdf5(path) as file:
        if "log_q" not in file or "S" not in file:
            raise LfmcError(f"{path}: no log_q and S; expected a file of lfmc propose")
        if "log_weight" in file:
            annealed: FloatArray = file["log_weight"][()]
            return annealed
        return -file["S"][()] - file["log_q"][()]


def leaving_probability(states: Floats, proposals: Floats) -> FloatArray:
    """Return a(w), the mean over proposals of min(1, w'/w): the probability to leave a state.

    It is computed in log space in O((M + N) log N), since the weight of a state may differ from
    those of the proposals by many orders of magnitude.

    Args:
        states: log weights of states, (M,), finite or -inf.
        proposals: log weights of proposals in ascending order, (N,), finite or -inf.

    Returns:
        (M,), in [0, 1].
    """
    # For a state of weight w: (sum of w' below w) / w + number of w' from w on.
    log_below = np.concatenate([[-np.inf], np.logaddexp.accumulate(proposals)])
    rank = np.searchsorted(proposals, states)
    below = log_below[rank]
    with np.errstate(invalid="ignore"):  # -inf - -inf: no weight below a weight of zero
        ratio = np.exp(np.where(below == -np.inf, -np.inf, below - states))
    rate: FloatArray = (ratio + len(proposals) - rank) / len(proposals)
    return rate
