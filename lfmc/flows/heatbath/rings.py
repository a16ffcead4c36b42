"""Maps that couple the sites of a ring with their neighbours, with exact Jacobian.

Sites i and i+1 of a ring share an edge i that sees their sum and a field t of its own:

    x'_i = x_i + F_i(x_i + x_(i+1) + t_i) + F_(i-1)(x_(i-1) + x_i + t_(i-1))

with F_i(u) = sum_m c_m tanh(beta_m (u + t_im)) / beta_m. It is the gradient of a convex function if
the negative c_m add up to more than -1/4, so it is one to one; its Jacobian is symmetric, positive
and tridiagonal but for its corners, and a Cholesky factor costs a few operations a site.

Fields have the ring first: (sites, ..., batch); all other dimensions are independent rings.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from lfmc.errors import LfmcError
from lfmc.flows.monotone import LARGEST_ERROR, SMALLEST_SLOPE, Mapped, strength

NEWTON_STEPS, HALVINGS = 100, 40
# After so many steps a map is so steep that steps of rounding are not small: its residue decides.
STEEP = 12
# Of the squared residue, by each step and in units of its share: Armijo, Pac. J. Math. 16 (1966) 1.
DECREASE = 1e-3


class Edges(NamedTuple):
    """What the edges of rings know.

    Attributes:
        fields: t_im, (sites, terms, ..., batch).
        strength: c_m, broadcastable to `fields`, of sum above -1/4.
        sharpness: beta_m > 0, broadcastable to `fields`.
    """

    fields: Tensor
    strength: Tensor
    sharpness: Tensor

    def moved(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """New sites x', and the slope of F_i at every edge, (sites, ..., batch) each."""
        t = torch.tanh(self.sharpness * ((x + x.roll(-1, 0))[:, None] + self.fields))
        force = (self.strength / self.sharpness * t).sum(1)
        return x + force + force.roll(1, 0), (self.strength * (1 - t * t)).sum(1)


def bounded(raw: Tensor) -> Tensor:
    """Unconstrained numbers (terms, ...) -> c_m of a map that is one to one; 0 -> 0."""
    return strength(raw) / (4 * len(raw))


class Factor(NamedTuple):
    """Cholesky factor L D L^T of the Jacobian of rings of n sites.

    Attributes:
        diagonal: D, n entries.
        lower: below the diagonal, n - 2 entries.
        corner: last row, n - 1 entries; the last one is also below the diagonal.
    """

    diagonal: list[Tensor]
    lower: list[Tensor]
    corner: list[Tensor]


def factorise(slope: Tensor) -> Factor:
    """Of J = 1 + S^T diag(slope) S, S the sum of neighbours; slopes (sites, ..., batch)."""
    f = slope.unbind(0)
    n = len(f)
    if n == 1:
        return Factor([1 + 4 * f[0]], [], [])
    diagonal = list((1 + slope + slope.roll(1, 0)).unbind(0))
    lower: list[Tensor] = []
    corner: list[Tensor] = []
    row, last = f[-1], diagonal[-1]
    for i in range(n - 1):
        if i == n - 2:
            row = row + f[i]
        ratio = row / diagonal[i]
        corner.append(ratio)
        last = last - ratio * row
        if i < n - 2:
            below = f[i] / diagonal[i]
            lower.append(below)
            diagonal[i + 1] = diagonal[i + 1] - below * f[i]
            row = -below * row
    diagonal[-1] = last
    return Factor(diagonal, lower, corner)


def solve(factor: Factor, value: Tensor) -> Tensor:
    """J^-1 value, (sites, ..., batch)."""
    x = list(value.unbind(0))
    n = len(x)
    for i in range(n - 1):
        if i < n - 2:
            x[i + 1] = x[i + 1] - factor.lower[i] * x[i]
        x[-1] = x[-1] - factor.corner[i] * x[i]
    x = [a / d for a, d in zip(x, factor.diagonal, strict=True)]
    for i in reversed(range(n - 1)):
        x[i] = x[i] - factor.corner[i] * x[-1]
        if i < n - 2:
            x[i] = x[i] - factor.lower[i] * x[i + 1]
    return torch.stack(x)


def ring_map(x: Tensor, edges: Edges) -> Mapped:
    """New sites, and the log determinant of each ring, (..., batch)."""
    value, slope = edges.moved(x)
    diagonal = torch.stack(factorise(slope).diagonal)
    return Mapped(value, torch.log(diagonal).sum(0))


def ring_newton(value: Tensor, x: Tensor, edges: Edges) -> Tensor:
    """One Newton step from x, which solves ring_map(.) = value up to rounding.

    As `monotone.newton_step`: its derivatives are those of the solution.
    """
    fixed = x.detach()
    found, slope = edges.moved(fixed)
    step: Tensor = _Solve.apply(found - value, slope.detach())
    return fixed - step


def inverse_ring_map(value: Tensor, edges: Edges) -> Tensor:
    """Solve ring_map(.) = value by Newton steps, halved on a ring until its residue shrinks.

    The map is the gradient of a convex function, so that a small enough share of a step always
    makes the residue smaller; a step that leaves it as it was may be one of a cycle.

    Returns:
        x to rounding; NaN on rings where the map is no number.

    Raises:
        LfmcError: a ring that is not solved to `monotone.LARGEST_ERROR`.
    """
    x = value
    found, slope = edges.moved(x)
    residue = found - value
    tolerance = 8 * torch.finfo(value.dtype).eps
    rounding = tolerance**2 * (1 + value.square().sum(0))
    for number in range(NEWTON_STEPS):
        step = solve(factorise(slope), residue)
        square = residue.square().sum(0)
        share = torch.ones_like(square)
        # Where nothing but rounding is left, any step is as good.
        last = ~(step.abs() > tolerance * (1 + x.abs())).any(0)
        if number >= STEEP:
            last = last | ~(square > rounding)
        for _ in range(HALVINGS):
            tried = x - share * step
            found, slope = edges.moved(tried)
            left = found - value
            worse = left.square().sum(0) > square * (1 - DECREASE * share)
            worse = worse & ~last
            if not bool(worse.any()):
                break
            share = torch.where(worse, 0.5 * share, share)
        x, residue = tried, left
        if bool(last.all()):
            break
    return _checked(x, residue, value)


def _checked(x: Tensor, residue: Tensor, value: Tensor) -> Tensor:
    """x where its error is below `LARGEST_ERROR`, NaN where the residue is no number."""
    eps = torch.finfo(value.dtype).eps
    # No eigenvalue of the Jacobian is below SMALLEST_SLOPE.
    error = residue.detach().square().sum(0).sqrt() / SMALLEST_SLOPE
    allowed = max(LARGEST_ERROR, 1e4 * eps) * (1 + x.detach().abs().amax(0))
    wrong = error > allowed
    if bool(wrong.any()):
        raise LfmcError(
            f"the inverse of the maps along rings is off by {float(error[wrong].max()):.1e} for "
            f"{int(wrong.sum())} of {wrong.numel()} rings: they are too steep for their precision"
        )
    return torch.where(torch.isnan(error), torch.full_like(x, torch.nan), x)


class _Solve(torch.autograd.Function):
    """J^-1 as a linear map; J is symmetric, so its transpose is itself."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, slope: Tensor) -> Tensor:
        factor = factorise(slope)
        ctx.factor = factor
        return solve(factor, value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return solve(ctx.factor, gradients[0]), None
