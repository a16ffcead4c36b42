"""Priors on the whole lattice: independent normals, or the variational Gaussian of the action."""

import numpy as np
import torch
from torch import Tensor, nn

from lfmc.config.flow_sections import PriorKind
from lfmc.flows.base import Draw, standard_normal_log_density
from lfmc.flows.variational import Gaussian, variational_gaussian
from lfmc.theories.scalar import Scalar

COEFFICIENTS = 4


class NormalPrior(nn.Module):
    """N(0, 1) on every site, the paper's."""

    def forward(self, z: Tensor) -> Draw:
        """Normals (batch, sites) -> themselves and their log density."""
        return Draw(z, standard_normal_log_density(z))

    def normals(self, x: Tensor) -> Tensor:
        """The normals of given fields, (batch, sites)."""
        return x

    def log_density(self, x: Tensor) -> Tensor:
        """log density of given fields, (batch, sites) -> (batch,)."""
        return standard_normal_log_density(x)


def mean_parameter(action: Scalar, found: Gaussian) -> nn.Parameter | None:
    """A trained mean of the field, (1,), from the variational one; None where U is even."""
    if action.even:
        return None
    return nn.Parameter(torch.tensor([found.mean], dtype=torch.float64))


class FourierPrior(nn.Module):
    """The variational Gaussian, x_k = sigma_k z_k for every momentum k.

        log sigma_k = 1/2 log v_k + sum_j c_j cos(j pi s_k),     s_k = 1 - v_k / v_0

    with v_k the variational variance (`lfmc.flows.modes`). The c_j start at zero and are trained;
    as functions of s_k, which resolves small momenta, they mean the same on every lattice. The
    map is symmetric and commutes with translations, the point group and Z2. Where the potential
    is not even, a mean is added, which starts as the variational one and is trained.
    """

    log_width: Tensor
    features: Tensor

    def __init__(self, action: Scalar) -> None:
        super().__init__()
        self.shape = action.shape
        found = variational_gaussian(action)
        variance = found.variance.reshape(action.shape)
        s = 1 - variance / variance.flat[0]
        features = np.cos(np.pi * s[..., None] * np.arange(COEFFICIENTS))
        self.register_buffer("log_width", torch.tensor(0.5 * np.log(variance)), persistent=False)
        self.register_buffer("features", torch.tensor(features), persistent=False)
        self.coefficients = nn.Parameter(torch.zeros(COEFFICIENTS, dtype=torch.float64))
        self.mean = mean_parameter(action, found)

    def forward(self, z: Tensor) -> Draw:
        """Normals (batch, sites) -> fields and their log density."""
        log_width = self._log_width()
        x = self._scaled(z, torch.exp(log_width))
        x = x if self.mean is None else x + self.mean
        return Draw(x, standard_normal_log_density(z) - log_width.sum())

    def log_density(self, x: Tensor) -> Tensor:
        """log density of given fields, (batch, sites) -> (batch,)."""
        log_width = self._log_width()
        return standard_normal_log_density(self._unscaled(x, log_width)) - log_width.sum()

    def normals(self, x: Tensor) -> Tensor:
        """The normals of given fields, (batch, sites)."""
        return self._unscaled(x, self._log_width())

    def _log_width(self) -> Tensor:
        return self.log_width + self.features @ self.coefficients

    def _unscaled(self, x: Tensor, log_width: Tensor) -> Tensor:
        x = x if self.mean is None else x - self.mean
        return self._scaled(x, torch.exp(-log_width))

    def _scaled(self, field: Tensor, width: Tensor) -> Tensor:
        axes = tuple(range(1, len(self.shape) + 1))
        modes = torch.fft.rfftn(field.reshape(-1, *self.shape), dim=axes)
        half = width[..., : self.shape[-1] // 2 + 1]
        return torch.fft.irfftn(modes * half, s=self.shape, dim=axes).reshape(field.shape)


def build_prior(action: Scalar, kind: PriorKind) -> NormalPrior | FourierPrior:
    """The prior of that name."""
    return NormalPrior() if kind == "normal" else FourierPrior(action)
