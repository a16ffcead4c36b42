"""Sums over chunks of samples with the same bits for any number of ranks.

A sum of floating-point numbers depends on the order in which they are added. Here the order is a
binary tree over the chunks, which depends on their number alone:

    S(a, b) = S(a, m) + S(m, b),    m = (a + b) // 2

Every rank has a contiguous range of chunks and adds up the largest subtrees inside it without
communication. The rest of the tree needs messages: the sum of a node lies on the rank of its first
chunk. If the numbers of ranks and chunks are powers of two, every rank but 0 sends one sum, and the
longest sequence of dependent messages is log2(ranks).
"""

from collections.abc import Callable, Iterator

import numpy as np

from lfmc.lattice import FloatArray
from lfmc.mpi.messages import receive_array, send_array
from lfmc.mpi.ranks import Ranks, share_of

Node = tuple[int, int]
Chunk = Callable[[int], FloatArray]


def tree_sum(chunk: Chunk, count: int, mpi: Ranks) -> FloatArray:
    """Return chunk(0) + ... + chunk(count - 1) on rank 0 and an empty array on the others.

    Args:
        chunk: index -> array to be added, float64, all of one shape; the arrays are overwritten.
        count: number of chunks, at least 1.
        mpi: the ranks, each of which computes the chunks of its share.
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
    """Yield, in order, the largest nodes whose chunks all belong to one rank."""
    if owner[node[0]] == owner[node[1] - 1]:
        yield node
        return
    for half in _halves(node):
        yield from _shares(half, owner)


def _sum(chunk: Chunk, begin: int, end: int) -> FloatArray:
    """The sum of a node whose chunks all belong to this rank."""
    if end - begin == 1:
        return chunk(begin)
    left, right = _halves((begin, end))
    total = _sum(chunk, *left)
    total += _sum(chunk, *right)
    return total


def _combine(
    node: Node, owner: list[int], sums: dict[Node, FloatArray], mpi: Ranks
) -> FloatArray | None:
    """Return the sum of a node on the rank of its first chunk, and None on the others.

    All ranks walk the tree in the same order, so there is no deadlock.
    """
    if owner[node[0]] == owner[node[1] - 1]:
        return sums.pop(node, None)
    left, right = _halves(node)
    total = _combine(left, owner, sums, mpi)
    other = _combine(right, owner, sums, mpi)
    to, by = owner[left[0]], owner[right[0]]
    if mpi.rank == by != to:
        assert other is not None
        send_array(mpi, other, to)
    elif mpi.rank == to:
        if by != to:
            other = receive_array(mpi, by)
        assert total is not None
        assert other is not None
        total += other
    return total
