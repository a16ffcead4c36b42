"""What ends a training before its targets have passed: a limit, or a plateau."""

from collections.abc import Sequence
from typing import Any

from lfmc.config.training_sections import Training
from lfmc.training.optimiser import Optimiser
from lfmc.training.plateau import on_plateau
from lfmc.training.state import TrainingState

# A training whose acceptance prints as 0.00 ends when PATIENCE checks have lowered the loss by less
# than GAIN nats, and in any case after HOPELESS checks, the last ones 6 % of all steps apart. The
# numbers are large: at L = 12, m2 = -4, lam = 2 the first 30 checks lower neither the loss nor the
# variance of log w, yet the acceptance is 0.01 after 40 and 0.6 after 56.
NOTHING, PATIENCE, GAIN, HOPELESS = 0.005, 40, 1.0, 160


def what_ended(state: TrainingState, training: Training, optimiser: Optimiser) -> str:
    """Return what ends the training now, in words; empty if it continues, perhaps refined.

    It is called after a check, and may be called again before the next step.
    """
    if state.step >= training.max_steps:
        return f"flow.training.max_steps = {training.max_steps}"
    if state.seconds >= training.max_seconds:
        return f"flow.training.max_seconds = {training.max_seconds:g}"
    if hopeless(state.history):
        return f"nothing accepted in {len(state.history)} checks"
    if not on_plateau(state.history[state.refined :]):
        return ""
    if optimiser.refine():
        state.refined = len(state.history)
        return ""
    return "the loss stopped falling"


def hopeless(history: Sequence[dict[str, Any]]) -> bool:
    """Whether no check has found any acceptance, and none is to be expected."""
    if any(row["acceptance_q"] >= NOTHING for row in history):
        return False
    if len(history) < 2 * PATIENCE:
        return False
    losses = [float(row["loss"]) for row in history]
    gain = min(losses[:-PATIENCE]) - min(losses[-PATIENCE:])
    return gain < GAIN or len(history) >= HOPELESS
