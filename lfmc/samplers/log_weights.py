"""Log weights of the fields of chains that a flow takes part in."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lfmc.errors import LfmcError
from lfmc.lattice import FloatArray
from lfmc.theories.base import Theory


def in_batches(evaluate: Callable[..., Any], size: int, rows: FloatArray) -> FloatArray:
    """A function of rows (chains, n), in batches of `size`; two results become columns of one.

    Where the rounding of a field depends on its batch, a batch is a block of chains, so that the
    bits of a chain do not depend on the number of chains.
    """
    parts = [evaluate(rows[begin : begin + size]) for begin in range(0, len(rows), size)]
    if isinstance(parts[0], tuple):
        parts = [np.column_stack(part) for part in parts]
    return np.concatenate(parts)


def log_weights(sampler: str, theory: Theory, phi: FloatArray, log_q: FloatArray) -> FloatArray:
    """-S - log q of the chains' fields, (chains,).

    Raises:
        LfmcError: one that is not finite.
    """
    log_weight: FloatArray = -np.asarray(theory.evaluate(phi)) - log_q
    bad = int((~np.isfinite(log_weight)).sum())
    if bad:
        raise LfmcError(
            f"{sampler}: {bad} of {len(log_weight)} log weights are not finite; the model is "
            "broken, train again"
        )
    return log_weight
