"""Products with matrices of few numbers per row, in torch."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from lfmc.lattice import FloatArray, IntArray


class Sums(NamedTuple):
    """A matrix of few numbers per row: result_r = sum_t factor_rt source_(place_rt).

    Attributes:
        place, factor: (rows, terms); rows with fewer terms have a factor of zero.
    """

    place: IntArray
    factor: FloatArray


def sums_of(row: IntArray, column: IntArray, value: FloatArray) -> Sums:
    """The matrix with these elements, at least one in every row."""
    order = np.lexsort((column, row))
    row, column, value = row[order], column[order], value[order]
    count = np.bincount(row)
    term = np.arange(len(row)) - (np.cumsum(count) - count)[row]
    place = np.zeros((len(count), count.max()), np.int64)
    factor = np.zeros(place.shape)
    place[row, term], factor[row, term] = column, value
    return Sums(place, factor)


class SumsOf(torch.autograd.Function):
    """`Sums` as a differentiable map of (source, batch) to (rows, batch).

    Arguments: the source; place and factor of the matrix, and of its transpose.
    """

    @staticmethod
    def forward(ctx: Any, source: Tensor, *matrices: Tensor) -> Tensor:
        place, factor, *ctx.transpose = matrices
        ctx.own = [place, factor]
        total = source[place[:, 0]] * factor[:, :1]
        for term in range(1, place.shape[1]):
            total = torch.addcmul(total, source[place[:, term]], factor[:, term : term + 1])
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        found: Tensor = SumsOf.apply(gradients[0], *ctx.transpose, *ctx.own)
        return found, None, None, None, None
