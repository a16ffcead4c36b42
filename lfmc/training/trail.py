"""Models of earlier checks, for targets that are configured later.

A lower target may be configured when a training has passed it already. Its model must be, bit by
bit, that of a training which had the target from the start. So a check saves its model and the
previous one if any target (a whole per cent) may lie between the two. For each per cent the first
KEPT checks are saved, and at most BUDGET bytes in all. If a needed model is missing, the training
starts again: the bits are the same, and only time is lost.
"""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from lfmc.store import write_bytes
from lfmc.training.optimiser import Parameters
from lfmc.training.prior_fit import HIGHEST_TARGET
from lfmc.training.records import Point
from lfmc.training.state import TrainingState, read_tensors

KEPT = 4
LITTLE, ENOUGH = 0.1, HIGHEST_TARGET + 0.05
BUDGET = 2**28


class Pair(NamedTuple):
    """The models between which a target may lie: of the previous check, and of the check."""

    before: Parameters
    model: Parameters


class Trail:
    """The models of one training, one file per model."""

    def __init__(self, folder: Path, key: str) -> None:
        """Args: folder of the files, hash of the settings of the training."""
        self.folder, self.key = folder, key

    def keep(self, state: TrainingState, row: dict[str, Any], model: Parameters) -> None:
        """Save the models of a check and of the previous one, where a target may lie between.

        Args:
            state: before the check has changed it.
            row: the record of the check.
            model: parameters of the model of the check.
        """
        acceptance = max(row["acceptance_q"], row.get("acceptance_fitted", 0.0))
        highest = min(int(100 * (acceptance + row["acceptance_q_error"])), 99)
        seen = 1 + len(in_question(state.history, highest / 100))
        if highest < 1 or seen > KEPT:
            return
        state.kept[state.step] = state.before_step
        for step, parameters in ((state.before_step, state.before), (state.step, model)):
            path = self._path(step)
            if not self._read(path):
                buffer = io.BytesIO()
                torch.save({"key": self.key, "weights": parameters}, buffer)
                write_bytes(path, buffer.getvalue())
        self._within_budget()

    def in_question(
        self, state: TrainingState, target: float
    ) -> Iterator[tuple[Pair | None, Point, dict[str, Any]]]:
        """Yield the checks at which a target may have passed: models, previous check, record."""
        samples = {row["step"]: row["samples"] for row in state.history}
        for row in in_question(state.history, target):
            before = state.kept.get(row["step"], 0)
            point = Point(before, samples.get(before, 0))
            yield self._pair(state, row["step"]), point, row

    def _pair(self, state: TrainingState, step: int) -> Pair | None:
        """Return the models of a check; None if they were not saved."""
        if step not in state.kept:
            return None
        found = [self._read(self._path(at)) for at in (state.kept[step], step)]
        return Pair(found[0], found[1]) if all(found) else None

    def _path(self, step: int) -> Path:
        return self.folder / f"model-{step:08d}.pt"

    def _read(self, path: Path) -> Parameters:
        content = read_tensors(path) if path.exists() else None
        if not isinstance(content, dict) or content.get("key") != self.key:
            return {}
        parameters: Parameters = content.get("weights", {})
        return parameters

    def _within_budget(self) -> None:
        files = sorted(self.folder.glob("model-*.pt"))
        total = sum(path.stat().st_size for path in files)
        for path in files:
            if total <= BUDGET:
                break
            total -= path.stat().st_size
            path.unlink()


def in_question(history: Sequence[dict[str, Any]], target: float) -> list[dict[str, Any]]:
    """Return the records of the checks at which a target may have passed."""
    return [row for row in history if worth_deciding(row, target)]


def worth_deciding(row: dict[str, Any], target: float) -> bool:
    """Whether the acceptance of a check is not clearly below a target."""
    fitted = target < HIGHEST_TARGET and "acceptance_fitted" in row
    acceptance = row["acceptance_fitted" if fitted else "acceptance_q"]
    return bool(acceptance >= target - row["acceptance_q_error"])


def worth_fitting(history: Sequence[dict[str, Any]], acceptance: float) -> bool:
    """Whether to fit the prior of a check's model, whose acceptance without a fit is known.

    Not before there is something to fit, nor after fitted models have passed all targets for which
    the prior is fitted. It depends on the checks alone, not on the configured targets.
    """
    best = max((row.get("acceptance_fitted", 0.0) for row in history), default=0.0)
    return bool(acceptance >= LITTLE and best < ENOUGH)
