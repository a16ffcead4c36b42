"""Records of a training: one per check and one per target that has passed."""

import math
from typing import Any, NamedTuple

from lfmc.config import Config
from lfmc.lattice import FloatArray
from lfmc.not_reached import NotReached
from lfmc.training.acceptance import Estimate, effective_sample_size
from lfmc.training.moment import Moment
from lfmc.training.state import TrainingState


def check_record(
    state: TrainingState, log_weight: FloatArray, acceptance: Estimate
) -> dict[str, Any]:
    """Return a row of history.csv, from the log weights of samples of the model, (n,)."""
    return {
        "step": state.step,
        "samples": state.samples,
        "seconds": round(state.seconds, 3),
        "loss": -float(log_weight.mean()),
        "loss_error": float(log_weight.std() / len(log_weight) ** 0.5),
        "log_weight_variance": float(log_weight.var()),
        "ess": effective_sample_size(log_weight),
        "acceptance_q": acceptance.value,
        "acceptance_q_error": acceptance.error,
        "refused": state.refused,
    }


class Point(NamedTuple):
    """The number of steps at a check, and of samples drawn for them."""

    step: int
    samples: int


def pass_record(
    target: float, found: Moment, before: Point, now: Point, seconds: float
) -> dict[str, Any]:
    """Return the record of a target: its cost, the acceptances, and the parameters.

    Args:
        before, now: the checks between which the target passed.
        seconds: used until this was decided, the decision included.
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
        "weights": found.parameters,
    }


def reached(config: Config, state: TrainingState) -> dict[str, dict[str, Any]]:
    """Return the records of the targets that have passed, by the names of the flows."""
    records = {record["target"]: record for record in state.passed}
    pairs = zip(config.flow_names, config.flow.targets, strict=True)
    return {name: records[target] for name, target in pairs if target in records}


def same_model(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether the records of two targets have the same parameters."""
    pairs = zip(one["weights"].values(), other["weights"].values(), strict=True)
    return all(bool((a == b).all()) for a, b in pairs)


def missed(config: Config, ensemble: str, state: TrainingState, limit: str) -> list[NotReached]:
    """Return the targets that have not passed, with what ended the training."""
    passed = reached(config, state)
    return [
        NotReached(ensemble, name, config.target(name), state.acceptance, limit)
        for name in config.flow_names
        if name not in passed
    ]


def row_of(
    config: Config, ensemble: str, flow: str, record: dict[str, Any], origin: dict[str, str]
) -> dict[str, Any]:
    """Return a row of training.csv: the cost of a target."""
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
    """Return the rows of training.csv, one per target; unreached ones have the whole cost.

    Args:
        origin: start and clock of `lfmc.training.train.Trainer`.
        limit: what ended the training before all targets had passed.
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
