"""Where a file came from: stamped into every HDF5, CSV, figure and model."""

import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lfmc import __version__
from lfmc.seal import EMPTY, file_digest

PACKAGES = ("numpy", "scipy", "h5py", "numba", "pandas", "torch", "pyerrors", "mpi4py")

# What of the batch system's environment tells where a file was made.
JOB = {
    "id": "SLURM_JOB_ID",
    "step": "SLURM_STEP_ID",
    "nodes": "SLURM_JOB_NODELIST",
    "node": "SLURMD_NODENAME",
    "cluster": "SLURM_CLUSTER_NAME",
    "restarts": "SLURM_RESTART_COUNT",
}
# One process without MPI, until a stage says otherwise.
_ALONE: dict[str, Any] = {"ranks": 1, "launcher": "none", "mpi": "none"}
_PARALLEL: dict[str, Any] = {}


def note_parallel(facts: dict[str, Any]) -> None:
    """Ranks, nodes, launcher and MPI library of this job, for all files that follow."""
    _PARALLEL.update(facts)


def provenance(
    settings: dict[str, Any] | None = None, inputs: tuple[str | Path, ...] = ()
) -> dict[str, Any]:
    """Version, commit, command, settings, packages, host, job, ranks, UTC time, input hashes; and
    room for the checksum of the file that it is written into (`lfmc.seal`).
    """
    return {
        "lfmc": __version__,
        **_commit(),
        "command": shlex.join(["lfmc", *sys.argv[1:]]),
        "settings": settings or {},
        "packages": _packages(),
        "python": platform.python_version(),
        "host": platform.node(),
        "job": _job(),
        "parallel": {**_ALONE, "nodes": [platform.node()], **_PARALLEL},
        "utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": {str(p): file_hash(p) for p in inputs},
        "checksum": EMPTY,
    }


def stamp(settings: dict[str, Any] | None = None, inputs: tuple[str | Path, ...] = ()) -> str:
    """`provenance` as one line of JSON."""
    return json.dumps(provenance(settings, inputs), sort_keys=True)


def file_hash(path: str | Path) -> str:
    """sha256 of a file's bytes."""
    return file_digest(path)


def code_version() -> str:
    """Version of the code at work and a hash of its sources: edits and other copies show."""
    here = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in sorted(here.rglob("*.py")):
        digest.update(path.relative_to(here).as_posix().encode() + path.read_bytes())
    return f"lfmc {__version__} ({digest.hexdigest()[:12]})"


def _job() -> dict[str, str]:
    return {key: os.environ[name] for key, name in JOB.items() if name in os.environ}


@lru_cache
def _packages() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@lru_cache
def _commit() -> dict[str, Any]:
    here = Path(__file__).resolve().parent
    try:
        run = ["git", "-C", str(here)]
        head = subprocess.run([*run, "rev-parse", "HEAD"], capture_output=True, text=True)
        state = subprocess.run(
            [*run, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True
        )
    except OSError:
        return {"commit": "", "dirty": False}
    if head.returncode:
        return {"commit": "", "dirty": False}
    return {"commit": head.stdout.strip(), "dirty": bool(state.stdout.strip())}
