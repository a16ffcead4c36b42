"""Maps of unit vectors by parameters of their own, (..., N) each, with log Jacobians.

The measure is the area of the sphere.
"""

from typing import NamedTuple

import torch
from torch import Tensor

Pole = tuple[int, int]  # axis and sign


class Moved(NamedTuple):
    """Unit vectors (..., N), and the log Jacobian of the *forward* map at each, (...)."""

    n: Tensor
    log_slope: Tensor


def boost(n: Tensor, v: Tensor) -> Moved:
    """The boost by v (..., N) of any length; its inverse is the boost by -v.

    n -> [n + v (1 + v.n/(1 + g))] / (g + v.n) with g = sqrt(1 + v^2), Jacobian (g + v.n)^(1-N).
    With w = -v/(1 + g) it is the Moebius map (1 - w^2)(n - w)/|n - w|^2 - w of Rezende et al.,
    arXiv:2002.02428.
    """
    g = torch.sqrt(1 + (v * v).sum(-1, keepdim=True))
    along = (v * n).sum(-1, keepdim=True)
    moved = (n + v * (1 + along / (1 + g))) / (g + along)
    return Moved(moved, (1 - n.shape[-1]) * torch.log(g + along)[..., 0])


def inverse_boost(n: Tensor, v: Tensor) -> Moved:
    """The vectors before `boost` by v."""
    before, log_slope = boost(n, -v)
    return Moved(before, -log_slope)


def projected(n: Tensor, pole: Pole) -> Tensor:
    """Stereographic projection from a pole: (..., N) -> (..., N - 1), infinite at the pole."""
    axis, sign = pole
    rest = torch.cat([n[..., :axis], n[..., axis + 1 :]], -1)
    return rest / (1 - sign * n[..., axis : axis + 1])


def lifted(y: Tensor, pole: Pole) -> Tensor:
    """The unit vectors with these projections."""
    axis, sign = pole
    square = (y * y).sum(-1, keepdim=True)
    rest = 2 * y / (1 + square)
    height = sign * (square - 1) / (square + 1)
    return torch.cat([rest[..., :axis], height, rest[..., axis:]], -1)


def stereographic(n: Tensor, s: Tensor, t: Tensor, pole: Pole) -> Moved:
    """y -> y exp(s) + t of the projection y, s and t (..., N - 1), after Gemici et al.,
    arXiv:1611.02304.

    The area is (2/(1 + y^2))^(N-1) dy, so a vector at the pole is NaN, which is refused.
    """
    y = projected(n, pole)
    after = y * torch.exp(s) + t
    return Moved(lifted(after, pole), s.sum(-1) + _areas(y, after))


def inverse_stereographic(n: Tensor, s: Tensor, t: Tensor, pole: Pole) -> Moved:
    """The vectors before `stereographic`."""
    after = projected(n, pole)
    y = (after - t) * torch.exp(-s)
    return Moved(lifted(y, pole), s.sum(-1) + _areas(y, after))


def _areas(before: Tensor, after: Tensor) -> Tensor:
    """log of the ratio of the areas of dy after and before a map."""
    squares = torch.log1p((before * before).sum(-1)) - torch.log1p((after * after).sum(-1))
    return before.shape[-1] * squares
