"""The ranks of an MPI job and their checks; a single process needs no MPI.

At start-up all ranks must arrive within a time limit. Their number must be the expected one, and
they must agree on what they are to compute and with which code. Later waits are polled, so that a
waiting rank leaves its core to other processes.
"""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, TypeVar

from lfmc import provenance
from lfmc.errors import LfmcError
from lfmc.mpi.netmod import choose_netmod
from lfmc.shared_memory import remove_stale_segments

# Every launcher that the documentation names sets one of these, mpirun and srun alike.
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MPI_LOCALNRANKS")
# Set by the innermost launcher, which started this process; a job step may have set the other.
WORLD = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
RANKS = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK")
# Set by the mpirun of MPICH and of Open MPI, which may itself use srun to reach other nodes.
OF_MPIRUN = ("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_SIZE")
STARTUP_SECONDS = 180.0  # longest start-up of all ranks; $LFMC_STARTUP_SECONDS overrides
LONGEST_STARTUP = 86400.0
FORWARD_SECONDS = 0.5  # for the launcher to pass on the last line of a rank that ends all
POLL_SECONDS = 0.01
SHORTEST_POLL, POLL_SHARE = 1e-4, 0.1  # of the time waited so far
# Ends when its standard input does, or kills the process that holds it.
WATCH = """
import os, select, sys
if not select.select([0], [], [], float(sys.argv[1]))[0]:
    sys.stderr.write(sys.argv[2])
    sys.stderr.flush()
    os.kill(int(sys.argv[3]), 9)
"""


T = TypeVar("T")


class OfAllRanks(LfmcError):
    """An error that every rank raises, so that all ranks end; one rank has `printed` true."""

    def __init__(self, message: str, printed: bool) -> None:
        super().__init__(message)
        self.printed = printed


class Disagreement(OfAllRanks):
    """Ranks that must not work together."""


