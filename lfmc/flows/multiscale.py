"""Multi-scale flow: the coarsest lattice first, then every finer one given the coarser.

    x_new = M x_coarse + R z_new,     then couplings of the level move its new sites

with M and R the conditional of the variational Gaussian (`lfmc.flows.levels`): coarse sites keep
their values while the sites between them are drawn. The couplings are convolutional on the level's
own lattice, so that a short kernel reaches far on a coarse one, and pass each moved site through a
monotone map, b -> tanh_map(b exp(s) + t). tanh networks without biases keep phi -> -phi,
about a trained mean where the potential is not even.
Hierarchies of this kind: arXiv:2412.12842 and arXiv:2604.10209.
"""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from lfmc.config.flow_sections import MultiscaleSettings as Settings
from lfmc.flows.alternating import Coupling
from lfmc.flows.base import Draw, Flow, standard_normal_log_density
from lfmc.flows.conditioner import ConvolutionalFeatures, PeriodicConvolution, zeroed
from lfmc.flows.density_gradient import Carried, WithGradient
from lfmc.flows.levels import Level, levels
from lfmc.flows.monotone import Mapped, inverse_tanh_map, strength, tanh_map
from lfmc.flows.prior import mean_parameter
from lfmc.flows.variational import variational_gaussian
from lfmc.lattice import volume
from lfmc.theories.scalar import Scalar


