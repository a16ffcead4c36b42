"""Small theories, flows and models that the tests of the Python interface share."""

from functools import lru_cache

import torch
from torch import nn

import lfmc

SMALL = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
EASY = lfmc.Phi4((4, 4), m2=8.0, lam=0.5)  # independent Gaussians of the sites are near it


@lru_cache
def small_model():
    """A model of SMALL at 50 %."""
    return lfmc.train(SMALL, target=0.5, seed=1, progress=False)


class Scaled(nn.Module):
    """A flow of the user's: phi_x = exp(s_x) z_x."""

    def __init__(self, sites=16, jacobian=1.0):
        super().__init__()
        self.log_width = nn.Parameter(torch.zeros(sites))
        self.jacobian = jacobian  # 1 is right

    def forward(self, z):
        return z * torch.exp(self.log_width), self._normal(z) - self._log_det()

    def log_q(self, phi):
        return self._normal(phi * torch.exp(-self.log_width)) - self._log_det()

    def _log_det(self):
        return self.jacobian * self.log_width.sum()

    @staticmethod
    def _normal(z):
        return torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1)


class Own:
    """EASY as a theory of the user's: shape and evaluate, nothing else."""

    shape = (4, 4)

    def evaluate(self, phi):
        return EASY.evaluate(phi)


class Sampled(Own):
    """The same with samples of p."""

    def independent_fields(self, count, seed):
        chain = lfmc.cluster(
            EASY, chains=128, updates=2 * -(-count // 128), seed=seed, keep_fields=count,
            progress=False,
        )  # fmt: skip
        return chain.fields
