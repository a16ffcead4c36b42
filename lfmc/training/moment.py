"""When a model passes its target: both acceptances, and the moment between two checks."""

from typing import NamedTuple

import torch
from torch import Tensor

from lfmc.flows.base import Flow
from lfmc.training.acceptance import (
    Estimate,
    acceptance_from_model,
    acceptance_from_target,
    effective_sample_size,
)
from lfmc.training.step import log_weights

BISECTIONS = 7


class Verdict(NamedTuple):
    """How good a model is: acceptance from samples of q, from samples of p, and ESS/N."""

    model: Estimate
    target: Estimate
    ess: float


class Moment(NamedTuple):
    """Weights at the moment of passing, a fraction of the way between two checks."""

    fraction: float
    weights: dict[str, Tensor]
    verdict: Verdict


def judge(
    flow: Flow, fields: Tensor, samples: int, seed: int, target: float = 0.0
) -> Verdict | None:
    """Evaluate a flow in float64 with common random numbers, so that neighbours compare.

    Args:
        flow: in float64.
        fields: independent samples of p, (n, sites).
        samples: how many samples of q.
        seed: of the samples of q.
        target: acceptance that both estimates must reach.

    Returns:
        None if one of them stays below the target; the inverse map, which is slow, runs only if
        the samples of q have reached it.
    """
    generator = torch.Generator().manual_seed(seed)
    of_model = log_weights(flow, samples, generator).numpy()
    from_model = acceptance_from_model(of_model)
    if from_model.value < target:
        return None
    with torch.no_grad():
        of_target = torch.cat([flow.log_weight(part) for part in fields.split(2048)]).numpy()
    from_target = acceptance_from_target(of_target, of_model)
    if from_target.value < target:
        return None
    return Verdict(from_model, from_target, effective_sample_size(of_model))


def moment_of_passing(
    flow: Flow,
    before: dict[str, Tensor],
    after: dict[str, Tensor],
    target: float,
    fields: Tensor,
    samples: int,
    seed: int,
) -> Moment | None:
    """Where the line from one check's weights to the next one's passes the target; None if not.

    A model is wanted *at* its target: checks are some steps apart and acceptance can jump
    between them, so the crossing is bisected along the line. tau_int depends so steeply on
    acceptance that a per cent of it would show as a dynamical exponent.
    """

    def at(fraction: float) -> Moment | None:
        weights = {name: torch.lerp(before[name], after[name], fraction) for name in after}
        flow.load_state_dict(weights)
        verdict = judge(flow, fields, samples, seed, target)
        return None if verdict is None else Moment(fraction, weights, verdict)

    found, low = at(1.0), 0.0
    for _ in range(BISECTIONS if found else 0):
        assert found is not None
        middle = 0.5 * (low + found.fraction)
        passing = at(middle)
        if passing is None:
            low = middle
        else:
            found = passing
    return found
