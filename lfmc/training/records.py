"""What is kept of a training: a record of every check and of every target that is passed."""

import math
from typing import Any, NamedTuple

from lfmc.config import Config
from lfmc.lattice import FloatArray
from lfmc.not_reached import NotReached
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


class Point(NamedTuple):
    """How far a training was at a check: steps done, and samples drawn for them."""

    step: int
    samples: int


def pass_record(
    target: float, found: Moment, before: Point, now: Point, seconds: float
) -> dict[str, Any]:
    """What a target took until the moment of passing, the verdict then, and the weights.

    Args:
        before, now: the checks between which the moment lies.
        seconds: used until it was decided, the decision included.
    """

    def until(earlier: int, later: int) -> float:
        return earlier + found.fraction * (later - earlier)

    return {
        "target": target,
        "steps": math.ceil(until(before.step, now.step)),
        "samples": round(until(before.samples, now.samples)),
        "seconds": seconds,
        "acceptance_q": found.verdict.model.value,
        "acceptance_q_error": found.verdict.model.error,
        "acceptance_p": found.verdict.target.value,
        "acceptance_p_error": found.verdict.target.error,
        "ess": found.verdict.ess,
        "weights": found.weights,
    }


def reached(config: Config, state: TrainingState) -> dict[str, dict[str, Any]]:
    """Name of a flow -> record of its target, of those that have passed."""
    records = {record["target"]: record for record in state.passed}
    pairs = zip(config.flow_names, config.flow.targets, strict=True)
    return {name: records[target] for name, target in pairs if target in records}


def same_model(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether the records of two targets have the same weights."""
    pairs = zip(one["weights"].values(), other["weights"].values(), strict=True)
    return all(bool((a == b).all()) for a, b in pairs)


def missed(config: Config, ensemble: str, state: TrainingState, limit: str) -> list[NotReached]:
    """The targets that have not passed, and what ended the training."""
    passed = reached(config, state)
    return [
        NotReached(ensemble, name, config.target(name), state.acceptance, limit)
        for name in config.flow_names
        if name not in passed
    ]


def row_of(
    config: Config, ensemble: str, flow: str, record: dict[str, Any], origin: dict[str, str]
) -> dict[str, Any]:
    """A row of training.csv: the cost of a target, in the units of the field."""
    head = {"ensemble": ensemble, "flow": flow, "seed": config.seed, **origin}
    found = {k: v for k, v in record.items() if k != "weights"}
    return head | found | {"reached": True, "limit": ""}


def records(
    config: Config,
    ensemble: str,
    state: TrainingState,
    origin: dict[str, str] | None = None,
    limit: str = "",
) -> list[dict[str, Any]]:
    """Rows of training.csv, one a target; of one that was not reached, what was spent for it.

    Args:
        origin: of `lfmc.training.train.Trainer`: start and clock.
        limit: what ended the training, if not its targets.
    """
    rows = {
        name: row_of(config, ensemble, name, record, origin or {})
        for name, record in reached(config, state).items()
    }
    for lost in missed(config, ensemble, state, limit):
        spent = {"steps": state.step, "samples": state.samples, "seconds": state.seconds}
        unknown = ("acceptance_q_error", "acceptance_p", "acceptance_p_error", "ess")
        record = {"target": lost.target, **spent, "acceptance_q": lost.acceptance}
        record |= dict.fromkeys(unknown, math.nan)
        row = row_of(config, ensemble, lost.sampler, record, origin or {})
        rows[lost.sampler] = row | {"reached": False, "limit": limit}
    return [rows[name] for name in config.flow_names]