def share_of(count: int, rank: int, size: int) -> range:
    """The contiguous range of `count` chunks or blocks that belongs to a rank.

    If there are fewer chunks than ranks, the first ranks have one each: rank 0 always has chunk 0.
    """
    return range(-(-count * rank // size), -(-count * (rank + 1) // size))


class Ranks(NamedTuple):
    """This process among the ranks; `comm` is None without MPI."""

    rank: int
    size: int
    comm: Any

    def share(self, count: int) -> range:
        """The range of `count` chunks or blocks that belongs to this rank."""
        return share_of(count, self.rank, self.size)

    def broadcast(self, value: Any) -> Any:
        """Return rank 0's value on every rank."""
        return value if self.comm is None else self.comm.bcast(value)

    def all_agree(self, value: bool) -> bool:
        """Whether the value is true on every rank; also a barrier."""
        if self.comm is None:
            return value
        mine, everyones = bytearray([value]), bytearray(self.size)
        wait(self.comm.Iallgather(mine, everyones).Test)
        return all(everyones)

    def union(self, mine: list[int]) -> list[int]:
        """Return the numbers of all ranks in ascending order, on every rank."""
        parts = [mine] if self.comm is None else self.comm.allgather(mine)
        return sorted(number for part in parts for number in part)

    def gather(self, mine: list[T]) -> list[T]:
        """Return the entries of all ranks on rank 0, and an empty list on the others."""
        self.all_agree(True)  # the gather itself would spin until the last one comes
        parts = [mine] if self.comm is None else self.comm.gather(mine)
        return [entry for part in parts or [] for entry in part]

    def require_same(self, value: str, what: str) -> None:
        """Compare a value that must be the same on all ranks.

        Raises:
            Disagreement: on every rank, with the same message, which lists the ranks per value.
        """
        if self.all_agree(self.broadcast(value) == value):
            return
        holders: dict[str, list[int]] = {}
        for rank, other in enumerate(self.comm.allgather(value)):
            holders.setdefault(other, []).append(rank)
        described = "; ".join(
            f"{other} on {len(held)} rank(s) from rank {held[0]}" for other, held in holders.items()
        )
        raise Disagreement(f"{what}: {described}", self.rank == 0)

    def abort(self, code: int = 2) -> None:
        """End all ranks, because one has failed and the others would wait for it for ever."""
        if self.comm is not None:
            sys.stderr.flush()
            time.sleep(FORWARD_SECONDS)
            self.comm.Abort(code)


ALONE = Ranks(0, 1, None)


def wait(done: Callable[[], bool]) -> None:
    """Poll `done` until it is true. MPI's own waits would keep the core busy meanwhile.

    It is polled often at first and every POLL_SECONDS later, so that a wait is lengthened by no
    more than a tenth.
    """
    began = time.perf_counter()
    while not done():
        waited = time.perf_counter() - began
        time.sleep(min(max(POLL_SHARE * waited, SHORTEST_POLL), POLL_SECONDS))


def ranks(expected: int | None) -> Ranks:
    """Wait until all ranks of this job have started, and return them.

    Args:
        expected: the required number of ranks; None accepts any number.

    Raises:
        LfmcError: if there is another number of ranks. A launcher that does not match the MPI
            library starts processes that each see one rank, and each would do the whole work.
    """
    launched = [name for name in (*SIZES, *RANKS) if name in os.environ]
    if not launched and (expected or 1) == 1:
        return ALONE
    with _arrival():
        remove_stale_segments()
        choose_netmod(os.environ)
        try:
            from mpi4py import MPI
        except (ImportError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise LfmcError(f"MPI is required, but mpi4py does not load ({reason})") from None
        comm = MPI.COMM_WORLD
        if expected is not None and comm.size != expected:
            raise Disagreement(
                f"{comm.size} MPI rank(s) here, {expected} expected: launch with 'mpiexec -n "
                f"{expected}' (or srun) of the MPI library that mpi4py uses ({_library(MPI)})",
                comm.rank == 0,
            )
        _require_launched(comm, MPI)
        found = Ranks(comm.rank, comm.size, comm)
        nodes = found.comm.allgather(_node())
        found.all_agree(True)
    provenance.note_parallel(
        {
            "ranks": comm.size,
            "nodes": sorted(set(nodes)),
            "launcher": launcher(),
            "mpi": _library(MPI),
        }
    )
    return found


def _require_launched(comm: Any, mpi: Any) -> None:
    """Refuse a launcher of another MPI library, under which each process sees one rank."""
    name = next((name for name in WORLD if name in os.environ), "")
    size = os.environ.get(name, "")
    if size.isdigit() and int(size) != comm.size:
        raise Disagreement(
            f"the launcher started {size} process(es) ({name}), {comm.size} MPI rank(s) here: "
            f"launch with the mpiexec (or srun) of the MPI library that mpi4py uses "
            f"({_library(mpi)})",
            comm.rank == 0,
        )


def launcher() -> str:
    """The name of the launcher, according to the environment variables that it sets."""
    if "SLURM_STEP_ID" in os.environ and not any(name in os.environ for name in OF_MPIRUN):
        return "srun"
    return "mpirun"


@contextmanager
def _arrival() -> Iterator[None]:
    """End this process with a message if the block does not end in time.

    If a rank is missing, the others wait inside MPI's start-up until the time limit of the job. No
    Python code runs in this process meanwhile, so a second process measures the time.
    """
    seconds = _startup_seconds()
    rank = next((os.environ[name] for name in RANKS if name in os.environ), "?")
    message = (
        f"lfmc: error: rank {rank} on {_node()}: not all MPI ranks started within "
        f"{seconds:.0f} s; nothing is lost, run again ($LFMC_STARTUP_SECONDS waits longer)\n"
    )
    watch = subprocess.Popen(
        [sys.executable, "-S", "-c", WATCH, str(seconds), message, str(os.getpid())],
        stdin=subprocess.PIPE,
    )
    assert watch.stdin is not None
    try:
        yield
    finally:
        watch.stdin.close()
        watch.wait()


def _startup_seconds() -> float:
    given = os.environ.get("LFMC_STARTUP_SECONDS", str(STARTUP_SECONDS))
    with suppress(ValueError):
        if 0 < float(given) <= LONGEST_STARTUP:
            return float(given)
    raise LfmcError(
        f"LFMC_STARTUP_SECONDS is {given[:40]!r}; give seconds from 1 to {LONGEST_STARTUP:.0f}"
    )


def _node() -> str:
    return os.environ.get("SLURMD_NODENAME") or platform.node()


def _library(mpi: Any) -> str:
    with suppress(Exception):
        text = str(mpi.Get_library_version()).split("\n")[0]
        return " ".join(text.replace("\x00", "").replace("\t", " ").split())
    return "unknown"
