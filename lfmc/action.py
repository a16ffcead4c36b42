"""Actions: S, its gradient and its couplings. A second theory is a second class beside Phi4."""

from dataclasses import dataclass
from math import isfinite
from operator import index
from typing import Any, Protocol

from lfmc.config.problems import validated
from lfmc.config.sections import Ensemble
from lfmc.errors import LfmcError
from lfmc.lattice import Shape, neighbours


class Action(Protocol):
    """What samplers and flows need of a theory."""

    @property
    def shape(self) -> Shape:
        """Extents of the lattice."""
        ...

    def evaluate(self, phi: Any) -> Any:
        """S of each configuration of a batch (..., volume) -> (...)."""
        ...

    def gradient(self, phi: Any) -> Any:
        """dS/dphi, (..., volume) -> (..., volume); the force is its negative."""
        ...


@dataclass(frozen=True)
class Phi4:
    """Scalar phi^4 theory in the convention of arXiv:1904.12072, eq. 20-21.

        S = sum_x [ (2d + m2) phi_x^2 + lam phi_x^4 - 2 sum_mu phi_x phi_{x+mu} ]

    Lattice units, periodic, no factor 1/2 in front of the kinetic term. ``normalisation`` scales
    the quadratic part only: 1 here; .5 is the form of the talk slides and exists as the
    negative control of the gates.

    Fields are flat, (..., volume); numpy arrays and torch tensors both work.
    """

    shape: Shape
    m2: float
    lam: float
    normalisation: float = 1.0

    def __post_init__(self) -> None:
        """Lists become tuples, and what is no number is refused.

        Raises:
            LfmcError: extents that are not whole numbers from 1 on, couplings that are not finite.
        """
        try:
            object.__setattr__(self, "shape", tuple(index(n) for n in self.shape))
            numbers = [float(x) for x in (self.m2, self.lam, self.normalisation)]
        except (TypeError, ValueError):
            numbers = []
        if not numbers or not all(map(isfinite, numbers)) or min(self.shape, default=1) < 1:
            raise LfmcError(
                f"Phi4({self.shape!r}, m2={self.m2!r}, lam={self.lam!r}): give a list of extents, "
                "whole numbers from 1 on, and finite couplings"
            )

    @property
    def dimension(self) -> int:
        return len(self.shape)

    @property
    def quadratic(self) -> float:
        """Coefficient of phi_x^2."""
        return self.normalisation * (2 * self.dimension + self.m2)

    @property
    def hopping(self) -> float:
        """Coefficient h in -2 h sum_mu phi_x phi_{x+mu}."""
        return self.normalisation

    def evaluate(self, phi: Any) -> Any:
        square = phi * phi
        hop = sum(phi[..., site] for site in self._columns[0::2])
        density = (self.quadratic + self.lam * square) * square - 2 * self.hopping * phi * hop
        return density.sum(-1)

    def gradient(self, phi: Any) -> Any:
        near = self.neighbour_sum(phi)
        cubic = 4 * self.lam * phi * phi * phi
        return 2 * self.quadratic * phi + cubic - 2 * self.hopping * near

    def neighbour_sum(self, phi: Any) -> Any:
        """Sum over the 2d nearest neighbours, (..., volume)."""
        return sum(phi[..., site] for site in self._columns)

    @property
    def _columns(self) -> Any:
        # A copy: torch warns when it is indexed with a read-only array.
        return neighbours(self.shape).T.copy()


def action_of(ensemble: Ensemble) -> Phi4:
    """The action of an ensemble's settings."""
    return Phi4(ensemble.sites, ensemble.m2, ensemble.lam, ensemble.normalisation)


def settings_of(action: Phi4, name: str) -> Ensemble:
    """The settings of which `action_of` makes this action.

    Raises:
        LfmcError: a lattice or couplings that no ensemble may have.
    """
    raw = {"name": name, "shape": list(action.shape), "m2": action.m2, "lam": action.lam}
    return validated(Ensemble, raw | {"normalisation": action.normalisation}, f"{action}")
