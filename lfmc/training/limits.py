"""What ends a training before its targets: a limit, or that nothing more is learned."""

from collections.abc import Sequence
from typing import Any

from lfmc.config.flow_sections import Training
from lfmc.training.optimiser import Method
from lfmc.training.plateau import on_plateau
from lfmc.training.state import TrainingState

# A training whose acceptance prints as 0.00 gives up when PATIENCE checks have lowered the loss by
# less than GAIN nats, and in any case after HOPELESS of them, the last ones 6 % of all steps apart.
# Many: at L = 12, m2 = -4, lam = 2 the first 30 checks lower neither the loss nor the variance of
# log w, yet the acceptance is 0.01 after 40 and 0.6 after 56.
NOTHING, PATIENCE, GAIN, HOPELESS = 0.005, 40, 1.0, 160


def what_ended(state: TrainingState, training: Training, method: Method) -> str:
    """What ends the training now, in words; empty if it goes on, perhaps more finely.

    Asked after a check, it may be asked again before the next step.
    """
    if state.step >= training.max_steps:
        return f"flow.training.max_steps = {training.max_steps}"
    if state.seconds >= training.max_seconds:
        return f"flow.training.max_seconds = {training.max_seconds:g}"
    if hopeless(state.history):
        return f"nothing accepted in {len(state.history)} checks"
    if not on_plateau(state.history[state.refined :]):
        return ""
    if method.refine():
        state.refined = len(state.history)
        return ""
    return "the loss stopped falling"


def hopeless(history: Sequence[dict[str, Any]]) -> bool:
    """Whether no check has seen any acceptance, and none is to come."""
    if any(row["acceptance_q"] >= NOTHING for row in history):
        return False
    if len(history) < 2 * PATIENCE:
        return False
    losses = [float(row["loss"]) for row in history]
    gain = min(losses[:-PATIENCE]) - min(losses[-PATIENCE:])
    return gain < GAIN or len(history) >= HOPELESS
