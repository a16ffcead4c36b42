"""The complete state of a training run, and its checkpoint on disk."""

import io
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from lfmc.store import write_bytes
from lfmc.training.optimiser import Weights

log = logging.getLogger(__name__)

FORMAT = 2


@dataclass
class TrainingState:
    """Everything a step changes; saved whole, so that a resumed run has the same bits.

    Attributes:
        method: state of the method: weights, optimiser, random generator.
        before, before_step, before_samples: model when last found below the target; the model of a
            target lies on the line from there to the check that passes.
        next_check: step of the next check.
        step: steps done; samples: drawn for them.
        seconds: used so far by all ranks (`lfmc.training.team.Team.seconds`).
        refused: batches refused because they were not finite; `in_a_row` of them just now.
        refined: number of checks when the method last went on more finely.
        best: best acceptance seen, and the model then, for rollbacks.
        passed: one record for each target passed, ascending.
        asked: targets that every check so far was held against.
        history: one record for each check.
        kept: step of a check -> step of the model before it, where `lfmc.training.trail` has both.
    """

    method: dict[str, Any]
    before: Weights
    next_check: int
    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    before_step: int = 0
    before_samples: int = 0
    refused: int = 0
    in_a_row: int = 0
    refined: int = 0
    best: dict[str, Any] = field(default_factory=dict)
    passed: list[dict[str, Any]] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    kept: dict[int, int] = field(default_factory=dict)

    @property
    def acceptance(self) -> float:
        """The best that a check has seen, from the model's own samples."""
        return float(self.best.get("acceptance", 0.0))


def save_state(path: Path, key: str, state: TrainingState) -> None:
    """Write a checkpoint atomically, tied to the settings' hash."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "key": key, **vars(state)}, buffer)
    write_bytes(path, buffer.getvalue())


def load_state(path: Path, key: str) -> TrainingState | None:
    """The checkpoint, or None if there is none of these settings. Runs no code of the file."""
    if not path.exists():
        return None
    content = read_tensors(path)
    wrong = _wrong(content, key)
    if wrong:
        log.warning("%s %s; training starts again", path, wrong)
        return None
    return TrainingState(**{name: content[name] for name in _types()})


def _wrong(content: Any, key: str) -> str:
    """What is wrong with a checkpoint, in words; empty if nothing is."""
    if not isinstance(content, dict):
        return "is damaged"
    if content.get("format", 1) != FORMAT:
        return "is of another version of lfmc"
    if content.get("key") != key:
        return "is of other settings"
    types = _types()
    if set(content) != {"format", "key", *types}:
        return "is of another version of lfmc"
    damaged = any(type(content[name]) is not kind for name, kind in types.items())
    return "is damaged" if damaged else ""


def _types() -> dict[str, type]:
    return {name: type(value) for name, value in vars(TrainingState({}, {}, 0)).items()}


def read_tensors(path: Path) -> Any:
    """What `torch.save` wrote, None if it is damaged. Runs no code of the file."""
    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # torch raises many kinds for a torn file
        log.info("%s: %s", path, error)
        return None
