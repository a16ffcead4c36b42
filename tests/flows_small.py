"""A small run of the flow stages that several tests share."""

import os
import sys
from pathlib import Path
from typing import Any

import yaml

from lfmc.config import Config, parse_config

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
