"""The exact conditional of single sites as differentiable maps: log Z(J) and the quantile."""

from typing import Any

import torch
from torch import Tensor, nn

from lfmc.flows.heatbath.site_tables import FLATTEST, LARGEST_NORMAL, STEEPEST, SiteTables
from lfmc.flows.monotone import Mapped, solve_increasing


class SiteConditional(nn.Module):
    """Cubic Hermite interpolation of `SiteTables`, with the interpolant's own derivatives.

    It increases with u everywhere, whatever the tables resolve of a barrier between two wells.
    """

    log_z_cubic: Tensor
    mean_cubic: Tensor
    quantile: Tensor

    def __init__(self, tables: SiteTables) -> None:
        super().__init__()
        self.j_step, self.u_step = tables.j_step, tables.u_step
        value, slope, curvature = torch.tensor(tables.log_z).unbind(2)
        h = tables.j_step
        self.register_buffer("log_z_cubic", _cubic(value, slope * h), persistent=False)
        self.register_buffer("mean_cubic", _cubic(slope, curvature * h), persistent=False)
        self.register_buffer("quantile", torch.tensor(tables.quantile), persistent=False)

    def log_z(self, j: Tensor) -> Tensor:
        """log Z(J), elementwise; its gradient is d log Z / dJ = 2 h <phi>_J."""
        result: Tensor = _LogZ.apply(j, self.log_z_cubic, self.mean_cubic, self.j_step)
        return result

    def map(self, u: Tensor, j: Tensor) -> Mapped:
        """Normal scores u and neighbour sums J -> phi and log dphi/du of the map as computed.

        Beyond the table, u continues linearly and J stays at its last node: less good a
        proposal there, but log q stays exact.
        """
        sign = torch.where(j < 0, -1.0, 1.0).to(u.dtype)
        value, slope = self._positive(u * sign, j.abs(), self._side(j))
        return Mapped(value * sign, torch.log(slope))

    def inverse(self, phi: Tensor, j: Tensor) -> Mapped:
        """phi and J -> normal scores u, and log dphi/du there."""
        sign = torch.where(j < 0, -1.0, 1.0).to(phi.dtype)
        size, target, side = j.abs(), phi * sign, self._side(j)

        def function(u: Tensor) -> tuple[Tensor, Tensor]:
            return self._positive(u, size, side)

        edge = torch.full_like(phi, LARGEST_NORMAL)
        # Outside the table the map is linear, so a bracket there is exact too.
        low, low_slope = self._positive(-edge, size, side)
        high, high_slope = self._positive(edge, size, side)
        lower = -edge - torch.relu(low - target) / low_slope - 1e-9
        upper = edge + torch.relu(target - high) / high_slope + 1e-9
        u = solve_increasing(function, target, lower, upper)
        return Mapped(u * sign, torch.log(function(u)[1]))

    def _side(self, j: Tensor) -> Tensor | int:
        """Which table: the second one, of the mirrored potential, is for J < 0."""
        return (j.detach() < 0).long() if len(self.quantile) > 1 else 0

    def _positive(self, u: Tensor, j: Tensor, side: Tensor | int) -> tuple[Tensor, Tensor]:
        """phi(u; J) and its slope in u, for J >= 0."""
        _, nodes_u, nodes_j, _ = self.quantile.shape
        tj = j / self.j_step
        cj = _cell(tj, nodes_j - 2)
        tj = (tj - cj).clamp(max=1.0)
        inside = u.clamp(-LARGEST_NORMAL, LARGEST_NORMAL)
        tu = (inside + LARGEST_NORMAL) / self.u_step
        cu = _cell(tu, nodes_u - 2)
        tu = tu - cu
        row = side * nodes_u + cu
        left = self._along_j(row, cj, tj)
        right = self._along_j(row + 1, cj, tj)
        secant = right[0] - left[0]
        slopes = [
            torch.minimum(
                torch.maximum(side[1] * self.u_step, FLATTEST * secant), STEEPEST * secant
            )
            for side in (left, right)
        ]
        value, slope = _hermite(left[0], slopes[0], right[0], slopes[1], tu)
        slope = slope / self.u_step
        return value + (u - inside) * slope, slope

    def _along_j(self, cu: Tensor, cj: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        flat = self.quantile.view(-1, 4)
        row = cu * self.quantile.shape[2] + cj
        a, b, h = flat[row], flat[row + 1], self.j_step
        value = _hermite(a[..., 0], a[..., 2] * h, b[..., 0], b[..., 2] * h, t)[0]
        slope = _hermite(a[..., 1], a[..., 3] * h, b[..., 1], b[..., 3] * h, t)[0]
        return value, slope


class _LogZ(torch.autograd.Function):
    """log Z with its tabulated slope as gradient: training needs only first derivatives."""

    @staticmethod
    def forward(ctx: Any, j: Tensor, value: Tensor, slope: Tensor, step: float) -> Tensor:
        size = j.abs()
        sides, cells = value.shape[:2]
        cell = _cell(size / step, cells - 1)
        t = size / step - cell
        if sides > 1:
            cell = cell + cells * (j < 0)
        ctx.save_for_backward(torch.sign(j) * _horner(slope.flatten(0, 1)[cell], t))
        return _horner(value.flatten(0, 1)[cell], t)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        return gradients[0] * ctx.saved_tensors[0], None, None, None


def _cell(t: Tensor, last: int) -> Tensor:
    """Index of the table's cell; NaN finds a cell too and goes on as NaN, to be refused later."""
    return t.detach().nan_to_num(0.0).clamp(0, last).long()


def _horner(c: Tensor, t: Tensor) -> Tensor:
    return c[..., 0] + t * (c[..., 1] + t * (c[..., 2] + t * c[..., 3]))


def _cubic(value: Tensor, slope: Tensor) -> Tensor:
    """Coefficients (sides, cells, 4) of the Hermite cubics, slope per cell width."""
    f0, f1, d0, d1 = value[:, :-1], value[:, 1:], slope[:, :-1], slope[:, 1:]
    return torch.stack([f0, d0, 3 * (f1 - f0) - 2 * d0 - d1, 2 * (f0 - f1) + d0 + d1], 2)


def _hermite(f0: Tensor, d0: Tensor, f1: Tensor, d1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    c2 = 3 * (f1 - f0) - 2 * d0 - d1
    c3 = 2 * (f0 - f1) + d0 + d1
    return f0 + t * (d0 + t * (c2 + t * c3)), d0 + t * (2 * c2 + 3 * t * c3)
