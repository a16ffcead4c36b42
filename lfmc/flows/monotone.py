"""Monotone maps of the line and their numerical inverse."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

# A slope is never below this, so that the inverse is well conditioned.
SMALLEST_SLOPE = 0.05
# `strength` is softplus(raw + SHIFT) - FLOOR, which takes 0 to 0.
FLOOR = 1 - SMALLEST_SLOPE
SHIFT = math.log(math.expm1(FLOOR))


class Mapped(NamedTuple):
    """Value and log of the derivative, both of the argument's shape."""

    value: Tensor
    ladj: Tensor


def strength(raw: Tensor) -> Tensor:
    """Unconstrained number -> alpha > -1 + SMALLEST_SLOPE; 0 -> 0."""
    return softplus(raw + SHIFT) - FLOOR


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
    of the root: what automatic differentiation of an iteration would take many passes for.
    """
    mapped = tanh_map(y.detach(), alpha, beta)
    return y.detach() - (mapped.value - value) / torch.exp(mapped.ladj.detach())


def solve_increasing(
    function: Callable[[Tensor], tuple[Tensor, Tensor]],
    value: Tensor,
    low: Tensor,
    high: Tensor,
    steps: int = 60,
) -> Tensor:
    """Root of an increasing function by Newton steps, bisecting where one leaves the bracket.

    Args:
        function: y -> (f(y), f'(y)), elementwise.
        value: wanted f(y).
        low, high: bracket of the root, elementwise.

    Returns:
        y to rounding; sixty bisections alone reach it from any bracket.
    """
    y = 0.5 * (low + high)
    tolerance = 2 * torch.finfo(y.dtype).eps
    for _ in range(steps):
        f, slope = function(y)
        residue = f - value
        high = torch.where(residue > 0, y, high)
        low = torch.where(residue > 0, low, y)
        newton = y - residue / slope
        inside = (newton >= low) & (newton <= high)
        following = torch.where(inside, newton, 0.5 * (low + high))
        if torch.all((following - y).abs() <= tolerance * (1 + y.abs())):
            return following
        y = following
    return y
