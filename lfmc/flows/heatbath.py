"""The default flow: half of the lattice by exact heat bath, the other half by couplings.

Sites of even parity are independent of each other given the odd ones, and their conditional is a
known one-dimensional density. So q(phi) = q(phi_odd) p(phi_even | phi_odd), and only the marginal

    exp(-S_m(phi_odd)),   S_m = sum_odd (A phi^2 + lam phi^4) - sum_even log Z(J_even)

has to be learned: half the sites, and log w without any noise of the other half. The marginal is
learned by equivariant couplings between the two halves of the odd sites, on top of the
variational Gaussian. Z2, the translations that keep the parity and the point group (d = 2) hold
by construction.
"""

import torch
from torch import Tensor, nn

from lfmc.action import Phi4
from lfmc.flow_sections import HeatbathSettings as Settings
from lfmc.flows.base import Draw, Flow, standard_normal_log_density
from lfmc.flows.checkerboard import split
from lfmc.flows.coupling import Between, EquivariantCoupling
from lfmc.flows.density_gradient import Carried, WithGradient, gradient_at
from lfmc.flows.gaussian import ModePrior
from lfmc.flows.modes import modes
from lfmc.flows.radial import Record, Shells
from lfmc.flows.scores import PerSample, Scored
from lfmc.flows.site_conditional import SiteConditional
from lfmc.flows.site_tables import site_tables
from lfmc.lattice import IntArray


class HeatbathFlow(Flow):
    """See the module's docstring. Reduced variables: the kept sites, half A before half B."""

    adjacency: Tensor
    order: Tensor

    def __init__(self, action: Phi4, settings: Settings) -> None:
        super().__init__(action)
        halves = split(action.shape)
        self.half_a = halves.half_a
        self.kept = len(halves.kept)
        self.register_buffer("adjacency", torch.tensor(halves.adjacency), persistent=False)
        sites = torch.tensor(halves.kept.tolist() + halves.integrated.tolist())
        self.register_buffer("order", sites, persistent=False)
        self.prior = ModePrior(modes(action, halves.kept))
        self.site = SiteConditional(site_tables(action, settings.table))
        half = (halves.kept[: halves.half_a], halves.kept[halves.half_a :])

        def shells(moved: IntArray, frozen: IntArray) -> Between:
            hidden = halves.integrated
            pairs = ((moved, frozen), (hidden, frozen), (moved, hidden))
            return Between(*(Shells(action.shape, targets, sources) for targets, sources in pairs))

        between = (shells(*half), shells(*half[::-1]))
        self.couplings = nn.ModuleList(
            EquivariantCoupling(
                between[layer % 2], settings.features, settings.pairs, settings.smooth
            )
            for layer in range(settings.layers)
        )

    @property
    def reduced_sites(self) -> int:
        return self.kept

    def _layers(self) -> list[EquivariantCoupling]:
        return [layer for layer in self.couplings if isinstance(layer, EquivariantCoupling)]

    def reduced(self, z: Tensor) -> Draw:
        return self._push(self.prior(z))[0]

    def with_gradient(self, z: Tensor) -> WithGradient:
        start = self.prior(z.detach().requires_grad_())

        def log_density(x: Tensor) -> Tensor:
            return self.prior.log_density(x, zero=z[:, :1])

        carried = Carried(gradient_at(log_density, start.phi)[1])
        return WithGradient(*self._push(start, carried)[0], carried.gradient)

    def _push(self, start: Draw, carried: Carried | None = None) -> tuple[Draw, list[Tensor]]:
        """Samples of the prior -> reduced samples, and every layer's argument of its monotone map.

        `carried` goes along, if given.
        """
        x, log_q = start
        at_a, at_b = slice(self.half_a), slice(self.half_a, None)
        a, b = x[:, at_a], x[:, at_b]
        arguments = []
        for layer, coupling in enumerate(self._layers()):
            frozen, moved = (b, a) if layer % 2 == 0 else (a, b)
            if carried:
                at = (at_b, at_a) if layer % 2 == 0 else (at_a, at_b)
                moved, ladj = carried.through(coupling, frozen, moved, *at)
            else:
                y, (moved, ladj) = coupling.conditions(frozen, coupling.small()).apply(moved)
                arguments.append(y)
            a, b = (moved, frozen) if layer % 2 == 0 else (frozen, moved)
            log_q = log_q - ladj.sum(1)
        return Draw(torch.cat([a, b], 1), log_q), arguments

    def reduced_action(self, x: Tensor) -> Tensor:
        square = x * x
        own = (self.action.quadratic + self.action.lam * square) * square
        return own.sum(1) - self.site.log_z(x @ self.adjacency).sum(1)

    def reduced_log_q(self, x: Tensor) -> Tensor:
        log_det = x.new_zeros(len(x))
        for layer, coupling in reversed(list(enumerate(self._layers()))):
            a, b = x[:, : self.half_a], x[:, self.half_a :]
            frozen, moved = (b, a) if layer % 2 == 0 else (a, b)
            moved, ladj = coupling.inverse(frozen, moved)
            x = torch.cat((moved, frozen) if layer % 2 == 0 else (frozen, moved), 1)
            log_det = log_det + ladj.sum(1)
        return self.prior.log_density(x) - log_det

    def scores(self, z: Tensor) -> Scored:
        with torch.no_grad():
            (x, log_q), arguments = self._push(self.prior(z))
            log_weight = -self.reduced_action(x) - log_q
        copies = PerSample(self, len(z))
        tape: list[Record] = []
        log_det = x.new_zeros(len(x))
        field = x
        for layer, coupling in reversed(list(enumerate(self._layers()))):
            a, b = field[:, : self.half_a], field[:, self.half_a :]
            frozen, moved = (b, a) if layer % 2 == 0 else (a, b)
            said = coupling.conditions(frozen, copies.of(coupling), tape)
            moved, ladj = said.undo(moved, arguments[layer])
            field = torch.cat((moved, frozen) if layer % 2 == 0 else (frozen, moved), 1)
            log_det = log_det + ladj.sum(1)
        log_density = self.prior.log_density(field, copies.of(self.prior), z[:, :1]) - log_det
        return Scored(x, log_weight, copies.gradients(log_density, tape))

    def forward(self, z: Tensor) -> Draw:
        x, log_q = self.reduced(z[:, : self.kept])
        scores = z[:, self.kept :]
        integrated, ladj = self.site.map(scores, x @ self.adjacency)
        phi = torch.empty_like(z)
        phi[:, self.order] = torch.cat([x, integrated], 1)
        return Draw(phi, log_q + standard_normal_log_density(scores) - ladj.sum(1))

    def log_q(self, phi: Tensor) -> Tensor:
        ordered = phi[:, self.order]
        x = ordered[:, : self.kept]
        scores, ladj = self.site.inverse(ordered[:, self.kept :], x @ self.adjacency)
        return self.reduced_log_q(x) + standard_normal_log_density(scores) - ladj.sum(1)

    def log_weight(self, phi: Tensor) -> Tensor:
        # The heat-bath half drops out of log w, so it need not be inverted.
        x = phi[:, self.order[: self.kept]]
        return -self.reduced_action(x) - self.reduced_log_q(x)
