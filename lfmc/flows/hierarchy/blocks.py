"""Samples first (batch, numbers), and blocks of lanes (blocks, numbers, LANES)."""

import numpy as np

from lfmc.kernels.lanes import LANES, aligned
from lfmc.lattice import FloatArray


def lanes_last(samples: FloatArray) -> FloatArray:
    """(batch, numbers) as blocks; the last one is filled up with copies of the last sample."""
    count, numbers = samples.shape
    blocks = -(-count // LANES)
    chosen = samples[np.minimum(np.arange(blocks * LANES), count - 1)]
    found = aligned((blocks, numbers, LANES))
    found[:] = chosen.reshape(blocks, LANES, numbers).swapaxes(1, 2)
    return found


def samples_first(block: FloatArray, count: int) -> FloatArray:
    """The first `count` samples of blocks (blocks, [numbers,] LANES): (count, [numbers])."""
    if block.ndim == 2:
        return block.reshape(-1)[:count].copy()
    blocks, numbers, lanes = block.shape
    return np.ascontiguousarray(block.swapaxes(1, 2).reshape(blocks * lanes, numbers)[:count])
