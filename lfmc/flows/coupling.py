"""The equivariant coupling layer: one half of the kept sites moves, driven by the other."""

import torch
from torch import Tensor, nn

from lfmc.flows.monotone import Mapped, inverse_tanh_map, strength, tanh_map


class EquivariantCoupling(nn.Module):
    """b -> tanh_map(b exp(s) + t; alpha, beta) + u; s, t, u, alpha depend on the other half.

    The frozen half a enters through convolutions whose kernels have one number for each orbit of
    separations: of the odd features a and sin(w_f a) for the shifts t and u, of the even features
    cos(w_f a) for s and alpha, and of a alone for a few smoothed fields h that act through
    h^2/(1+h^2): the mass of a fluctuation depends on the square of its smooth background.
    Odd and even features make the layer odd, orbit kernels make it equivariant. It
    starts as the identity.
    Features as in arXiv:2110.02673; the coupling of monotone maps is this package's.
    """

    orbit: Tensor
    scale: Tensor

    def __init__(self, orbit: Tensor, orbit_size: Tensor, features: int, smooth: int) -> None:
        """Args: orbit (moved, frozen) classes, sizes (orbits,), numbers of features and fields."""
        super().__init__()
        self.features, self.smooth = features, smooth
        self.register_buffer("orbit", orbit.clone(), persistent=False)
        # One step of Adam moves a whole orbit, so its sum must not grow with its size.
        self.register_buffer("scale", 1 / orbit_size, persistent=False)
        orbits = len(orbit_size)

        def zeros(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.zeros(*shape, dtype=torch.float64))

        self.frequency = nn.Parameter(
            1 + 1.2 * torch.arange(features, dtype=torch.float64)
        )  # fields are of order .5, so w phi covers a period
        self.odd = zeros(features + 1, 2 + smooth, orbits)
        self.even = zeros(features, 2, orbits)
        with torch.no_grad():
            self.odd[0, 2:] = 0.3
        self.field_scale = nn.Parameter(torch.linspace(0.7, 1.5, smooth, dtype=torch.float64))
        self.background = zeros(4, smooth)
        self.constant = zeros(3)

    def forward(self, frozen: Tensor, moved: Tensor) -> Mapped:
        """(batch, frozen), (batch, moved) -> new moved half and log slope of each of its sites."""
        log_scale, raw, inner, outer = self._conditions(frozen)
        mapped = tanh_map(moved * torch.exp(log_scale) + inner, strength(raw), self._beta())
        return Mapped(mapped.value + outer, mapped.ladj + log_scale)

    def inverse(self, frozen: Tensor, moved: Tensor) -> Mapped:
        """Undo `forward`: the moved half before, and the log slope of the *forward* map there."""
        log_scale, raw, inner, outer = self._conditions(frozen)
        alpha, beta = strength(raw), self._beta()
        y = inverse_tanh_map(moved - outer, alpha, beta)
        ladj = tanh_map(y, alpha, beta).ladj + log_scale
        return Mapped((y - inner) * torch.exp(-log_scale), ladj)

    def _beta(self) -> Tensor:
        return torch.exp(self.constant[2] + 1)

    def _conditions(self, a: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        wave = a[:, None, :] * self.frequency[:, None]
        odd_features = torch.cat([a[:, None], torch.sin(wave)], 1)
        odd = self._convolve(odd_features, self.odd)
        even = self._convolve(torch.cos(wave), self.even)
        h = odd[:, 2:] * self.field_scale[:, None]
        square = h * h
        response = square / (1 + square)
        even_part = torch.einsum("cs,bsn->bcn", self.background[:2], response)
        odd_part = torch.einsum("cs,bsn->bcn", self.background[2:], h * response)
        log_scale = even[:, 0] + even_part[:, 0] + self.constant[0]
        raw = even[:, 1] + even_part[:, 1] + self.constant[1]
        return log_scale, raw, odd[:, 0] + odd_part[:, 0], odd[:, 1] + odd_part[:, 1]

    def _convolve(self, features: Tensor, kernel: Tensor) -> Tensor:
        """(batch, F, frozen), (F, C, orbits) -> (batch, C, moved), as one matrix product."""
        inputs, channels, _ = kernel.shape
        moved, frozen = self.orbit.shape
        matrix = (kernel * self.scale)[:, :, self.orbit].permute(0, 3, 1, 2)
        product = features.reshape(len(features), -1) @ matrix.reshape(inputs * frozen, -1)
        return product.reshape(-1, channels, moved)
