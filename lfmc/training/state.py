"""The complete state of a training run, and its checkpoint on disk."""

import io
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from lfmc.store import write_bytes
from lfmc.training.optimiser import Parameters

log = logging.getLogger(__name__)

FORMAT = 2
# Keys of the checkpoint that differ from the names of attributes.
KEYS = {"optimiser": "method", "compared": "asked"}


@dataclass
class TrainingState:
    """Everything a step changes; saved whole, so that a resumed run has the same bits.


    Attributes:
        optimiser: its state: parameters, moments of the gradient, random generator.
        before, before_step, before_samples: the model of the last check below the target. The
            model of a target lies on the line from it to the model of the check that passes.
        next_check: step of the next check.
        step, samples: number of steps, and of samples drawn for them.
        seconds: used so far by all ranks (`lfmc.training.team.Team.seconds`).
        refused: number of batches refused because they were not finite; `in_a_row` counts those
            since the last finite one.
        refined: number of checks when the optimiser was last refined.
        best: best acceptance so far and its model, for rollbacks.
        passed: one record per target that has passed, in ascending order.
        compared: targets with which every check so far was compared.
        history: one record per check.
        kept: step of a check -> step of the model before it, if `lfmc.training.trail` has both.
    """

    optimiser: dict[str, Any]
    before: Parameters
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
    compared: list[float] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    kept: dict[int, int] = field(default_factory=dict)

    @property
    def acceptance(self) -> float:
        """The best acceptance of a check, estimated from the model's own samples."""
        return float(self.best.get("acceptance", 0.0))


EMPTY = TrainingState({}, {}, 0)


def save_state(path: Path, key: str, state: TrainingState) -> None:
    """Write a checkpoint atomically, tied to the settings' hash."""
    buffer = io.BytesIO()
    content = {KEYS.get(name, name): value for name, value in vars(state).items()}
    torch.save({"format": FORMAT, "key": key, **content}, buffer)
    write_bytes(path, buffer.getvalue())


def load_state(path: Path, key: str) -> TrainingState | None:
    """Return the checkpoint, or None if none has these settings. Runs no code of the file."""
    if not path.exists():
        return None
    content = read_tensors(path)
    wrong = _wrong(content, key)
    if wrong:
        log.warning("%s %s; training starts again", path, wrong)
        return None
    return TrainingState(**{name: content[KEYS.get(name, name)] for name in vars(EMPTY)})


def _wrong(content: Any, key: str) -> str:
    """Return what is wrong with a checkpoint, in words; empty if it is complete."""
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
    return {KEYS.get(name, name): type(value) for name, value in vars(EMPTY).items()}


def read_tensors(path: Path) -> Any:
    """Read a file of `torch.save`; None if it is damaged. Runs no code of the file."""
    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # torch raises many kinds for a torn file
        log.info("%s: %s", path, error)
        return None
