"""The default flow: half of the lattice by exact heat bath, the other half by couplings.

Sites of even parity are independent of each other given the odd ones, and their conditional is a
known one-dimensional density. So q(phi) = q(phi_odd) p(phi_even | phi_odd), and only the marginal

    exp(-S_m(phi_odd)),   S_m = sum_odd U(phi) - sum_even log Z(J_even)

has to be learned: half the sites, and log w without any noise of the other half. The marginal is
learned by equivariant couplings between the two halves of the odd sites, on top of the
variational Gaussian. Reflections, the translations that keep the parity, and Z2 where U is even,
hold by construction; quarter turns hold but for the order in which a coupling's ring maps take
the axes, which alternates.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn

from lfmc.config.flow_sections import HeatbathSettings as Settings
from lfmc.flows.base import Draw, Flow, standard_normal_log_density
from lfmc.flows.control_variates import ControlVariates, of_widths
from lfmc.flows.density_gradient import WithGradient, gradient_at
from lfmc.flows.heatbath.checkerboard import split
from lfmc.flows.heatbath.coupling import Between, EquivariantCoupling
from lfmc.flows.heatbath.lines import Lines
from lfmc.flows.heatbath.mode_prior import ModePrior
from lfmc.flows.heatbath.neighbour_sums import NeighbourSums
from lfmc.flows.heatbath.per_sample import PerSample
from lfmc.flows.heatbath.prior_likelihood import start_of_wells
from lfmc.flows.heatbath.radial import Record, Shells
from lfmc.flows.heatbath.site_conditional import SiteConditional
from lfmc.flows.heatbath.site_tables import site_tables
from lfmc.flows.heatbath.sublattice import Transform
from lfmc.flows.modes import modes
from lfmc.flows.scores import Scored
from lfmc.lattice import FloatArray
from lfmc.theories.scalar import Scalar

START_SAMPLES = 2048  # of p, where the prior has two wells


class HeatbathFlow(Flow):
    """See the module's docstring. Reduced variables: the kept sites, half A before half B."""

    near: Tensor
    order: Tensor

    def __init__(self, action: Scalar, settings: Settings) -> None:
        super().__init__(action)
        halves = split(action.shape)
        self.half_a = len(halves.half_a.sites)
        self.kept = len(halves.kept)
        self.register_buffer("near", torch.tensor(halves.near), persistent=False)
        self.neighbour_sums = NeighbourSums(action.shape, halves.near, self.kept)
        sites = torch.tensor(halves.kept.tolist() + halves.integrated.sites.tolist())
        self.register_buffer("order", sites, persistent=False)
        found = modes(action, settings.wells)
        two = settings.wells == 2
        self.prior = ModePrior(found, halves.kept_cells, two, settings.infrared)
        self.site = SiteConditional(site_tables(action, settings.table))
        first, second, hidden = map(Transform, (halves.half_a, halves.half_b, halves.integrated))

        def between(frozen: Transform, moved: Transform) -> Between:
            return Between(
                frozen=frozen,
                hidden=hidden,
                moved=moved,
                direct=Shells(frozen.part, moved.part),
                to_hidden=Shells(frozen.part, hidden.part),
                from_hidden=Shells(hidden.part, moved.part),
                lines=[Lines(moved.part, hidden.part, axis) for axis in range(len(action.shape))],
            )

        sides = (between(second, first), between(first, second))
        self.couplings = nn.ModuleList()
        for layer in range(settings.layers):
            side = sides[layer % 2]
            lines = side.lines if layer % 4 < 2 else side.lines[::-1]
            self.couplings.append(
                EquivariantCoupling(side._replace(lines=lines), settings, action.even)
            )

    @property
    def reduced_sites(self) -> int:
        return self.kept

    def layers(self) -> list[EquivariantCoupling]:
        """The couplings, in the order in which they move the prior's fields."""
        return [layer for layer in self.couplings if isinstance(layer, EquivariantCoupling)]

    @property
    def start_samples(self) -> int:
        return START_SAMPLES if self.prior.start is not None else 0

    def start_from(self, fields: FloatArray) -> None:
        """Put the wells of the prior where those of p are."""
        like = next(self.parameters())
        with torch.no_grad():
            field = self.prior_field(torch.from_numpy(fields).to(like)).double().cpu()
        found = start_of_wells(deepcopy(self.prior).cpu(), field)
        self.prior.load_state_dict({name: value.to(like) for name, value in found.items()})

    def control_variates(self) -> ControlVariates:
        return of_widths(self.prior.log_sigma.cpu().numpy())

    def reduced(self, z: Tensor) -> Draw:
        return self._push(z)[0]

    def _push(self, z: Tensor) -> tuple[Draw, list[list[Tensor]]]:
        """Reduced samples, and the arguments of the maps of every layer (`Conditions.apply`)."""
        x, log_q = self.prior(z.T.contiguous())
        a, b = x[: self.half_a], x[self.half_a :]
        arguments = []
        for layer, coupling in enumerate(self.layers()):
            frozen, moved = (b, a) if layer % 2 == 0 else (a, b)
            found, (moved, ladj) = coupling.conditions(frozen, coupling.small()).apply(moved)
            a, b = (moved, frozen) if layer % 2 == 0 else (frozen, moved)
            arguments.append(found)
            log_q = log_q - ladj
        return Draw(torch.cat([a, b]).T.contiguous(), log_q), arguments

    def _pull(
        self,
        x: Tensor,
        copies: PerSample | None = None,
        tape: list[Record] | None = None,
        arguments: list[list[Tensor]] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Given reduced variables back to the prior's field (kept, batch), and log determinants.

        Args:
            copies, tape: for scores of single samples.
            arguments: what `_push` found, else the maps are inverted.
        """
        x = x.T.contiguous()
        a, b = x[: self.half_a], x[self.half_a :]
        log_det = x.new_zeros(x.shape[1])
        for layer, coupling in reversed(list(enumerate(self.layers()))):
            frozen, moved = (b, a) if layer % 2 == 0 else (a, b)
            small = copies.of(coupling) if copies else coupling.small()
            conditions = coupling.conditions(frozen, small, tape)
            moved, ladj = conditions.undo(moved, arguments[layer] if arguments else None)
            a, b = (moved, frozen) if layer % 2 == 0 else (frozen, moved)
            log_det = log_det + ladj
        return torch.cat([a, b]), log_det

    def prior_field(self, phi: Tensor) -> Tensor:
        """The prior's field (kept, batch) of given fields (batch, sites), couplings undone."""
        return self._pull(phi[:, self.order[: self.kept]])[0]

    def reduced_action(self, x: Tensor) -> Tensor:
        own = self.action.site_action(x)
        return own.sum(1) - self.site.log_z(self.neighbour_sums(x)).sum(1)

    def reduced_log_q(self, x: Tensor) -> Tensor:
        """log density of given reduced variables, (batch, kept) -> (batch,)."""
        field, log_det = self._pull(x)
        return self.prior.log_density(field) - log_det

    def with_gradient(self, z: Tensor) -> WithGradient:
        (x, log_q), arguments = self._push(z)
        known = [[one.detach() for one in layer] for layer in arguments]

        def log_density(at: Tensor) -> Tensor:
            field, log_det = self._pull(at, arguments=known)
            return self.prior.log_density(field, zero=z.T[:1]) - log_det

        return WithGradient(x, log_q, gradient_at(log_density, x)[1])

    def scores(self, z: Tensor) -> Scored:
        with torch.no_grad():
            (x, log_q), arguments = self._push(z)
            log_weight = -self.reduced_action(x) - log_q
        copies = PerSample(self, len(z))
        tape: list[Record] = []
        field, log_det = self._pull(x, copies, tape, arguments)
        log_density = self.prior.log_density(field, copies.of(self.prior), z.T[:1]) - log_det
        return Scored(x, log_weight, copies.gradients(log_density, tape))

    def forward(self, z: Tensor) -> Draw:
        x, log_q = self.reduced(z[:, : self.kept])
        scores = z[:, self.kept :]
        integrated, ladj = self.site.map(scores, self.neighbour_sums(x))
        phi = torch.empty_like(z)
        phi[:, self.order] = torch.cat([x, integrated], 1)
        return Draw(phi, log_q + standard_normal_log_density(scores) - ladj.sum(1))

    def log_q(self, phi: Tensor) -> Tensor:
        ordered = phi[:, self.order]
        x = ordered[:, : self.kept]
        scores, ladj = self.site.inverse(ordered[:, self.kept :], self.neighbour_sums(x))
        return self.reduced_log_q(x) + standard_normal_log_density(scores) - ladj.sum(1)

    def log_weight(self, phi: Tensor) -> Tensor:
        # The heat-bath half drops out of log w, so it need not be inverted.
        x = phi[:, self.order[: self.kept]]
        return -self.reduced_action(x) - self.reduced_log_q(x)
