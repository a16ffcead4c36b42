"""Ranks of an MPI job, checked, without MPI where there is one process."""

import os
from contextlib import suppress
from typing import Any, NamedTuple

from lfmc.errors import LfmcError

LAUNCHERS = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "MPI_LOCALNRANKS")


class Ranks(NamedTuple):
    """This process among the ranks; `comm` is None without MPI."""

    rank: int
    size: int
    comm: Any

    def broadcast(self, value: Any) -> Any:
        """Rank 0's value, on every rank."""
        return value if self.comm is None else self.comm.bcast(value)

    def all_agree(self, value: bool) -> bool:
        """Whether the value is true on every rank; also a barrier."""
        return value if self.comm is None else all(self.comm.allgather(value))

    def abort(self) -> None:
        """End all ranks: one has failed, and the others would wait for it for ever."""
        if self.comm is not None:
            self.comm.Abort(2)


def ranks(expected: int | None) -> Ranks:
    """The ranks of this job.

    Args:
        expected: how many were asked for; None asks nothing.

    Raises:
        LfmcError: a launcher and an MPI library that do not match start `expected` processes
            which each believe to be alone; they must not all do the whole work.
    """
    under_launcher = any(name in os.environ for name in LAUNCHERS)
    if not under_launcher and (expected or 1) == 1:
        return Ranks(0, 1, None)
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise LfmcError(f"MPI was asked for, but mpi4py does not load ({reason})") from None
    comm = MPI.COMM_WORLD
    if expected is not None and comm.size != expected:
        raise LfmcError(
            f"{comm.size} MPI rank(s) here, {expected} expected: launch with 'mpiexec -n "
            f"{expected}' of the MPI library that mpi4py uses ({_library(MPI)})"
        )
    return Ranks(comm.rank, comm.size, comm)


def _library(mpi: Any) -> str:
    with suppress(Exception):
        return str(mpi.Get_library_version()).split("\n")[0].strip("\x00 ")
    return "unknown"
