"""The netmod (network module) of MPICH under Slurm's PMI.

MPICH 5 exchanges 4096 bytes per rank as the address of its netmod UCX, most of them whatever the
heap held behind a shorter address, in PMI requests of up to 1082 bytes. Slurm's plugin `pmi2` reads
1024 bytes per request and takes the rest for the next one, so that MPI_Init fails ("value not
properly terminated in client request") whenever that part of the heap compresses badly. The netmod
OFI sends its address alone, in one request of 71 bytes.
"""

from collections.abc import MutableMapping
from importlib.metadata import PackageNotFoundError, version

NETMOD = "MPIR_CVAR_CH4_NETMOD"
# Set by srun --mpi=pmi2 for each rank; mpiexec sets the first alone, and its size beside it.
OF_SLURM = ("PMI_FD", "SLURM_STEP_ID")
OTHERWISE = ("MPI_LOCALNRANKS", "MPI4PY_LIBMPI")


def choose_netmod(environment: MutableMapping[str, str]) -> None:
    """Let the MPICH of the wheel use OFI where Slurm's PMI serves it; a value that is set stays.

    Other builds of MPICH may have one netmod only and refuse the name of another, so only the
    wheel, which has both, is told.

    Args:
        environment: variables of this process, changed in place, before mpi4py is imported.
    """
    by_slurm = all(name in environment for name in OF_SLURM)
    if by_slurm and not any(name in environment for name in OTHERWISE) and _has_wheel():
        environment.setdefault(NETMOD, "ofi")


def _has_wheel() -> bool:
    try:
        return int(version("mpich").split(".")[0]) >= 5
    except (PackageNotFoundError, ValueError):
        return False
