"""Where a flow computes: the CPU, or one GPU for each rank of a node.

A GPU gives other bits than a CPU (and training there, other bits each time), so what it makes is
keyed and marked as its own. Random numbers come from the same streams, the action and everything
that accepts or rejects are computed in float64 on the CPU, and log q belongs to the very pass that
made the field: chains are as exact from either.
"""

import os
from collections.abc import Mapping

import torch

from lfmc.errors import LfmcError
from lfmc.provenance import note_parallel

# The release in envs/requirements.lock. Keys do not name it, since checkpoints and proposals were
# made with it before any other was allowed.
UNNAMED = "2.13.0"

# Set by Open MPI, by MPICH's launcher, by srun; where several are, the innermost launcher's counts.
LOCAL_RANKS = ("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID")


def choose_device(name: str, environment: Mapping[str, str] = os.environ) -> torch.device:
    """The device of this process.

    Args:
        name: cpu; cuda, the GPU of this rank; auto, a GPU if there is one.
        environment: contains the rank's number on its node.

    Raises:
        LfmcError: another name; or it is cuda and there is no GPU.
    """
    if name not in ("cpu", "cuda", "auto"):
        raise LfmcError(f"device {name!r}; there are cpu, cuda, auto")
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise LfmcError(
            f"device cuda: torch {torch.__version__} finds no GPU here; ask the batch system for "
            "one, install a torch with CUDA, or take device cpu"
        )
    device = torch.device("cuda", local_rank(environment) % torch.cuda.device_count())
    note_parallel({"device": torch.cuda.get_device_name(device)})
    return device


def local_rank(environment: Mapping[str, str]) -> int:
    """Number of this process among those of its job on its node."""
    for name in LOCAL_RANKS:
        if name in environment:
            if not environment[name].isdecimal():
                raise LfmcError(f"{name} is {environment[name]!r}; a launcher sets it to a number")
            return int(environment[name])
    return 0


def device_key(device: torch.device) -> dict[str, str]:
    """What device and torch add to the settings that bits depend on.

    A release of torch may round otherwise than the one before, so that what one began another does
    not continue. Nothing is added on a CPU with `UNNAMED`.
    """
    kind = {} if device.type == "cpu" else {"device": device.type}
    release = torch.__version__.split("+")[0]  # builds of one release are not told apart
    return kind | ({} if release == UNNAMED else {"torch": release})
