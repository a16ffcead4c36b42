"""Monotone maps of the line and their numerical inverse."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lfmc.errors import LfmcError

# A slope is never below this, so that the inverse is well conditioned.
SMALLEST_SLOPE = 0.05
# `strength` is softplus(raw + SHIFT) - BOUND, which is 0 at 0 and above -BOUND.
BOUND = 1 - SMALLEST_SLOPE
SHIFT = math.log(math.expm1(BOUND))
# Steps of a root search before every other one is a bisection, and how many of these there are: a
# bracket shrinks by 2^-80 at least.
NEWTON_STEPS, BISECTIONS = 10, 80
# Of a root, in units of 1 + |root|; what is worse is refused.
LARGEST_ERROR = 5e-10


class Mapped(NamedTuple):
    """Value and log of the derivative, both of the argument's shape."""

    value: Tensor
    ladj: Tensor


def strength(raw: Tensor) -> Tensor:
    """Unconstrained number -> alpha > -1 + SMALLEST_SLOPE; 0 -> 0."""
    return softplus(raw + SHIFT) - BOUND


def tanh_map(y: Tensor, alpha: Tensor, beta: Tensor) -> Mapped:
    """y + alpha tanh(beta y) / beta: odd, slope 1 + alpha at the origin and 1 far away.

    With alpha > 0 it flattens a density's top and shortens its tails, as a quartic potential
    asks; monotone for alpha > -1, beta > 0.
    """
    t = torch.tanh(beta * y)
    return Mapped(y + alpha * t / beta, torch.log1p(alpha * (1 - t * t)))


def inverse_tanh_map(value: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """Solve tanh_map(y) = value; |value - y| <= |alpha| / beta brackets the root."""
    reach = (alpha.abs() / beta).expand_as(value)

    def function(y: Tensor) -> tuple[Tensor, Tensor]:
        mapped = tanh_map(y, alpha, beta)
        return mapped.value, torch.exp(mapped.ladj)

    return solve_increasing(function, value, value - reach, value + reach)


def newton_step(value: Tensor, alpha: Tensor, beta: Tensor, y: Tensor) -> Tensor:
    """One Newton step towards tanh_map(.) = value from y, which solves it up to rounding.

    The step is as good as zero, but its derivatives with respect to value, alpha and beta are those
    of the root: automatic differentiation of an iteration would need many passes for that.
    """
    mapped = tanh_map(y.detach(), alpha, beta)
    return y.detach() - (mapped.value - value) / torch.exp(mapped.ladj.detach())


def solve_increasing(
    function: Callable[[Tensor], tuple[Tensor, Tensor]], value: Tensor, low: Tensor, high: Tensor
) -> Tensor:
    """Root of an increasing function by Newton steps, bisecting where one leaves the bracket.

    Newton's method may end in a cycle. A root that is not found after NEWTON_STEPS is therefore
    bisected at every other step, so that its bracket shrinks geometrically. Roots that are found
    do not change any more.

    Args:
        function: y -> (f(y), f'(y)), elementwise.
        value: wanted f(y).
        low, high: bracket of the root, elementwise.

    Returns:
        y to rounding; NaN where the function or a limit is no number.

    Raises:
        LfmcError: a root is not found to `LARGEST_ERROR`, as where f is steep beyond float64.
    """
    y = 0.5 * (low + high)
    tolerance = 2 * torch.finfo(y.dtype).eps
    arrived = torch.zeros_like(y, dtype=torch.bool)
    for step in range(NEWTON_STEPS + 2 * BISECTIONS):
        f, slope = function(y)
        residue = f - value
        high = torch.where(residue > 0, y, high)
        low = torch.where(residue > 0, low, y)
        newton, middle = y - residue / slope, 0.5 * (low + high)
        inside = (newton >= low) & (newton <= high)
        if step >= NEWTON_STEPS and step % 2 == 0:
            following = torch.where(arrived, y, middle)
        else:
            following = torch.where(inside, newton, middle)
            if step >= NEWTON_STEPS:
                following = torch.where(arrived, y, following)
        # What is no number has arrived too: it is NaN in the end.
        arrived = ~((following - y).abs() > tolerance * (1 + y.abs()))
        y = following
        if torch.all(arrived):
            break
    return checked(function, value, y)


def errors(function: Callable[[Tensor], tuple[Tensor, Tensor]], value: Tensor, y: Tensor) -> Tensor:
    """How far y is off the root of f(y) = value, in units of 1 + |y|; NaN where f is no number."""
    f, slope = function(y.detach())
    # The rounding of f, of the order of the value's, is an error of y too.
    rounding = 4 * torch.finfo(y.dtype).eps
    error = ((f - value).abs() + rounding * value.abs()) / (slope * (1 + y.abs()))
    return torch.where(slope > 0, error, torch.where(slope <= 0, torch.inf, torch.nan)).detach()


def checked(
    function: Callable[[Tensor], tuple[Tensor, Tensor]], value: Tensor, y: Tensor
) -> Tensor:
    """y where f(y) = value, NaN where f(y) is no number.

    Args:
        function, value: as of `solve_increasing`.
        y: what should be the root.

    Raises:
        LfmcError: an error above `LARGEST_ERROR`.
    """
    error = errors(function, value, y)
    wrong = error > max(LARGEST_ERROR, 256 * torch.finfo(y.dtype).eps)
    if bool(wrong.any()):
        raise LfmcError(
            f"the inverse of a monotone map is off by {float(error[wrong].max()):.1e} for "
            f"{int(wrong.sum())} of {wrong.numel()} numbers: it is too steep for its precision"
        )
    return torch.where(torch.isnan(error), torch.nan, y)
