"""When a model passes its target: both acceptances, and the moment between two checks."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lfmc.lattice import FloatArray
from lfmc.training.acceptance import (
    Estimate,
    acceptance_from_model,
    acceptance_from_target,
    effective_sample_size,
)

# A model passes when both estimates exceed its target by this many of their errors: the chain's
# own acceptance is then at least the target, nearly always.
SURE = 2.0
EVALUATIONS = 8  # with a COARSE-th of the samples
CORRECTIONS = 4  # with all
CLOSE = 1e-3
CLEAR = 0.01
ROUGH = 4e-3  # of the coarse search: its samples are off by more
COARSE = 8
FEWEST = 512


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
        return self.beyond(SURE)

    def beyond(self, errors: float) -> float:
        """Acceptance that both estimates exceed by so many errors."""
        return min(e.value - errors * e.error for e in (self.model, self.target))


Judge = Callable[[dict[str, Tensor], int], Verdict]


class Moment(NamedTuple):
    """Weights at the moment of passing, a fraction of the way between two checks."""

    fraction: float
    weights: dict[str, Tensor]
    verdict: Verdict


def verdict(of_model: FloatArray, of_target: FloatArray) -> Verdict:
    """Of a model's log weights: of samples of q, (n,), and of independent samples of p, (m,)."""
    return Verdict(
        acceptance_from_model(of_model),
        acceptance_from_target(of_target, of_model),
        effective_sample_size(of_model),
    )


def moment_of_passing(
    judge: Judge,
    before: dict[str, Tensor],
    after: dict[str, Tensor],
    target: float,
    stop: Callable[[], bool] = lambda: False,
) -> Moment | None:
    """Where the line from one check's weights to the next one's passes the target; None if not.

    A model is wanted *at* its target: checks are some steps apart and acceptance can jump
    between them. tau_int depends so steeply on acceptance that a per cent of it would show as a
    dynamical exponent. The crossing is sought along the line by the Illinois variant of false
    position with a COARSE-th of the samples, and then corrected with all of them.

    Args:
        judge: the verdict on weights, from so small a part of the samples (1: all); always from
            the same ones, so that neighbours compare.
        before, after: weights of the two checks.
        target: acceptance.
        stop: whether to leave it.

    Raises:
        Abandoned: `stop`, asked before every evaluation, said so.
    """

    def at(fraction: float, share: int = 1) -> Moment:
        if stop():
            raise Abandoned
        weights = {name: torch.lerp(before[name], after[name], fraction) for name in after}
        return Moment(fraction, weights, judge(weights, share))

    def excess(fraction: float) -> float:
        # As large an error as all samples would have: so it is what all would say, but for noise.
        return at(fraction, COARSE).verdict.beyond(SURE / COARSE**0.5) - target

    above = excess(1.0)
    # Not so far above the target that a COARSE-th of the samples settles it: all are asked.
    found = at(1.0) if above < CLEAR else None
    if found and found.verdict.sure < target:
        return None
    below = excess(0.0)
    if below >= 0:
        first = at(0.0)
        if first.verdict.sure >= target:
            return first
    fraction, slope = _crossing(excess, below, above)
    low, high = 0.0, 1.0
    before_it: tuple[float, float] | None = None
    for _ in range(CORRECTIONS):
        tried = at(fraction)
        over = tried.verdict.sure - target
        if over >= 0:
            found, high = tried, fraction
        else:
            low = fraction
        if 0 <= over < CLOSE:
            break
        if before_it:
            slope = max((over - before_it[1]) / (fraction - before_it[0]), CLOSE)
        before_it = fraction, over
        corrected = fraction + (0.5 * CLOSE - over) / slope
        fraction = corrected if low < corrected < high else 0.5 * (low + high)
    if found is None:
        last = at(1.0)
        found = last if last.verdict.sure >= target else None
    return found


def _crossing(excess: Callable[[float], float], below: float, above: float) -> tuple[float, float]:
    """Where an increasing function on [0, 1] with these ends is about zero, and its slope there."""
    low, high = 0.0, 1.0
    if below >= 0 or above <= 0:
        return (0.0 if below >= 0 else 1.0), max(above - below, CLOSE)
    seen = [(low, below), (high, above)]
    for _ in range(EVALUATIONS):
        middle = (low * above - high * below) / (above - below)
        value = excess(middle)
        seen.append((middle, value))
        if abs(value) < ROUGH:
            break
        if value < 0:
            low, below, above = middle, value, 0.5 * above
        else:
            high, above, below = middle, value, 0.5 * below
    # Of the two next to the crossing: the samples are common, so their noise is too.
    left, right = max(p for p in seen if p[1] < 0), min(p for p in seen if p[1] >= 0)
    return middle, max((right[1] - left[1]) / (right[0] - left[0]), CLOSE)