class RefiningCoupling(Coupling):
    """b -> tanh_map(b exp(s) + t; alpha, beta); s, t, alpha by convolutions of the other sites."""

    moved: Tensor

    def __init__(self, level: Level, frozen: Tensor, moved: Tensor, settings: Settings) -> None:
        super().__init__()
        channels, shape = settings.channels, level.shape
        kernel = min(settings.kernel, 2 * min(shape) + 1)
        self.register_buffer("moved", moved.clone(), persistent=False)
        self.features = ConvolutionalFeatures(shape, frozen, channels, kernel, odd=True)
        self.even = zeroed(PeriodicConvolution(shape, channels[-1], 2, kernel))
        self.shift = zeroed(PeriodicConvolution(shape, channels[-1], 1, kernel, bias=False))
        self.log_beta = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, frozen: Tensor, moved: Tensor) -> Mapped:
        s, t, alpha, beta = self._conditions(frozen)
        mapped = tanh_map(moved * torch.exp(s) + t, alpha, beta)
        return Mapped(mapped.value, mapped.ladj + s)

    def inverse(self, frozen: Tensor, moved: Tensor) -> Mapped:
        s, t, alpha, beta = self._conditions(frozen)
        y = inverse_tanh_map(moved, alpha, beta)
        return Mapped((y - t) * torch.exp(-s), tanh_map(y, alpha, beta).ladj + s)

    def _conditions(self, frozen: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        h = self.features(frozen)
        raw = torch.cat([self.even(h * h), self.shift(h)], 1).flatten(2)
        s, a, t = torch.index_select(raw, 2, self.moved).unbind(1)
        return torch.tanh(s), t, strength(a), torch.exp(self.log_beta)


class Refinement(nn.Module):
    """One level: (coarse field, normals of the new sites) <-> field of the level."""

    coarse: Tensor
    new: Tensor
    mean: Tensor
    root: Tensor
    inverse_root: Tensor

    def __init__(self, level: Level, settings: Settings) -> None:
        super().__init__()
        for name in ("coarse", "new", "mean", "root"):
            self.register_buffer(name, torch.tensor(getattr(level, name)), persistent=False)
        self.register_buffer(
            "inverse_root", torch.tensor(np.linalg.inv(level.root)), persistent=False
        )
        self.log_det = float(np.linalg.slogdet(level.root)[1])
        self.couplings = nn.ModuleList()
        for _ in range(settings.rounds):
            for group in level.groups:
                rest = np.setdiff1d(np.arange(volume(level.shape)), group)
                self.couplings.append(
                    RefiningCoupling(level, torch.tensor(rest), torch.tensor(group), settings)
                )

    def forward(
        self, coarse: Tensor, z: Tensor, carried: Carried | None = None
    ) -> tuple[Tensor, Tensor]:
        """(batch, c), (batch, n - c) -> (batch, n) and the log-determinant, (batch,).

        `carried`, the gradient of the coarse field's log density, becomes that of the field's.
        """
        field = self._join(coarse, coarse @ self.mean.T + z @ self.root)
        if carried:
            # log N(z) with z = (new - coarse M^T) R^-1.
            of_new = -z.detach() @ self.inverse_root.T
            carried.gradient = self._join(carried.gradient - of_new @ self.mean, of_new)
        log_det = field.new_full((len(field),), self.log_det)
        for coupling in self.couplings:
            assert isinstance(coupling, RefiningCoupling)
            parts, sites = self._parts(coupling, field), (coupling.features.frozen, coupling.moved)
            value, ladj = carried.through(coupling, *parts, *sites) if carried else coupling(*parts)
            field = torch.index_copy(field, 1, coupling.moved, value)
            log_det = log_det + ladj.sum(1)
        return field, log_det

    def inverse(self, field: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(batch, n) -> coarse field, normals, and the log-determinant of the *forward* map."""
        log_det = field.new_full((len(field),), self.log_det)
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, RefiningCoupling)
            value, ladj = coupling.inverse(*self._parts(coupling, field))
            field = torch.index_copy(field, 1, coupling.moved, value)
            log_det = log_det + ladj.sum(1)
        coarse = field[:, self.coarse]
        return coarse, (field[:, self.new] - coarse @ self.mean.T) @ self.inverse_root, log_det

    def _join(self, coarse: Tensor, new: Tensor) -> Tensor:
        field = new.new_empty(len(new), len(self.coarse) + len(self.new))
        field[:, self.coarse], field[:, self.new] = coarse, new
        return field

    def _parts(self, coupling: RefiningCoupling, field: Tensor) -> tuple[Tensor, Tensor]:
        return field[:, coupling.features.frozen], field[:, coupling.moved]


class MultiscaleFlow(Flow):
    """See the module's docstring. The first base normals are those of the coarsest level."""

    def __init__(self, action: Scalar, settings: Settings) -> None:
        super().__init__(action)
        hierarchy = levels(action)
        self.bounds = list(pairwise(np.cumsum([0] + [len(n.new) for n in hierarchy]).tolist()))
        self.levels = nn.ModuleList(Refinement(level, settings) for level in hierarchy)
        self.mean = mean_parameter(action, variational_gaussian(action))

    def forward(self, z: Tensor) -> Draw:
        return self._push(z)

    def with_gradient(self, z: Tensor) -> WithGradient:
        carried = Carried(torch.zeros_like(z[:, :0]))
        return WithGradient(*self._push(z.detach().requires_grad_(), carried), carried.gradient)

    def _push(self, z: Tensor, carried: Carried | None = None) -> Draw:
        field, log_q = z[:, :0], standard_normal_log_density(z)
        for level, (begin, end) in zip(self.levels, self.bounds, strict=True):
            field, log_det = level(field, z[:, begin:end], carried)
            log_q = log_q - log_det
        return Draw(field if self.mean is None else field + self.mean, log_q)

    def log_q(self, phi: Tensor) -> Tensor:
        return self._pull(phi)[1]

    def normals(self, phi: Tensor) -> Tensor:
        return self._pull(phi)[0]

    def _pull(self, phi: Tensor) -> tuple[Tensor, Tensor]:
        """Base normals of given fields, and log q."""
        field, log_q, parts = phi, phi.new_zeros(len(phi)), list[Tensor]()
        field = field if self.mean is None else field - self.mean
        for level in reversed(self.levels):
            assert isinstance(level, Refinement)
            field, z, log_det = level.inverse(field)
            log_q = log_q + standard_normal_log_density(z) - log_det
            parts.append(z)
        return torch.cat(parts[::-1], 1), log_q
