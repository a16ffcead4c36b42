"""Messages between the ranks of a training; a rank that waits for one leaves its core to others."""

from typing import Any

import numpy as np

from lfmc.lattice import FloatArray
from lfmc.mpi.ranks import Ranks, wait

TOLD, MEETING, DATA = 1, 2, 3  # tags


def tell(mpi: Ranks, value: Any) -> None:
    """From rank 0 to all others, which `hear` it: a few kilobytes, pickled."""
    for rank in range(1, mpi.size):
        mpi.comm.send(value, rank, TOLD)


def hear(mpi: Ranks) -> Any:
    """What rank 0 tells next."""
    wait(lambda: bool(mpi.comm.iprobe(0, TOLD)))
    return mpi.comm.recv(source=0, tag=TOLD)


def give(mpi: Ranks, array: FloatArray, to: int) -> None:
    """Hand an array of float64 to a rank that will `take` it."""
    _meet(mpi, to)
    mpi.comm.send(array.shape, to, DATA)
    mpi.comm.Send(np.ascontiguousarray(array), to, DATA)


def take(mpi: Ranks, by: int) -> FloatArray:
    """The next array that a rank gives."""
    _meet(mpi, by)
    array: FloatArray = np.empty(mpi.comm.recv(source=by, tag=DATA))
    mpi.comm.Recv(array, by, DATA)
    return array


def concatenated(mpi: Ranks, mine: FloatArray) -> FloatArray:
    """The (n,) arrays of all ranks, one after another, on rank 0; nothing on the others."""
    if mpi.rank:
        give(mpi, mine, 0)
        return np.empty(0)
    return np.concatenate([mine, *(take(mpi, rank) for rank in range(1, mpi.size))])


def _meet(mpi: Ranks, other: int) -> None:
    """Wait for each other: what is sent then takes its own time only, during which MPI may spin."""
    mine, others = bytearray(1), bytearray(1)
    arrived = mpi.comm.Irecv(others, other, MEETING)
    left = mpi.comm.Isend(mine, other, MEETING)
    wait(left.Test)
    wait(arrived.Test)
