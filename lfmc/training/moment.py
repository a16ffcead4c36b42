"""When a model passes its target: both acceptances, and the moment between two checks."""

from collections.abc import Callable
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

# A model passes when both estimates exceed its target by this many of their errors: the chain's
# own acceptance is then at least the target, nearly always.
SURE = 2.0
EVALUATIONS = 8
CLOSE = 1e-3


class Abandoned(Exception):
    """The decision was asked to stop before it was made."""


class Verdict(NamedTuple):
    """How good a model is: acceptance from samples of q, from samples of p, and ESS/N."""

    model: Estimate
    target: Estimate
    ess: float

    @property
    def sure(self) -> float:
        """Acceptance that both estimates exceed by SURE errors."""
        return min(e.value - SURE * e.error for e in (self.model, self.target))


class Moment(NamedTuple):
    """Weights at the moment of passing, a fraction of the way between two checks."""

    fraction: float
    weights: dict[str, Tensor]
    verdict: Verdict


def judge(flow: Flow, fields: Tensor, samples: int, seed: int) -> Verdict:
    """Evaluate a flow with common random numbers, so that neighbours compare.

    Args:
        flow: the model, in any precision.
        fields: independent samples of p, (n, sites), in the same precision.
        samples: how many samples of q.
        seed: of the samples of q.
    """
    generator = torch.Generator().manual_seed(seed)
    of_model = log_weights(flow, samples, generator).numpy()
    with torch.no_grad():
        parts = [flow.log_weight(part).double().cpu() for part in fields.split(2048)]
    return Verdict(
        acceptance_from_model(of_model),
        acceptance_from_target(torch.cat(parts).numpy(), of_model),
        effective_sample_size(of_model),
    )


def moment_of_passing(
    flow: Flow,
    before: dict[str, Tensor],
    after: dict[str, Tensor],
    target: float,
    fields: Tensor,
    samples: int,
    seed: int,
    stop: Callable[[], bool] = lambda: False,
) -> Moment | None:
    """Where the line from one check's weights to the next one's passes the target; None if not.

    A model is wanted *at* its target: checks are some steps apart and acceptance can jump
    between them, so the crossing is sought along the line, by the Illinois variant of false
    position. tau_int depends so steeply on acceptance that a per cent of it would show as a
    dynamical exponent.

    Raises:
        Abandoned: `stop`, asked before every evaluation, said so.
    """

    def at(fraction: float) -> Moment:
        if stop():
            raise Abandoned
        weights = {name: torch.lerp(before[name], after[name], fraction) for name in after}
        flow.load_state_dict(weights)
        return Moment(fraction, weights, judge(flow, fields, samples, seed))

    found = at(1.0)
    above = found.verdict.sure - target
    if above < 0:
        return None
    first = at(0.0)
    below = first.verdict.sure - target
    if below >= 0:
        return first
    low = 0.0
    for _ in range(EVALUATIONS):
        if found.verdict.sure - target < CLOSE:
            break
        fraction = (low * above - found.fraction * below) / (above - below)
        middle = at(fraction)
        excess = middle.verdict.sure - target
        if excess < 0:
            low, below, above = fraction, excess, 0.5 * above
        else:
            found, above, below = middle, excess, 0.5 * below
    return found
