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

PACKAGES = ("numpy", "scipy", "h5py", "numba", "pandas", "torch", "pyerrors", "mpi4py")


def provenance(
    settings: dict[str, Any] | None = None, inputs: tuple[str | Path, ...] = ()
) -> dict[str, Any]:
    """Version, commit, command, settings with hash, packages, host, UTC time, input hashes."""
    return {
        "lfmc": __version__,
        **_commit(),
        "command": shlex.join(["lfmc", *sys.argv[1:]]),
        "settings": settings or {},
        "packages": _packages(),
        "python": platform.python_version(),
        "host": platform.node(),
        "slurm_job": os.environ.get("SLURM_JOB_ID", ""),
        "utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": {str(p): file_hash(p) for p in inputs},
    }


def stamp(settings: dict[str, Any] | None = None, inputs: tuple[str | Path, ...] = ()) -> str:
    """`provenance` as one line of JSON."""
    return json.dumps(provenance(settings, inputs), sort_keys=True)


def file_hash(path: str | Path) -> str:
    """sha256 of a file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
