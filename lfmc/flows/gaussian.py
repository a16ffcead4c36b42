"""The prior of the heat-bath flow: Gaussian modes whose widths breathe with the magnetisation."""

import torch
from torch import Tensor, nn

from lfmc.flows.base import Draw, standard_normal_log_density
from lfmc.flows.modes import Modes
from lfmc.flows.monotone import inverse_tanh_map, strength, tanh_map

# Scales of (zero mode)^2 at which the widths of the other modes may respond.
RESPONSE = (0.3, 1.0, 2.0)


class ModePrior(nn.Module):
    """z -> x: the zero mode passes a monotone map, then every mode k has

        x_k = exp(w_k + sum_j b_kj tanh(r_j m^2)) z_k,     m the mapped zero mode,

    and an orthogonal transformation takes the modes to the kept sites. The fluctuations about a
    background m have a mass that depends on m^2; this is that dependence, at Gaussian order.
    Starts as the variational Gaussian; symmetric under Z2, translations and the point group.
    """

    basis: Tensor
    shell: Tensor
    response: Tensor

    def __init__(self, modes: Modes) -> None:
        super().__init__()
        self.register_buffer("basis", torch.tensor(modes.basis), persistent=False)
        self.register_buffer("shell", torch.tensor(modes.shell), persistent=False)
        self.register_buffer(
            "response", torch.tensor(RESPONSE, dtype=torch.float64), persistent=False
        )
        self.log_width = nn.Parameter(torch.tensor(modes.log_width))
        self.zero_mode = nn.Parameter(torch.zeros(2, dtype=torch.float64))
        self.breathing = nn.Parameter(
            torch.zeros(len(RESPONSE), len(modes.log_width), dtype=torch.float64)
        )

    def forward(self, z: Tensor) -> Draw:
        """Normals (batch, modes) -> field on the kept sites and its log density."""
        alpha, beta = strength(self.zero_mode[0]), torch.exp(self.zero_mode[1])
        zero, ladj = tanh_map(z[:, :1], alpha, beta)
        breathing = self._breathing(zero)
        others = z[:, 1:] * torch.exp(breathing)
        widths = self.log_width[self.shell]
        x = (torch.cat([zero, others], 1) * torch.exp(widths)) @ self.basis
        log_det = ladj[:, 0] + breathing.sum(1) + widths.sum()
        return Draw(x, standard_normal_log_density(z) - log_det)

    def log_density(self, x: Tensor) -> Tensor:
        """log density of given fields on the kept sites, (batch, kept) -> (batch,)."""
        widths = self.log_width[self.shell]
        mapped = (x @ self.basis.T) * torch.exp(-widths)
        alpha, beta = strength(self.zero_mode[0]), torch.exp(self.zero_mode[1])
        zero = mapped[:, :1]
        first = inverse_tanh_map(zero, alpha, beta)
        breathing = self._breathing(zero)
        z = torch.cat([first, mapped[:, 1:] * torch.exp(-breathing)], 1)
        ladj = tanh_map(first, alpha, beta).ladj[:, 0]
        log_det = ladj + breathing.sum(1) + widths.sum()
        return standard_normal_log_density(z) - log_det

    def _breathing(self, zero: Tensor) -> Tensor:
        response = torch.tanh(zero * zero * self.response)
        return (response @ self.breathing)[:, self.shell[1:]]
