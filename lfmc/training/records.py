"""What is kept of a training: a record of every check and of every target that is passed."""

import math
from typing import Any

from lfmc.config import Config
from lfmc.lattice import FloatArray
from lfmc.training.acceptance import Estimate, effective_sample_size
from lfmc.training.moment import Moment
from lfmc.training.state import TrainingState


def check_record(state: TrainingState, log_w: FloatArray, acceptance: Estimate) -> dict[str, Any]:
    """A row of history.csv, from the log weights of samples of the model, (n,)."""
    return {
        "step": state.step,
        "samples": state.samples,
        "seconds": round(state.seconds, 3),
        "loss": -float(log_w.mean()),
        "loss_error": float(log_w.std() / len(log_w) ** 0.5),
        "log_weight_variance": float(log_w.var()),
        "ess": effective_sample_size(log_w),
        "acceptance_q": acceptance.value,
        "acceptance_q_error": acceptance.error,
        "refused": state.refused,
    }


def pass_record(state: TrainingState, target: float, found: Moment) -> dict[str, Any]:
    """What a target took until the moment of passing, the verdict then, and the weights."""

    def between(before: float, now: float) -> float:
        return before + found.fraction * (now - before)

    return {
        "target": target,
        "steps": math.ceil(between(state.before_step, state.step)),
        "samples": round(between(state.before_samples, state.samples)),
        "seconds": between(state.before_seconds, state.seconds),
        "acceptance_q": found.verdict.model.value,
        "acceptance_q_error": found.verdict.model.error,
        "acceptance_p": found.verdict.target.value,
        "acceptance_p_error": found.verdict.target.error,
        "ess": found.verdict.ess,
        "weights": found.weights,
    }


def records(config: Config, ensemble: str, state: TrainingState) -> list[dict[str, Any]]:
    """Rows of training.csv: the cost of every target, in the units of the field."""
    return [
        {"ensemble": ensemble, "flow": name, "seed": config.seed}
        | {"start": config.flow.start.get(ensemble, "")}
        | {k: v for k, v in passed.items() if k != "weights"}
        for name, passed in zip(config.flow_names, state.passed, strict=False)
    ]
