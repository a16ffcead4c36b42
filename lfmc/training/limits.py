"""What ends a training before its targets: a limit, or that nothing more is learned."""

from collections.abc import Sequence
from typing import Any

from lfmc.flow_sections import Training
from lfmc.training.method import Method
from lfmc.training.plateau import on_plateau
from lfmc.training.state import TrainingState

# A training whose acceptance prints as 0.00 gives up when its checks lower the variance of log w by
# less than a tenth; and in any case after so many checks, of which the last are 6 % of all steps
# apart.
NOTHING, HARDLY, HOPELESS = 0.005, 0.1, 80


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
    return len(history) >= HOPELESS or on_plateau(history, least=HARDLY)
