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
from lfmc.seal import EMPTY, file_digest, identity

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
_QUIET: dict[str, Any] = {"capture_output": True, "text": True}


def note_parallel(facts: dict[str, Any]) -> None:
    """Ranks, nodes, launcher and MPI library of this job, for all files that follow."""
    _PARALLEL.update(facts)


def provenance(
    settings: dict[str, Any] | None = None, inputs: tuple[str | Path, ...] = ()
) -> dict[str, Any]:
    """Version, hash of the code, commit, command, settings, packages, host, job, ranks, UTC time,
    input hashes; and a field for the checksum of the file that contains it (`lfmc.seal`).
    """
    return {
        "lfmc": __version__,
        "code": code_hash(),
        **_commit(),
        "command": shlex.join(["lfmc", *sys.argv[1:]]),
        "settings": settings or {},
        "packages": _packages(),
        "python": platform.python_version(),
        "host": platform.node(),
        "job": _job(),
        "parallel": {**_ALONE, "nodes": [platform.node()], **_PARALLEL},
        "utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": {str(p): identity(p) for p in inputs},
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
    return f"lfmc {__version__} ({code_hash()[:12]})"


@lru_cache
def code_hash() -> str:
    """sha256 of the sources at work, names and bytes: one for a clone, its wheel and an install."""
    here = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in sorted(here.rglob("*.py")):
        name = path.relative_to(here)
        if name.parts[0] != "workflow":  # rules and tools; in a clone they are only linked here
            digest.update(name.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


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
    """Commit of the clone that this code is a part of; of an installed package there is none."""
    unknown = {"commit": "", "dirty": False}
    here = Path(__file__).resolve()
    run = ["git", "-C", str(here.parent)]
    try:
        # An environment often lies in somebody else's repository, whose commit says nothing here.
        tracked = subprocess.run([*run, "ls-files", "--error-unmatch", here.name], **_QUIET)
        if tracked.returncode:
            return unknown
        head = subprocess.run([*run, "rev-parse", "HEAD"], **_QUIET)
        state = subprocess.run([*run, "status", "--porcelain", "--untracked-files=no"], **_QUIET)
    except OSError:
        return unknown
    if head.returncode:
        return unknown
    return {"commit": head.stdout.strip(), "dirty": bool(state.stdout.strip())}
