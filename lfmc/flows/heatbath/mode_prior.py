"""The prior of the heat-bath flow: Gaussian modes whose widths breathe with the magnetisation."""

import math

import torch
from torch import Tensor, nn

from lfmc.flows.base import Draw, standard_normal_log_density
from lfmc.flows.heatbath.mode_basis import ModeBasis
from lfmc.flows.heatbath.sublattice import Cells
from lfmc.flows.heatbath.wells import SHARPNESS, Wells, inverse_wells_map, wells_map
from lfmc.flows.modes import Modes
from lfmc.flows.monotone import Mapped, inverse_tanh_map, newton_step, strength, tanh_map

# Scales of (zero mode)^2 at which the widths of the other modes may respond.
RESPONSE = (0.3, 1.0, 2.0)
COEFFICIENTS = 6


class ModePrior(nn.Module):
    """z -> x: the zero mode passes a monotone map, then every mode k has

        x_k = sigma_k exp(w_k + sum_j b_kj tanh(r_j m^2)) z_k,     m the mapped zero mode,

    and an orthogonal transformation takes the modes to the kept sites; sigma_k is the variational
    width. The fluctuations about a background m have a mass that depends on m^2; this is that
    dependence, at Gaussian order. w_k and b_kj are sums of COEFFICIENTS cosines of s_k = 1 -
    sigma_k^2 / sigma_0^2, which resolves small momenta, so that they mean the same on every
    lattice; the zero mode has a further width. With `infrared` = n there are n functions more,

        1/2 log[(k^2 + M^2)/(k^2 + M^2/4^j)],     j = 1 ... n,

    M the mass of the variational Gaussian, which near criticality is many times that of the
    theory: on large lattices the cosines do not tell the lowest modes apart. Starts as the
    variational Gaussian; symmetric under translations and the point group, and under Z2 where the
    potential is even. Where it is not, the map of the zero mode has two parameters more, the normal
    at its centre and an offset from the variational mean.

    With `two_wells` the map of the zero mode is that of `heatbath.wells`, whose start is the
    variational Gaussian of one well and its image; m is in units of the distance of the wells from
    zero.
    """

    log_sigma: Tensor
    cosines: Tensor
    response: Tensor

    def __init__(
        self, modes: Modes, kept: Cells, two_wells: bool = False, infrared: int = 0
    ) -> None:
        super().__init__()
        self.basis, self.infrared = ModeBasis(modes, kept), infrared
        log_sigma = torch.tensor(modes.log_width)
        soft = 1 - torch.exp(2 * (log_sigma - log_sigma[0]))
        ultraviolet = torch.exp(2 * (log_sigma.min() - log_sigma))
        orders = math.pi * torch.arange(COEFFICIENTS, dtype=torch.float64)[:, None]
        cosines = torch.cat([torch.cos(orders * soft), torch.cos(orders[1:] * ultraviolet)])
        if infrared:
            cosines = torch.cat([cosines, light_masses(log_sigma, infrared)])
        response = torch.tensor(RESPONSE, dtype=torch.float64)
        self.start: tuple[float, float] | None = None  # width and place of the wells
        if two_wells:
            self.start = (1.0, 0.0)
            if modes.well is not None:
                place = math.log(modes.well * len(log_sigma) ** 0.5)
                self.start = (math.exp(modes.log_width[0] - place), 1.0)
                log_sigma[0] = place
        self.register_buffer("log_sigma", log_sigma, persistent=False)
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("response", response, persistent=False)

        def zeros(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.zeros(*shape, dtype=torch.float64))

        self.log_width = zeros(len(cosines))
        self.zero_mode = zeros(3)
        self.breathing = zeros(len(RESPONSE), len(cosines))
        self.mean: float | None = None
        if modes.mean is not None:
            # In units of the width of the zero mode.
            self.mean = float(modes.mean * len(log_sigma) ** 0.5 * math.exp(-modes.log_width[0]))
            self.asymmetry = zeros(2)

    def small(self) -> dict[str, Tensor]:
        """All parameters, each with a last dimension for the batch.

        `log_density` also takes one copy for each sample.
        """
        return {name: p[..., None] for name, p in self.named_parameters()}

    def forward(self, z: Tensor) -> Draw:
        """Normals (modes, batch) -> field (kept sites, batch) and its log density (batch,)."""
        small = self.small()
        if self.start is not None:
            zero, ladj = wells_map(z[:1], self.wells(small))
        else:
            centre, offset = self._asymmetry(small)
            zero, ladj = tanh_map(z[:1] + centre, *self._zero_map(small))
            zero = zero + offset
        breathing, widths = self._breathing(zero, small), self._widths(small)
        modes = torch.cat([zero, z[1:] * torch.exp(breathing)]) * torch.exp(widths)
        log_det = ladj[0] + breathing.sum(0) + widths.sum(0)
        return Draw(self.basis.to_sites(modes), standard_normal_log_density(z.T) - log_det)

    def log_density(
        self, x: Tensor, small: dict[str, Tensor] | None = None, zero: Tensor | None = None
    ) -> Tensor:
        """log density of given fields on the kept sites, (kept, batch) -> (batch,).

        Args:
            small: parameters, with one entry or `batch` of them in the last dimension.
            zero: the normal of the zero mode, (1, batch), if known (`monotone.newton_step`).
        """
        return self.log_density_of_modes(self.basis.to_modes(x), small, zero)

    def log_density_of_modes(
        self, modes: Tensor, small: dict[str, Tensor] | None = None, zero: Tensor | None = None
    ) -> Tensor:
        """As `log_density`, of fields as their modes (modes, batch)."""
        small = self.small() if small is None else small
        widths = self._widths(small)
        mapped = modes * torch.exp(-widths)
        m = mapped[:1]
        first, ladj = self._normal_of(m, small, zero)
        breathing = self._breathing(m, small)
        z = torch.cat([first, mapped[1:] * torch.exp(-breathing)])
        return standard_normal_log_density(z.T) - ladj[0] - breathing.sum(0) - widths.sum(0)

    def normals_of_modes(self, modes: Tensor) -> Tensor:
        """Normals (modes, batch) of fields as their modes."""
        small = self.small()
        mapped = modes * torch.exp(-self._widths(small))
        m = mapped[:1]
        first = self._normal_of(m, small, None).value
        return torch.cat([first, mapped[1:] * torch.exp(-self._breathing(m, small))])

    def _normal_of(self, m: Tensor, small: dict[str, Tensor], zero: Tensor | None) -> Mapped:
        """The normal of the mapped zero mode (1, batch), and the log derivative of the map."""
        if self.start is not None:
            return inverse_wells_map(m, self.wells(small))
        alpha, beta = self._zero_map(small)
        centre, offset = self._asymmetry(small)
        if zero is None:
            first = inverse_tanh_map(m - offset, alpha, beta)
        else:
            first = newton_step(m - offset, alpha, beta, zero + centre)
        return Mapped(first - centre, tanh_map(first, alpha, beta).ladj)

    def wells(self, small: dict[str, Tensor]) -> Wells:
        """The map of the zero mode, of `two_wells`: changes of log s, of a/s and of log k."""
        assert self.start is not None
        width, place = self.start
        raw = small["zero_mode"]
        return Wells(
            width * torch.exp(raw[:1]),
            place + width * raw[1:2],
            SHARPNESS * torch.exp(raw[2:]),
        )

    def _zero_map(self, small: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        alpha, beta = small["zero_mode"][:1], small["zero_mode"][1:2]
        return strength(alpha), torch.exp(beta)

    def _asymmetry(self, small: dict[str, Tensor]) -> tuple[Tensor | float, Tensor | float]:
        """Centre of the map of the zero mode, added to its normal, and offset of its value."""
        if self.mean is None:
            return 0.0, 0.0
        return small["asymmetry"][:1], small["asymmetry"][1:] + self.mean

    def _widths(self, small: dict[str, Tensor]) -> Tensor:
        widths = self.log_sigma[:, None] + self.cosines.T @ small["log_width"]
        if self.start is not None:
            return torch.cat([self.log_sigma[:1, None].expand_as(widths[:1]), widths[1:]])
        return torch.cat([widths[:1] + small["zero_mode"][2:], widths[1:]])

    def _breathing(self, m: Tensor, small: dict[str, Tensor]) -> Tensor:
        response = torch.tanh(m * m * self.response[:, None])
        return self.cosines[:, 1:].T @ (response[:, None] * small["breathing"]).sum(0)


def light_masses(log_sigma: Tensor, count: int) -> Tensor:
    """1/2 log[(k^2 + M^2)/(k^2 + M^2/4^j)] of every mode, j = 1 ... count, (count, modes).

    Args:
        log_sigma: log of the variational widths, sigma^2 proportional to 1/(k^2 + M^2), the zero
            mode first.
    """
    whole = torch.exp(2 * (log_sigma[0] - log_sigma))  # 1 + k^2/M^2
    light = 4.0 ** -torch.arange(1, count + 1, dtype=torch.float64)[:, None]
    return 0.5 * torch.log(whole / (whole - 1 + light))
