"""Models of earlier checks, for targets that are asked for later.

A lower target lies behind a training that has gone on. So that its model is that of a training
which was asked for it from the start, bit by bit, a check keeps its model and the one before it,
where any target (they are whole per cents) may lie between the two. Of the checks in question for
one per cent the first KEPT are kept, and no more than BUDGET bytes in all. Where what is needed is
not there, the training starts again: the bits are the same, and only time is lost.
"""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from lfmc.store import write_bytes
from lfmc.training.optimiser import Weights
from lfmc.training.records import Point
from lfmc.training.state import TrainingState, read_tensors

KEPT = 4
BUDGET = 2**28


class Pair(NamedTuple):
    """The models between which a target may lie: of the check before, and of the check."""

    before: Weights
    model: Weights


class Trail:
    """The models of one training, a file each."""

    def __init__(self, folder: Path, key: str) -> None:
        """Args: folder of the files, hash of the settings that they belong to."""
        self.folder, self.key = folder, key

    def keep(self, state: TrainingState, row: dict[str, Any], model: Weights) -> None:
        """Keep the model of a check, and the one before it, where a target may lie between them.

        Args:
            state: before the check has changed it.
            row: the record of the check.
        """
        highest = min(int(100 * (row["acceptance_q"] + row["acceptance_q_error"])), 99)
        seen = 1 + len(in_question(state.history, highest / 100))
        if highest < 1 or seen > KEPT:
            return
        state.kept[state.step] = state.before_step
        for step, weights in ((state.before_step, state.before), (state.step, model)):
            path = self._path(step)
            if not self._read(path):
                buffer = io.BytesIO()
                torch.save({"key": self.key, "weights": weights}, buffer)
                write_bytes(path, buffer.getvalue())
        self._within_budget()

    def in_question(
        self, state: TrainingState, target: float
    ) -> Iterator[tuple[Pair | None, Point, dict[str, Any]]]:
        """The checks at which a target may have passed: models, check before, and record."""
        samples = {row["step"]: row["samples"] for row in state.history}
        for row in in_question(state.history, target):
            before = state.kept.get(row["step"], 0)
            point = Point(before, samples.get(before, 0))
            yield self._pair(state, row["step"]), point, row

    def _pair(self, state: TrainingState, step: int) -> Pair | None:
        """The models of a check; None if they were not kept."""
        if step not in state.kept:
            return None
        found = [self._read(self._path(at)) for at in (state.kept[step], step)]
        return Pair(found[0], found[1]) if all(found) else None

    def _path(self, step: int) -> Path:
        return self.folder / f"model-{step:08d}.pt"

    def _read(self, path: Path) -> Weights:
        content = read_tensors(path) if path.exists() else None
        if not isinstance(content, dict) or content.get("key") != self.key:
            return {}
        weights: Weights = content.get("weights", {})
        return weights

    def _within_budget(self) -> None:
        files = sorted(self.folder.glob("model-*.pt"))
        total = sum(path.stat().st_size for path in files)
        for path in files:
            if total <= BUDGET:
                break
            total -= path.stat().st_size
            path.unlink()


def in_question(history: Sequence[dict[str, Any]], target: float) -> list[dict[str, Any]]:
    """Records of the checks that a target is decided at, until it has passed."""
    return [row for row in history if worth_deciding(row, target)]


def worth_deciding(row: dict[str, Any], target: float) -> bool:
    """Whether the acceptance that a check has seen is not clearly below a target."""
    return bool(row["acceptance_q"] >= target - row["acceptance_q_error"])
