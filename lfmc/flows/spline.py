"""Couplings by rational-quadratic splines (Durkan et al., arXiv:1906.04032), from zuko.

    b -> spline(b exp(s(a)) + t(a); widths(a), heights(a), slopes(a))

On [-bound, bound] the spline is monotone with its knots wherever the frozen colour puts them, and
the identity outside; so it bends a site's density as a quartic potential asks, which no affine map
can. The affine step before it centres the field on its neighbours. zuko is an optional extra,
imported here when such a flow is built.
"""

from typing import Any

import torch
from torch import Tensor, nn

from lfmc.config.flow_sections import SplineSettings as Settings
from lfmc.errors import LfmcError
from lfmc.flows.alternating import AlternatingFlow, Coupling
from lfmc.flows.conditioner import ConvolutionalFeatures, PeriodicConvolution, connected, zeroed
from lfmc.flows.monotone import Mapped, errors, solve_increasing
from lfmc.lattice import Shape
from lfmc.theories.scalar import Scalar

ENOUGH = 1e-12  # of a root by zuko's formula, in units of 1 + |root|


def spline_transform() -> Any:
    """zuko's monotone rational-quadratic spline.

    Raises:
        LfmcError: zuko is not installed.
    """
    try:
        from zuko.transforms import MonotonicRQSTransform
    except ImportError:
        raise LfmcError(
            "flow.model.kind = spline needs the package zuko; pip install 'lfmc[spline]'"
        ) from None
    return MonotonicRQSTransform


class ConvolutionalConditioner(nn.Module):
    """Frozen half (batch, V/2) -> `outputs` numbers for each moved site, (batch, V/2, outputs)."""

    moved: Tensor

    def __init__(
        self, shape: Shape, frozen: Tensor, moved: Tensor, outputs: int, settings: Settings
    ) -> None:
        super().__init__()
        self.register_buffer("moved", moved.clone(), persistent=False)
        hidden, kernel = settings.hidden, settings.kernel
        self.features = ConvolutionalFeatures(shape, frozen, hidden, kernel, odd=False)
        self.last = zeroed(PeriodicConvolution(shape, hidden[-1], outputs, kernel))

    def forward(self, frozen: Tensor) -> Tensor:
        field = self.last(self.features(frozen)).flatten(2)
        return torch.index_select(field, 2, self.moved).transpose(1, 2)


class ConnectedConditioner(nn.Module):
    """The same by a fully connected network."""

    def __init__(self, frozen: Tensor, moved: Tensor, outputs: int, settings: Settings) -> None:
        super().__init__()
        self.shape = (len(moved), outputs)
        self.network = connected(len(frozen), len(moved) * outputs, settings.hidden)

    def forward(self, frozen: Tensor) -> Tensor:
        result: Tensor = self.network(frozen)
        return result.unflatten(1, self.shape)


class SplineCoupling(Coupling):
    """See the module's docstring; starts as the identity."""

    def __init__(self, shape: Shape, frozen: Tensor, moved: Tensor, settings: Settings) -> None:
        super().__init__()
        self.transform = spline_transform()
        self.bins, self.range = settings.bins, settings.bound
        outputs = 2 + 3 * self.bins - 1
        self.conditioner: nn.Module = (
            ConvolutionalConditioner(shape, frozen, moved, outputs, settings)
            if settings.conditioner == "convolutional"
            else ConnectedConditioner(frozen, moved, outputs, settings)
        )

    def forward(self, frozen: Tensor, moved: Tensor) -> Mapped:
        s, t, spline = self._conditions(frozen)
        value, ladj = spline.call_and_ladj(moved * torch.exp(s) + t)
        return Mapped(value, ladj + s)

    def inverse(self, frozen: Tensor, moved: Tensor) -> Mapped:
        s, t, spline = self._conditions(frozen)

        def function(y: Tensor) -> tuple[Tensor, Tensor]:
            value, ladj = spline.call_and_ladj(y)
            return value, torch.exp(ladj)

        y = spline.inv(moved)
        # Its formula loses digits where a bin is flat.
        poor = errors(function, moved, y) > ENOUGH
        if bool(poor.any()):
            reach = moved.abs().clamp(min=self.range)
            y = torch.where(poor, solve_increasing(function, moved, -reach, reach), y)
        _, ladj = spline.call_and_ladj(y)
        return Mapped((y - t) * torch.exp(-s), ladj + s)

    def _conditions(self, frozen: Tensor) -> tuple[Tensor, Tensor, Any]:
        raw = self.conditioner(frozen)
        s, t, knots = torch.tanh(raw[..., 0]), raw[..., 1], raw[..., 2:]
        widths, heights, slopes = knots.split([self.bins, self.bins, self.bins - 1], -1)
        return s, t, self.transform(widths, heights, slopes, bound=self.range)


class SplineFlow(AlternatingFlow):
    """Alternating spline couplings of the two colours."""

    def __init__(self, action: Scalar, settings: Settings) -> None:
        def coupling(frozen: Tensor, moved: Tensor) -> SplineCoupling:
            return SplineCoupling(action.shape, frozen, moved, settings)

        super().__init__(action, settings.prior, [coupling] * settings.couplings)
