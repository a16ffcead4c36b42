"""A flow of two parameters: a Gaussian, and the same increasing map at every site."""

from typing import Any

import torch
from torch import Tensor, nn

from lfmc.flows.base import Draw, Flow
from lfmc.flows.monotone import inverse_tanh_map, strength, tanh_map
from lfmc.flows.prior import FourierPrior
from lfmc_example.settings import SitewiseSettings


class SitewiseFlow(Flow):
    """x = prior(z), phi = x + alpha tanh(beta x) / beta: uncorrelated non-Gaussian fluctuations."""

    def __init__(self, action: Any, settings: SitewiseSettings) -> None:
        super().__init__(action)
        self.prior = FourierPrior(action)
        self.alpha = nn.Parameter(torch.zeros(1, dtype=torch.float64))
        start = torch.tensor([1 / settings.scale], dtype=torch.float64)
        self.beta = nn.Parameter(start.log())

    def forward(self, z: Tensor) -> Draw:
        x, log_q = self.prior(z)
        phi, ladj = tanh_map(x, strength(self.alpha), self.beta.exp())
        return Draw(phi, log_q - ladj.sum(1))

    def log_q(self, phi: Tensor) -> Tensor:
        alpha, beta = strength(self.alpha), self.beta.exp()
        x = inverse_tanh_map(phi, alpha, beta)
        return self.prior.log_density(x) - tanh_map(x, alpha, beta).ladj.sum(1)
