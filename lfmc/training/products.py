"""Sums of products of rows. They are symmetric, so only half of them is computed and sent."""

import numpy as np
import torch
from torch import Tensor

from lfmc.lattice import FloatArray

BLOCK = 256


def packed_products(rows: Tensor) -> FloatArray:
    """Return the upper block triangle of rows @ rows.T as a float64 vector.

    The sums over the samples are in the precision of the rows.

    Args:
        rows: (n, samples).
    """
    blocks = [
        (rows[begin : begin + BLOCK] @ rows[begin:].T).double().cpu().numpy().ravel()
        for begin in range(0, len(rows), BLOCK)
    ]
    packed: FloatArray = np.concatenate(blocks)
    return packed


def unpacked(packed: FloatArray, n: int) -> Tensor:
    """Return the symmetric (n, n) matrix of `packed_products`, or of sums of them.

    The upper triangle is used. A library's product of a matrix with its own transpose need not be
    symmetric to the last bit: it may sum the two halves in different orders on some processors.
    """
    full = torch.empty(n, n, dtype=torch.float64)
    rest = torch.from_numpy(packed)
    for begin in range(0, n, BLOCK):
        size, width = min(BLOCK, n - begin), n - begin
        block, rest = rest[: size * width].view(size, width), rest[size * width :]
        full[begin : begin + size, begin:] = block
        diagonal = block[:, :size].triu()
        full[begin : begin + size, begin : begin + size] = diagonal + diagonal.triu(1).T
        full[begin + size :, begin : begin + size] = block[:, size:].T
    return full
