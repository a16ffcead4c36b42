"""Real NVP of arXiv:1904.12072, section II B: checkerboard affine couplings, N(0,1) prior."""

import torch
from torch import Tensor, nn

from lfmc.action import Phi4
from lfmc.config import RealNvpSettings as Settings
from lfmc.flows.base import Draw, Flow, standard_normal_log_density
from lfmc.lattice import parity


class AffineCoupling(nn.Module):
    """b -> b exp(s(a)) + t(a) (eq. 10), s and t fully connected with leaky rectifiers.

    s = g tanh(net) with a trainable bound g keeps early training finite; the last layers start
    at zero, so the coupling starts as the identity.
    """

    def __init__(self, frozen: int, moved: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.log_scale = _network(frozen, moved, hidden)
        self.shift = _network(frozen, moved, hidden)
        self.bound = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, frozen: Tensor) -> tuple[Tensor, Tensor]:
        """Log scale and shift of the moved half, both (batch, moved)."""
        return self.bound * torch.tanh(self.log_scale(frozen)), self.shift(frozen)


class RealNvpFlow(Flow):
    """Alternating couplings of the two colours; everything is learned."""

    even: Tensor
    odd: Tensor

    def __init__(self, action: Phi4, settings: Settings) -> None:
        super().__init__(action)
        colour = torch.tensor(parity(action.shape))
        self.register_buffer("even", torch.nonzero(colour == 0)[:, 0], persistent=False)
        self.register_buffer("odd", torch.nonzero(colour == 1)[:, 0], persistent=False)
        half = self.sites // 2
        self.couplings = nn.ModuleList(
            AffineCoupling(half, half, settings.hidden) for _ in range(settings.couplings)
        )

    def forward(self, z: Tensor) -> Draw:
        half = self.sites // 2
        moved, frozen = z[:, :half], z[:, half:]
        log_q = standard_normal_log_density(z)
        for coupling in self.couplings:
            s, t = coupling(frozen)
            moved, frozen = frozen, moved * torch.exp(s) + t
            log_q = log_q - s.sum(1)
        return Draw(self._assemble(moved, frozen), log_q)

    def log_q(self, phi: Tensor) -> Tensor:
        first, second = phi[:, self.even], phi[:, self.odd]
        moved, frozen = (first, second) if len(self.couplings) % 2 == 0 else (second, first)
        log_det = torch.zeros(len(phi), dtype=phi.dtype)
        for coupling in reversed(self.couplings):
            s, t = coupling(moved)
            moved, frozen = (frozen - t) * torch.exp(-s), moved
            log_det = log_det + s.sum(1)
        return standard_normal_log_density(torch.cat([moved, frozen], 1)) - log_det

    def _assemble(self, moved: Tensor, frozen: Tensor) -> Tensor:
        swapped = len(self.couplings) % 2 == 1
        first, second = (frozen, moved) if swapped else (moved, frozen)
        phi = torch.empty(len(first), self.sites, dtype=first.dtype)
        phi[:, self.even], phi[:, self.odd] = first, second
        return phi


def _network(inputs: int, outputs: int, hidden: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width, dtype=torch.float64), nn.LeakyReLU()]
        inputs = width
    last = nn.Linear(inputs, outputs, dtype=torch.float64)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)
