"""Couplings of unit vectors: one colour of the checkerboard moves, driven by the other.

The base is uniform on every sphere, made from N normals per site. Couplings of either map see sums
F_s of the frozen vectors over shells around a moved site, by a network that all sites share:

    boost           by v = sum_s K_s F_s, K_s a function of the products F_s.F_t: O(N) equivariant
    stereographic   y -> y exp(s) + t from one of 2N poles in turn, s and t functions of F_s: breaks
                    O(N), and is singular at its pole

Both start as the identity and are exact both ways. For the record, and for comparison with the
flow `hierarchy` (docs/on-models.md), which is stronger at less cost.
"""

import numpy as np
import torch
from torch import Tensor, nn

from lfmc.config.sphere_couplings_section import SphereCouplingsSettings
from lfmc.errors import LfmcError
from lfmc.flows.base import Base, Draw, Flow
from lfmc.flows.conditioner import connected
from lfmc.flows.sphere_maps import (
    Moved,
    boost,
    inverse_boost,
    inverse_stereographic,
    stereographic,
)
from lfmc.lattice import Shape, coordinates, parity, separation, volume
from lfmc.theories.spheres import Spheres
from lfmc.theories.spheres.exact import log_area


class SphereCoupling(nn.Module):
    """Moves the vectors of one colour, (batch, V/2, N), driven by sums over the other."""

    def __init__(self, n: int, shells: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.n = n
        self.network = self._network(shells, hidden)

    def _network(self, shells: int, hidden: tuple[int, ...]) -> nn.Module:
        raise NotImplementedError

    def forward(self, n: Tensor, sums: Tensor) -> Moved:
        """Vectors after, of vectors (batch, V/2, N) and sums (batch, V/2, shells, N)."""
        raise NotImplementedError

    def inverse(self, n: Tensor, sums: Tensor) -> Moved:
        """Vectors before."""
        raise NotImplementedError


class BoostCoupling(SphereCoupling):
    """See the module's docstring."""

    def _network(self, shells: int, hidden: tuple[int, ...]) -> nn.Module:
        return connected(shells * (shells + 1) // 2, shells, hidden)

    def forward(self, n: Tensor, sums: Tensor) -> Moved:
        return boost(n, self._vector(sums))

    def inverse(self, n: Tensor, sums: Tensor) -> Moved:
        return inverse_boost(n, self._vector(sums))

    def _vector(self, sums: Tensor) -> Tensor:
        products = sums @ sums.transpose(-1, -2)
        shells = sums.shape[-2]
        one, two = torch.triu_indices(shells, shells)
        weights: Tensor = self.network(products[..., one, two])
        return (weights[..., None] * sums).sum(-2)


class StereographicCoupling(SphereCoupling):
    """See the module's docstring."""

    def __init__(self, n: int, shells: int, hidden: tuple[int, ...], layer: int) -> None:
        super().__init__(n, shells, hidden)
        self.pole = (layer // 2 % n, 1 - 2 * (layer // (2 * n) % 2))

    def _network(self, shells: int, hidden: tuple[int, ...]) -> nn.Module:
        return connected(shells * self.n, 2 * (self.n - 1), hidden)

    def forward(self, n: Tensor, sums: Tensor) -> Moved:
        return stereographic(n, *self._conditions(sums), self.pole)

    def inverse(self, n: Tensor, sums: Tensor) -> Moved:
        return inverse_stereographic(n, *self._conditions(sums), self.pole)

    def _conditions(self, sums: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = self.network(sums.flatten(-2)).chunk(2, -1)
        return torch.tanh(raw), shift


class SphereCouplingsFlow(Flow):
    """Uniform vectors, then couplings that move the even, the odd, the even ... sites."""

    action: Spheres
    one_to_one = False  # N normals make a vector of N - 1 directions
    even: Tensor
    odd: Tensor
    around_even: Tensor
    around_odd: Tensor

    def __init__(self, action: Spheres, settings: SphereCouplingsSettings) -> None:
        """Args: theory and settings.

        Raises:
            LfmcError: another theory, N = 1, odd extents, or fewer shells than `settings.shells`.
        """
        super().__init__(action)
        if not isinstance(action, Spheres) or action.N < 2:
            raise LfmcError("flow sphere_couplings: it needs theory spheres with N >= 2")
        wrong = settings.refusal(action.shape)
        if wrong:
            raise LfmcError(f"flow sphere_couplings: {wrong}")
        colour = torch.tensor(parity(action.shape))
        for name, value in (("even", 0), ("odd", 1)):
            sites = torch.nonzero(colour == value)[:, 0]
            self.register_buffer(name, sites, persistent=False)
            matrix = _shell_sums(action.shape, sites.numpy(), settings.shells)
            self.register_buffer(f"around_{name}", torch.from_numpy(matrix), persistent=False)
        n, shells, hidden = action.N, settings.shells, settings.hidden
        self.couplings = nn.ModuleList(
            BoostCoupling(n, shells, hidden)
            if settings.map == "boost"
            else StereographicCoupling(n, shells, hidden, layer)
            for layer in range(settings.couplings)
        )

    def forward(self, z: Tensor) -> Draw:
        """Normals (batch, V N) -> fields (batch, V N) and log q."""
        normals = self.action.spins(z)
        spins = list(self._halves(normals / normals.norm(dim=-1, keepdim=True)))
        log_q = z.new_full((len(z),), -self.sites * log_area(self.action.N))
        for layer, coupling in enumerate(self.couplings):
            moved = layer % 2
            found = coupling(spins[moved], self._sums(spins[1 - moved], moved))
            spins[moved], log_q = found.n, log_q - found.log_slope.sum(1)
        return Draw(self._whole(spins), log_q)

    def log_q(self, phi: Tensor) -> Tensor:
        spins = list(self._halves(self.action.spins(phi)))
        log_q = phi.new_full((len(phi),), -self.sites * log_area(self.action.N))
        for layer in reversed(range(len(self.couplings))):
            moved, coupling = layer % 2, self.couplings[layer]
            assert isinstance(coupling, SphereCoupling)
            found = coupling.inverse(spins[moved], self._sums(spins[1 - moved], moved))
            spins[moved], log_q = found.n, log_q - found.log_slope.sum(1)
        return log_q

    @property
    def base(self) -> Base:
        return Base(self.numbers)

    @property
    def reduced_sites(self) -> int:
        return self.numbers

    def _halves(self, spins: Tensor) -> tuple[Tensor, Tensor]:
        return spins[:, self.even], spins[:, self.odd]

    def _whole(self, spins: list[Tensor]) -> Tensor:
        found = torch.empty_like(torch.cat(spins, 1))
        found[:, self.even], found[:, self.odd] = spins
        return found.flatten(1)

    def _sums(self, frozen: Tensor, moved: int) -> Tensor:
        """Means of the frozen vectors over each shell of a moved site, (batch, V/2, shells, N)."""
        around = self.around_odd if moved else self.around_even
        return torch.einsum("sij,bjn->bisn", around.to(frozen.dtype), frozen)


def _shell_sums(shape: Shape, moved: np.ndarray, shells: int) -> np.ndarray:
    """Matrices (shells, V/2, V/2) that average the other colour over its nearest shells."""
    frozen = np.setdiff1d(np.arange(volume(shape)), moved)
    step = coordinates(shape)[separation(shape, moved, frozen)]
    distance = (np.minimum(step, np.array(shape) - step) ** 2).sum(-1)
    radii = np.unique(distance)[:shells]
    if len(radii) < shells:
        raise LfmcError(
            f"flow sphere_couplings: shells: {shells} is more than the {len(radii)} of shape "
            f"{list(shape)}"
        )
    inside = (distance[None] == radii[:, None, None]).astype(np.float64)
    return np.asarray(inside / inside.sum(-1, keepdims=True))
