"""A small run of the flow stages that several tests share."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import yaml

from lfmc.config import Config, parse_config
from lfmc.seal import HEAD, TAIL

# Seconds after which a process counts as hung. No claim: a loaded machine may be slow.
PATIENCE = 600

SMALL: dict[str, Any] = {
    "seed": 11,
    "results": "results",
    "ensembles": [
        {"name": "T4", "L": 4, "m2": -4.0, "lam": 9.0},
        {"name": "U4", "L": 4, "m2": -4.0, "lam": 8.0},
    ],
    "statistics": {"configurations": 6000, "replicas": 4, "keep_fields": 50},
    "flow": {
        "model": {"kind": "heatbath", "layers": 2, "table": 128},
        "training": {"batch": 128, "check_samples": 1024, "decide_samples": 2048},
    },
    "propose": {"block": 700},
    "accept": {"replicas": 3, "burn_in": 20},
}


def small(**changes: Any) -> Config:
    """The small configuration, sections replaced."""
    return parse_config({**SMALL, **changes})


def write_small(folder: Path, **changes: Any) -> Path:
    """The same as a file."""
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changes}))
    return path


def lfmc(*arguments: str) -> list[str]:
    """Command of a subprocess."""
    return [sys.executable, "-m", "lfmc.cli.main", *arguments]


def environment() -> dict[str, str]:
    """Of a subprocess: one thread, and mpiexec of the MPI wheel on the path."""
    here = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": f"{here}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}


def blocks_made(results: Path, ensemble: str, sampler: str) -> int:
    """Blocks of proposals that are finished, of a run that may be at work."""
    made = 0
    for part in (results / "propose" / ensemble / sampler).glob("part-*.h5"):
        with suppress(OSError), h5py.File(part, "r", locking=False) as file:
            made += int(file["blocks/checksum"][()].any(1).sum())
    return made


def forget_checksums(path: Path) -> None:
    """Make a file one of those that were written before files carried checksums."""
    data = path.read_bytes()
    for word in (HEAD, TAIL, b'"parts"'):
        data = data.replace(word, b"#" * len(word) if word != b'"parts"' else b'"other"')
    path.write_bytes(data)
