"""The complete state of a training run, and its checkpoint on disk."""

import io
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from lfmc.store import write_bytes
from lfmc.training.method import Weights

log = logging.getLogger(__name__)


@dataclass
class TrainingState:
    """Everything a step changes; saved whole, so that a resumed run has the same bits.

    Attributes:
        method: state of the method: weights, optimiser, random generator.
        before, before_step, before_samples, before_seconds: model when last found below the target;
            the model of a target lies on the line from there to the check that passes.
        next_check: step of the next check.
        step: steps done; samples: drawn for them.
        seconds: wall time so far times ranks, checks included, interruptions not.
        refused: batches refused because they were not finite; `in_a_row` of them just now.
        refined: number of checks when the method last went on more finely.
        best: best acceptance seen, and the model then, for rollbacks.
        passed: one record for each target passed.
        history: one record for each check.
    """

    method: dict[str, Any]
    before: Weights
    next_check: int
    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    before_step: int = 0
    before_samples: int = 0
    before_seconds: float = 0.0
    refused: int = 0
    in_a_row: int = 0
    refined: int = 0
    best: dict[str, Any] = field(default_factory=dict)
    passed: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)


def save_state(path: Path, key: str, state: TrainingState) -> None:
    """Write a checkpoint atomically, tied to the settings' hash."""
    buffer = io.BytesIO()
    torch.save({"key": key, **vars(state)}, buffer)
    write_bytes(path, buffer.getvalue())


def load_state(path: Path, key: str) -> TrainingState | None:
    """The checkpoint, or None if there is none of these settings. Runs no code of the file."""
    if not path.exists():
        return None
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
        found = content.pop("key")
    except Exception as error:  # torch raises many kinds for a torn file
        log.warning("%s is damaged (%s); training starts again", path, type(error).__name__)
        return None
    if found != key:
        log.warning("%s is of other settings; training starts again", path)
        return None
    return TrainingState(**content)
