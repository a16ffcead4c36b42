"""Whether a model passes its target, and where between two checks the target is passed."""

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

# A model passes if both estimates exceed its target by this many of their errors: the acceptance of
# the chain is then at least the target, nearly always.
SURE = 2.0
EVALUATIONS = 8  # with 1/COARSE of the samples
CORRECTIONS = 4  # with all samples
CLOSE = 1e-3
CLEAR = 0.01
ROUGH = 4e-3  # tolerance of the coarse search, below the noise of its samples
COARSE = 8
FEWEST = 512


class Abandoned(Exception):
    """The decision was stopped before it was made."""


class Verdict(NamedTuple):
    """Acceptance of a model from samples of q (model) and of p (target), and ESS/N."""

    model: Estimate
    target: Estimate
    ess: float

    @property
    def sure(self) -> float:
        """Acceptance that both estimates exceed by SURE errors."""
        return self.beyond(SURE)

    def beyond(self, errors: float) -> float:
        """Acceptance that both estimates exceed by this number of errors."""
        return min(e.value - errors * e.error for e in (self.model, self.target))


Evaluate = Callable[[dict[str, Tensor], int], Verdict]
Refine = Callable[[dict[str, Tensor]], dict[str, Tensor]]


def unchanged(parameters: dict[str, Tensor]) -> dict[str, Tensor]:
    """Models are decided on as they are."""
    return parameters


class Moment(NamedTuple):
    """The parameters at which a target passes, a fraction of the way between two checks."""

    fraction: float
    parameters: dict[str, Tensor]
    verdict: Verdict


def verdict(of_model: FloatArray, of_target: FloatArray) -> Verdict:
    """Estimate both acceptances from log weights of samples of q, (n,), and of p, (m,)."""
    return Verdict(
        acceptance_from_model(of_model),
        acceptance_from_target(of_target, of_model),
        effective_sample_size(of_model),
    )


def moment_of_passing(
    evaluate: Evaluate,
    before: dict[str, Tensor],
    after: dict[str, Tensor],
    target: float,
    stop: Callable[[], bool] = lambda: False,
    refine: Refine = unchanged,
) -> Moment | None:
    """Find where the line between two checks' parameters passes the target; None if nowhere.

    A model is needed *at* its target, but checks are some steps apart and acceptance can jump
    between them. tau_int depends so strongly on acceptance that one per cent of it would look like
    a dynamical exponent. The crossing is found along the line by the Illinois variant of false
    position with 1/COARSE of the samples, and then corrected with all of them.

    Args:
        evaluate: (parameters, n) -> verdict from one n-th of the samples. They are the same at
            every call, so that the noise of neighbouring points cancels.
        before, after: parameters of the two checks.
        target: acceptance.
        stop: called before every evaluation; true abandons the search.
        refine: applied to the parameters of every point before it is evaluated.

    Raises:
        Abandoned: `stop` was true.
    """

    def at(fraction: float, divisor: int = 1) -> Moment:
        if stop():
            raise Abandoned
        parameters = {name: torch.lerp(before[name], after[name], fraction) for name in after}
        refined = refine(parameters)
        return Moment(fraction, refined, evaluate(refined, divisor))

    def excess(fraction: float) -> float:
        # With the error that all samples would have: it agrees with their result up to noise.
        return at(fraction, COARSE).verdict.beyond(SURE / COARSE**0.5) - target

    above = excess(1.0)
    # Deciding on a target needs one evaluation fewer of the full sample if 1/COARSE is clear.
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
    """Find the zero of an increasing function on [0, 1] with these end values, and its slope."""
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
    # The slope between the two points next to the zero: their samples and noise are the same.
    left, right = max(p for p in seen if p[1] < 0), min(p for p in seen if p[1] >= 0)
    return middle, max((right[1] - left[1]) / (right[0] - left[0]), CLOSE)
