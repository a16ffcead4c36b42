"""Couplings that alternate on the checkerboard, on top of a prior of the whole lattice."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from lfmc.config.flow_sections import PriorKind
from lfmc.flows.base import Draw, Flow
from lfmc.flows.density_gradient import Carried, WithGradient, gradient_at
from lfmc.flows.monotone import Mapped
from lfmc.flows.prior import build_prior
from lfmc.lattice import parity
from lfmc.theories.scalar import Scalar


class Coupling(nn.Module):
    """Moves one colour, driven by the other: a monotone map of each moved site."""

    def forward(self, frozen: Tensor, moved: Tensor) -> Mapped:
        """(batch, V/2) each -> the moved colour and the log slope of each of its sites."""
        raise NotImplementedError

    def inverse(self, frozen: Tensor, moved: Tensor) -> Mapped:
        """The moved colour before, and the log slope of the *forward* map there."""
        raise NotImplementedError


# (frozen sites, moved sites) -> the coupling that moves them.
Maker = Callable[[Tensor, Tensor], Coupling]


class AlternatingFlow(Flow):
    """Prior, then couplings that move the even, the odd, the even ... sites."""

    even: Tensor
    odd: Tensor

    def __init__(self, action: Scalar, prior: PriorKind, couplings: Iterable[Maker]) -> None:
        super().__init__(action)
        colour = torch.tensor(parity(action.shape))
        self.register_buffer("even", torch.nonzero(colour == 0)[:, 0], persistent=False)
        self.register_buffer("odd", torch.nonzero(colour == 1)[:, 0], persistent=False)
        self.prior = build_prior(action, prior)
        self.couplings = nn.ModuleList(
            make(self.odd, self.even) if layer % 2 == 0 else make(self.even, self.odd)
            for layer, make in enumerate(couplings)
        )

    def forward(self, z: Tensor) -> Draw:
        return self._push(self.prior(z))

    def with_gradient(self, z: Tensor) -> WithGradient:
        start = self.prior(z.detach().requires_grad_())
        carried = Carried(gradient_at(self.prior.log_density, start.phi)[1])
        return WithGradient(*self._push(start, carried), carried.gradient)

    def _push(self, start: Draw, carried: Carried | None = None) -> Draw:
        """Samples of the prior -> of the flow; `carried` goes along, if given."""
        x, log_q = start
        at_moved, at_frozen = self.even, self.odd
        moved, frozen = x[:, at_moved], x[:, at_frozen]
        for coupling in self.couplings:
            value, ladj = (
                carried.through(coupling, frozen, moved, at_frozen, at_moved)
                if carried
                else coupling(frozen, moved)
            )
            moved, frozen = frozen, value
            at_moved, at_frozen = at_frozen, at_moved
            log_q = log_q - ladj.sum(1)
        return Draw(self._assemble(moved, frozen), log_q)

    def log_q(self, phi: Tensor) -> Tensor:
        x, log_det = self._pull(phi)
        return self.prior.log_density(x) - log_det

    def normals(self, phi: Tensor) -> Tensor:
        return self.prior.normals(self._pull(phi)[0])

    def _pull(self, phi: Tensor) -> tuple[Tensor, Tensor]:
        """The prior's fields of given ones, and the log determinant of the couplings, (batch,)."""
        first, second = phi[:, self.even], phi[:, self.odd]
        moved, frozen = (first, second) if len(self.couplings) % 2 == 0 else (second, first)
        log_det = phi.new_zeros(len(phi))
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, Coupling)
            value, ladj = coupling.inverse(moved, frozen)
            moved, frozen = value, moved
            log_det = log_det + ladj.sum(1)
        x = phi.new_empty(phi.shape)
        x[:, self.even], x[:, self.odd] = moved, frozen
        return x, log_det

    def _assemble(self, moved: Tensor, frozen: Tensor) -> Tensor:
        swapped = len(self.couplings) % 2 == 1
        first, second = (frozen, moved) if swapped else (moved, frozen)
        phi = first.new_empty(len(first), self.sites)
        phi[:, self.even], phi[:, self.odd] = first, second
        return phi
