"""Independence Metropolis on stored log weights (arXiv:1904.12072, eq. 3-4 and section II C).

Proposals do not depend on the chain, so the chain is an index into them: accept a proposal of log
weight lw' over the current lw with probability min(1, exp(lw' - lw)), decided as log u < lw' - lw
in float64. Never an exponential of a large number, never a copied field.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lfmc.errors import LfmcError
from lfmc.kernels.cache import cache_of_this_code
from lfmc.lattice import FloatArray

IntArray = NDArray[np.int64]


class IndependenceChain(NamedTuple):
    """A chain as its states.

    Attributes:
        proposal: index of the proposal of each successive state, (states,).
        multiplicity: updates that the chain stayed in it, >= 1, (states,).
        accepted: accepted proposals among the updates.
        longest_run: most rejections in a row.
    """

    proposal: IntArray
    multiplicity: IntArray
    accepted: int
    longest_run: int


def independence_chain(
    log_weight: FloatArray, uniforms: FloatArray, burn_in: int = 0
) -> IndependenceChain:
    """Run one chain over proposals in their order.

    The chain starts in the first proposal; every proposal then makes one update, of which the
    first `burn_in` are discarded (proposal 0 counts as the first of them).

    Args:
        log_weight: log weights log p - log q, (n,).
        uniforms: in [0, 1), (n,); the first is not used.
        burn_in: updates to discard.

    Raises:
        LfmcError: weights that are not finite, or nothing left after burn-in.
    """
    bad = np.flatnonzero(~np.isfinite(log_weight))
    if len(bad):
        raise LfmcError(
            f"log weight {bad[0]} is {log_weight[bad[0]]} ({len(bad)} in all are not finite); "
            "refused: the model is broken, train and propose again"
        )
    if len(log_weight) <= max(burn_in, 1):
        raise LfmcError(f"{len(log_weight)} proposals leave nothing after a burn-in of {burn_in}")
    with np.errstate(divide="ignore"):
        state, moved = _run(log_weight, np.log(uniforms))
    state, moved = state[burn_in:], moved[burn_in:]
    first = np.flatnonzero(np.diff(state, prepend=-1))
    multiplicity = np.diff(first, append=len(state))
    return IndependenceChain(
        state[first], multiplicity, int(moved.sum()), int(multiplicity.max()) - 1
    )


def _chain(log_weight: FloatArray, log_u: FloatArray) -> tuple[IntArray, NDArray[np.bool_]]:
    """State after each update, and whether the update moved, (n,)."""
    state = np.empty(len(log_weight), np.int64)
    moved = np.empty(len(log_weight), np.bool_)
    current = 0
    state[0], moved[0] = 0, True
    for i in range(1, len(log_weight)):
        moved[i] = log_u[i] < log_weight[i] - log_weight[current]
        if moved[i]:
            current = i
        state[i] = current
    return state, moved


with cache_of_this_code():
    _run = njit(cache=True)(_chain)
