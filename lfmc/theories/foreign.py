"""Theories that know nothing but their action: what can be measured of any real field on sites."""

from typing import Any

from lfmc.lattice import Shape
from lfmc.theories.base import Action, Floats, Theory
from lfmc.theories.two_point import averages, two_point


class Foreign:
    """An object with `shape` and `evaluate`, measured as a scalar field: m, phi2, phi4 and E."""

    scalars = ("m", "phi2", "phi4", "E")

    def __init__(self, action: Action) -> None:
        self.action = action

    @property
    def shape(self) -> Shape:
        return self.action.shape

    def evaluate(self, phi: Any) -> Any:
        """S of each configuration."""
        return self.action.evaluate(phi)

    def measure(self, phi: Floats) -> dict[str, Floats]:
        """`scalars` of each configuration, (batch, sites) -> (batch,) each."""
        return averages(phi, self.shape)

    def correlators(self, phi: Floats) -> Floats:
        """The two-point function, (batch, sites) -> (batch, orbits)."""
        return two_point(phi, self.shape)


def measurable(theory: Any) -> Theory | Foreign:
    """The theory itself, or what can be measured of one that only has an action."""
    return theory if isinstance(theory, Theory | Foreign) else Foreign(theory)
