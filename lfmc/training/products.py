"""Sums of products of rows: symmetric, so half of them are computed, added and sent."""

import numpy as np
import torch
from torch import Tensor

from lfmc.lattice import FloatArray

BLOCK = 256


def packed_products(rows: Tensor) -> FloatArray:
    """rows @ rows.T of (n, samples) in blocks of rows, each from its diagonal on, as float64.

    Products are summed over the samples in the precision of the rows.
    """
    blocks = [
        (rows[begin : begin + BLOCK] @ rows[begin:].T).double().cpu().numpy().ravel()
        for begin in range(0, len(rows), BLOCK)
    ]
    packed: FloatArray = np.concatenate(blocks)
    return packed


def unpacked(packed: FloatArray, n: int) -> Tensor:
    """The symmetric (n, n) of `packed_products`, or of sums of them.

    The upper triangle decides. A library's product of a matrix with its own transpose need not be
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
