"""Affine couplings, whatever network drives them."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from lfmc.flows.alternating import Coupling
from lfmc.flows.monotone import Mapped


class AffineCoupling(Coupling):
    """b -> b exp(s(a)) + t(a) (arXiv:1904.12072, eq. 10).

    s = g tanh(conditioner) with a trainable bound g keeps early training finite.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bound = nn.Parameter(torch.ones((), dtype=torch.float64))

    @abstractmethod
    def conditions(self, frozen: Tensor) -> tuple[Tensor, Tensor]:
        """The frozen half -> unbounded log scale and shift of the moved half, (batch, V/2)."""

    def forward(self, frozen: Tensor, moved: Tensor) -> Mapped:
        s, t = self._scale_and_shift(frozen)
        return Mapped(moved * torch.exp(s) + t, s)

    def inverse(self, frozen: Tensor, moved: Tensor) -> Mapped:
        s, t = self._scale_and_shift(frozen)
        return Mapped((moved - t) * torch.exp(-s), s)

    def _scale_and_shift(self, frozen: Tensor) -> tuple[Tensor, Tensor]:
        raw, t = self.conditions(frozen)
        return self.bound * torch.tanh(raw), t
