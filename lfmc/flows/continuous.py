"""Continuous flow: an ordinary differential equation whose kernels have the lattice's symmetry.

    d phi_x / dt = sum_y [ W_0(x-y, t) phi_y + sum_f W_f(x-y, t) sin(w_f phi_y) ],     0 <= t <= 1

from the prior at t = 0 (arXiv:2110.02673, arXiv:2207.00283; here with a linear term). W has one
number for each orbit of separations, feature and Legendre polynomial in t, so translations, point
group and Z2 hold by construction. The divergence is known in closed form,

    div = sum_x [ W_0(0, t) + sum_f W_f(0, t) w_f cos(w_f phi_x) ],

and log q = log prior - integral of div dt, by the same Runge-Kutta steps of order 4 as the field.

This is the integral as discretised, **not** the log-determinant of the discretised map: the two
differ by O(steps^-4). `lfmc.flows.exactness` measures the difference, `lfmc train` stores it with
the model. The inverse integrates backwards, with a difference of the same order.
"""

import numpy as np
import torch
from numpy.polynomial import legendre
from torch import Tensor, nn

from lfmc.config.flow_sections import ContinuousSettings as Settings
from lfmc.flows.base import Draw, Flow
from lfmc.flows.prior import build_prior
from lfmc.lattice import FloatArray, Shape, coordinates, separation_orbits
from lfmc.theories.scalar import Scalar


class Kernels(nn.Module):
    """Orbit-symmetric kernels at the times of the Runge-Kutta stages; they start at zero."""

    polynomials: Tensor
    waves: Tensor

    def __init__(self, shape: Shape, features: int, order: int, times: FloatArray) -> None:
        """Args: extents, features beside the linear one, order in t, times in [0, 1]."""
        super().__init__()
        waves = orbit_waves(shape)
        polynomials = legendre.legvander(2 * times - 1, order)
        self.register_buffer("polynomials", torch.tensor(polynomials), persistent=False)
        self.register_buffer("waves", torch.tensor(waves), persistent=False)
        self.weight = nn.Parameter(
            torch.zeros(order + 1, features + 1, len(waves), dtype=torch.float64)
        )

    def forward(self) -> tuple[Tensor, Tensor]:
        """Fourier transforms (times, features + 1, *half momenta) and W(0), (times, features + 1).

        Half momenta as those of rfftn. One step of Adam moves a whole orbit, so an orbit's numbers
        are its sums over the orbit.
        """
        weight = torch.tensordot(self.polynomials, self.weight, 1)
        return torch.tensordot(weight, self.waves, 1), weight[..., 0]


def orbit_waves(shape: Shape) -> FloatArray:
    """Mean of cos(k x) over each orbit of separations x, (orbits, *half momenta)."""
    orbits = separation_orbits(shape)
    half = (*shape[:-1], shape[-1] // 2 + 1)
    k = 2 * np.pi * coordinates(half) / np.asarray(shape)
    wave = np.cos(coordinates(shape) @ k.T)
    total = np.zeros((len(orbits.size), wave.shape[1]))
    np.add.at(total, orbits.label, wave)
    return (total / orbits.size[:, None]).reshape(-1, *half)


class ContinuousFlow(Flow):
    """See the module's docstring."""

    # Of log q by the inverse against log q of the forward map; the others are exact.
    inverse_tolerance = 1e-3

    def __init__(self, action: Scalar, settings: Settings) -> None:
        super().__init__(action)
        self.steps = settings.steps
        self.prior = build_prior(action, settings.prior)
        times = np.linspace(0, 1, 2 * self.steps + 1)
        self.kernels = Kernels(action.shape, settings.features, settings.order, times)
        # Fields are of order 0.5, so w phi covers a period.
        self.frequency = nn.Parameter(
            1 + 1.2 * torch.arange(settings.features, dtype=torch.float64)
        )

    def forward(self, z: Tensor) -> Draw:
        x, log_q = self.prior(z)
        phi, log_det = self._integrate(x, forwards=True)
        return Draw(phi, log_q - log_det)

    def log_q(self, phi: Tensor) -> Tensor:
        x, log_det = self._integrate(phi, forwards=False)
        log_q: Tensor = self.prior.log_density(x) - log_det
        return log_q

    def _integrate(self, phi: Tensor, forwards: bool) -> tuple[Tensor, Tensor]:
        """Field at the other end, and the integral of the divergence from t = 0 to t = 1."""
        waves, local = self.kernels()
        h = (1 if forwards else -1) / self.steps
        stages = range(0, 2 * self.steps, 2) if forwards else range(2 * self.steps, 0, -2)
        turn = 1 if forwards else -1

        def rate(field: Tensor, time: int) -> tuple[Tensor, Tensor]:
            return self._velocity(field, waves[time], local[time])

        log_det = phi.new_zeros(len(phi))
        for n in stages:
            v1, d1 = rate(phi, n)
            v2, d2 = rate(phi + 0.5 * h * v1, n + turn)
            v3, d3 = rate(phi + 0.5 * h * v2, n + turn)
            v4, d4 = rate(phi + h * v3, n + 2 * turn)
            phi = phi + h / 6 * (v1 + 2 * (v2 + v3) + v4)
            log_det = log_det + h / 6 * (d1 + 2 * (d2 + d3) + d4)
        return phi, log_det if forwards else -log_det

    def _velocity(self, phi: Tensor, waves: Tensor, local: Tensor) -> tuple[Tensor, Tensor]:
        """d phi / dt (batch, sites) and its divergence (batch,) at one time."""
        shape = self.action.shape
        axes = tuple(range(-len(shape), 0))
        angle = phi[:, None] * self.frequency[:, None]
        features = torch.cat([phi[:, None], torch.sin(angle)], 1)
        modes = torch.fft.rfftn(features.reshape(*features.shape[:2], *shape), dim=axes)
        velocity = torch.fft.irfftn((modes * waves).sum(1), s=shape, dim=axes)
        divergence = torch.cos(angle).sum(2) @ (local[1:] * self.frequency)
        return velocity.reshape(phi.shape), divergence + self.sites * local[0]
