"""U(1) in two dimensions by decimation: a Villain prior, and exact heat baths of what is left out.

Every level integrates half of one direction's links out exactly (`lfmc.theories.u1.decimation`), so
that the prior (`lfmc.flows.villain`) covers V_n = V / 2^n plaquettes; links follow from them by a
tree, two uniform holonomies and a random gauge. The width b of the prior is one number. It starts
where Var(log w) of one plaquette is smallest, and is all that is trained. With every level one
plaquette is left, of angle 0, and the flow is the perfect sampler up to its tables.

    log w = sum_p [log u_n(Phi_p) - log g(Phi_p)] + const

is what training sees; proposals take -S - log q with the densities of the tables as they are used.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from lfmc.config.flow_sections import DecimationSettings
from lfmc.errors import LfmcError
from lfmc.flows import villain
from lfmc.flows.base import Base, Draw, Flow
from lfmc.flows.scores import Scored
from lfmc.lattice import FloatArray
from lfmc.theories.u1 import U1
from lfmc.theories.u1.decimation import (
    axes,
    coarser,
    links_of,
    log_refined,
    merged,
    plaquettes_of,
    refined,
    wrap,
)
from lfmc.theories.u1.marginals import weight

TWO_PI = 2 * math.pi


class DecimationFlow(Flow):
    """See the module's docstring. Reduced variables: the plaquettes of the coarsest lattice."""

    action: U1
    one_to_one = False  # normals that differ by 2 pi make the same angle

    def __init__(self, action: U1, settings: DecimationSettings) -> None:
        """Args: theory and settings.

        Raises:
            LfmcError: another theory, or more levels than the extents have factors of two.
        """
        super().__init__(action)
        self.axes = axes(action.shape, settings.levels)
        if action.kind != "u1" or len(self.axes) < settings.levels:
            raise LfmcError(
                f"flow decimation of {settings.levels} levels on {action.kind}, shape "
                f"{list(action.shape)}: it needs theory u1, and extents with so many factors of two"
            )
        self.shapes = [action.shape]
        for axis in self.axes:
            self.shapes.append(coarser(self.shapes[-1], axis))
        self.left = math.prod(self.shapes[-1])
        self.weight = weight(action.beta, len(self.axes))
        slope = math.log(max(self.weight.circular_moment(), 1e-300))
        b = villain.best_width(self.weight, min(max(-0.5 / slope, 1e-3), 1e4))
        self.log_b = nn.Parameter(torch.tensor([math.log(b)], dtype=torch.float64))

    @property
    def base(self) -> Base:
        return Base(self.numbers + 2, "uniform")

    @property
    def reduced_sites(self) -> int:
        return self.left

    @property
    def reduced_base(self) -> Base:
        return Base(self.left + 1, "uniform")

    @property
    def b(self) -> Tensor:
        """Inverse variance of a plaquette of the prior, float64."""
        return self.log_b.double().exp()[0]

    def reduced(self, z: Tensor) -> Draw:
        return Draw(*villain.draw(z.double(), self.b))

    def reduced_action(self, x: Tensor) -> Tensor:
        return -self._log_weight(x.double()).sum(1)

    def reduced_log_q(self, x: Tensor) -> Tensor:
        return villain.log_density(x.double(), self.b)

    def forward(self, z: Tensor) -> Draw:
        """Uniforms (batch, 2V + 2) -> links (batch, 2V) and log q."""
        x, log_prior = self.reduced(z[:, : self.left + 1])
        uniform = z.double().cpu().numpy()
        used = self.left + 1
        phi = x.detach().cpu().numpy().reshape(-1, *self.shapes[-1])
        holonomy = TWO_PI * uniform[:, used : used + 2]
        gauge = TWO_PI * uniform[:, used + 2 : used + 1 + self.left]
        used += 1 + self.left
        links, log_q = links_of(phi, holonomy, gauge), log_prior.detach().cpu().numpy()
        for level in range(len(self.axes), 0, -1):
            part = uniform[:, used : used + links[0].size]
            used += links[0].size
            links, drawn = refined(links, self.axes[level - 1], self.action.beta, level, part)
            log_q = log_q + drawn
        flat = torch.from_numpy(links.reshape(len(links), -1))
        return Draw(flat.to(z.device), torch.from_numpy(log_q + self._gauges()).to(z.device))

    def log_q(self, phi: Tensor) -> Tensor:
        drawn, x = self._coarsest(phi)
        prior = villain.log_density(torch.from_numpy(x), self.b.cpu())
        return (prior + torch.from_numpy(drawn + self._gauges())).to(phi.device)

    def log_weight(self, phi: Tensor) -> Tensor:
        x = torch.from_numpy(self._coarsest(phi, densities=False)[1])
        return (-self.reduced_action(x) - self.reduced_log_q(x)).to(phi.device)

    @torch.no_grad()
    def scores(self, z: Tensor) -> Scored:
        x, log_q = self.reduced(z)
        log_weight = -self.reduced_action(x) - log_q
        return Scored(x, log_weight, villain.score(x, self.b)[:, None])

    def _gauges(self) -> float:
        """log density of all uniform angles: V + 1 of gauge and holonomies."""
        return -(self.sites + 1) * math.log(TWO_PI)

    def _coarsest(self, phi: Tensor, densities: bool = True) -> tuple[FloatArray, FloatArray]:
        """log density of what the levels drew, (batch,), and the plaquettes that were left."""
        links = phi.detach().double().cpu().numpy().reshape(-1, *self.action.shape, 2)
        plaquette, drawn = wrap(plaquettes_of(links)), np.zeros(len(links))
        for level, axis in enumerate(self.axes, 1):
            if densities:
                drawn = drawn + log_refined(plaquette, axis, self.action.beta, level)
            plaquette = merged(plaquette, axis)[1]
        return drawn, plaquette.reshape(len(links), -1)

    def _log_weight(self, x: Tensor) -> Tensor:
        """log u_n of angles in [-pi, pi], with its gradient."""
        c = torch.from_numpy(self.weight.coefficients).to(x.device)
        near, step = x.abs(), math.pi / c.shape[1]
        cell = (near.detach() / step).long().clamp(max=c.shape[1] - 1)
        r = near - cell * step
        return ((c[0][cell] * r + c[1][cell]) * r + c[2][cell]) * r + c[3][cell]
