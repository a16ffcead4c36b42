"""Messages between the ranks of a training. A rank that waits for one does not use its core."""

from typing import Any

import numpy as np

from lfmc.lattice import FloatArray
from lfmc.mpi.ranks import Ranks, wait

COMMAND, MEETING, DATA = 1, 2, 3  # tags


def send_command(mpi: Ranks, value: Any) -> None:
    """Send a pickled object of a few kilobytes from rank 0 to all others."""
    for rank in range(1, mpi.size):
        mpi.comm.send(value, rank, COMMAND)


def receive_command(mpi: Ranks) -> Any:
    """Wait for the next command of rank 0 and return it."""
    wait(lambda: bool(mpi.comm.iprobe(0, COMMAND)))
    return mpi.comm.recv(source=0, tag=COMMAND)


def send_array(mpi: Ranks, array: FloatArray, to: int) -> None:
    """Send an array of float64 to a rank, which calls `receive_array`."""
    _meet(mpi, to)
    mpi.comm.send(array.shape, to, DATA)
    mpi.comm.Send(np.ascontiguousarray(array), to, DATA)


def receive_array(mpi: Ranks, by: int) -> FloatArray:
    """Wait for the next array that rank `by` sends and return it."""
    _meet(mpi, by)
    array: FloatArray = np.empty(mpi.comm.recv(source=by, tag=DATA))
    mpi.comm.Recv(array, by, DATA)
    return array


def concatenated(mpi: Ranks, mine: FloatArray) -> FloatArray:
    """Concatenate the (n,) arrays of all ranks on rank 0; return an empty array on the others."""
    if mpi.rank:
        send_array(mpi, mine, 0)
        return np.empty(0)
    return np.concatenate([mine, *(receive_array(mpi, rank) for rank in range(1, mpi.size))])


def _meet(mpi: Ranks, other: int) -> None:
    """Wait until both ranks are ready, since MPI's own calls keep a core busy while they wait."""
    mine, others = bytearray(1), bytearray(1)
    arrived = mpi.comm.Irecv(others, other, MEETING)
    left = mpi.comm.Isend(mine, other, MEETING)
    wait(left.Test)
    wait(arrived.Test)
