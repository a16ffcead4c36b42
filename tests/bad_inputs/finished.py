"""A tiny run that is finished to its figures, made once and copied for every case."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from bad_inputs.cases import Case
from bad_inputs.runner import run_case

TINY: dict[str, Any] = {
    "seed": 11,
    "results": "results",
    "ensembles": [{"name": "T4", "L": 4, "m2": -4.0, "lam": 9.0}],
    "statistics": {"configurations": 1600, "save_every": 4, "replicas": 8, "keep_fields": 20},
    "samplers": {
        "hmc": {"steps": 4, "thermalisation": 50},
        "local": {"thermalisation": 50},
        "cluster": {"thermalisation": 50},
    },
    "flow": {
        "model": {"kind": "heatbath", "layers": 2, "table": 128},
        "targets": [0.6],
        "models": 1,
        "training": {"batch": 128, "check_samples": 1024, "decide_samples": 2048},
    },
    "propose": {"block": 500},
    "accept": {"replicas": 4, "burn_in": 20},
}
FLOW = "--ensemble T4 --sampler flow-60"
SAMPLERS = ("flow-60", "hmc", "local", "cluster")
COMMANDS = (
    *("tune --ensemble T4", "train --ensemble T4", f"propose {FLOW}", f"accept {FLOW}"),
    *(f"{sampler} --ensemble T4" for sampler in ("hmc", "local", "cluster")),
    *(
        f"{stage} --ensemble T4 --sampler {sampler}"
        for sampler in SAMPLERS
        for stage in ("measure", "autocorrelation", "verify")
    ),
    *("fit", "gates", "summary", "plot --all"),
)


def finish(
    folder: Path,
    content: dict[str, Any] = TINY,
    before: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> None:
    """Run every command, from the tuning to the figures.

    Args:
        content: of the configuration.
        before: command -> further commands to run before it.
    """
    (folder / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    for command in (c for last in COMMANDS for c in (*before.get(last, ()), last)):
        outcome = run_case(Case(command, command, (), right=True), folder)
        assert outcome.code == 0, f"lfmc {command}: {outcome.stderr}"


def copy_of(finished: Path, folder: Path) -> Path:
    """The finished run in a folder of its own."""
    return shutil.copytree(finished, folder / "run")
