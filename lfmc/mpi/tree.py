"""Sums over chunks of samples: the same bits for any number of ranks.

A sum of floating-point numbers depends on the order in which they are added. Here the order is a
binary tree over the chunks, fixed by their number alone:

    S(a, b) = S(a, m) + S(m, b),    m = (a + b) // 2

Every rank has a range of neighbouring chunks and adds up the largest subtrees that lie in it
without a word to the others. What is left of the tree is finished by sums that are handed over:
that of a node lies on the rank of its first chunk. Where ranks and chunks are powers of two, every
other rank than 0 hands over one sum, and log2 of the ranks of them follow one after another.
"""

from collections.abc import Callable, Iterator

import numpy as np

from lfmc.lattice import FloatArray
from lfmc.mpi.messages import give, take
from lfmc.mpi.ranks import Ranks, share_of

Node = tuple[int, int]
Chunk = Callable[[int], FloatArray]


def tree_sum(chunk: Chunk, count: int, mpi: Ranks) -> FloatArray:
    """Sum of chunk(0) + ... + chunk(count - 1) on rank 0; nothing on the others.

    Args:
        chunk: the arrays to be added, float64 and of one shape; they are overwritten.
        count: their number, at least 1.
        mpi: the ranks, each of which makes the chunks of its share.
    """
    owner = [rank for rank in range(mpi.size) for _ in share_of(count, rank, mpi.size)]
    sums = {
        node: _sum(chunk, *node)
        for node in _shares((0, count), owner)
        if owner[node[0]] == mpi.rank
    }
    total = _combine((0, count), owner, sums, mpi)
    return total if total is not None and mpi.rank == 0 else np.empty(0)


def _halves(node: Node) -> tuple[Node, Node]:
    begin, end = node
    middle = (begin + end) // 2
    return (begin, middle), (middle, end)


def _shares(node: Node, owner: list[int]) -> Iterator[Node]:
    """The largest nodes all chunks of which belong to one rank, in order."""
    if owner[node[0]] == owner[node[1] - 1]:
        yield node
        return
    for half in _halves(node):
        yield from _shares(half, owner)


def _sum(chunk: Chunk, begin: int, end: int) -> FloatArray:
    """The sum of a node, all of it on this rank."""
    if end - begin == 1:
        return chunk(begin)
    left, right = _halves((begin, end))
    total = _sum(chunk, *left)
    total += _sum(chunk, *right)
    return total


def _combine(
    node: Node, owner: list[int], sums: dict[Node, FloatArray], mpi: Ranks
) -> FloatArray | None:
    """The sum of a node, on the rank of its first chunk; None on the others.

    All ranks walk the tree in one order, so no two of them wait for each other.
    """
    if owner[node[0]] == owner[node[1] - 1]:
        return sums.pop(node, None)
    left, right = _halves(node)
    total = _combine(left, owner, sums, mpi)
    other = _combine(right, owner, sums, mpi)
    to, by = owner[left[0]], owner[right[0]]
    if mpi.rank == by != to:
        assert other is not None
        give(mpi, other, to)
    elif mpi.rank == to:
        if by != to:
            other = take(mpi, by)
        assert total is not None
        assert other is not None
        total += other
    return total
