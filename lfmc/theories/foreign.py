"""Theories of which only the action is known, and what can be measured of any real field."""

from typing import Any, ClassVar

from lfmc.lattice import Shape
from lfmc.theories.base import Action, Floats, Theory
from lfmc.theories.scalar_observables import ScalarObservables
from lfmc.theories.two_point import averages


class RealField(ScalarObservables):
    """A real field on sites: m, phi2, phi4, E and what follows, nothing subtracted."""

    scalars: ClassVar[tuple[str, ...]] = ("m", "phi2", "phi4", "E")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    @property
    def numbers(self) -> int:
        """Numbers of one configuration."""
        return self.field.numbers(self.shape)

    def measure(self, phi: Floats) -> dict[str, Floats]:
        """`scalars` of each configuration, (batch, sites) -> (batch,) each."""
        return averages(phi, self.shape)


class Foreign(RealField):
    """An object with `shape` and `evaluate`, measured as a real field."""

    def __init__(self, action: Action) -> None:
        super().__init__(action.shape)
        self.action = action

    def evaluate(self, phi: Any) -> Any:
        """S of each configuration."""
        return self.action.evaluate(phi)


def measurable(theory: Any) -> Theory | Foreign:
    """The theory itself, or what can be measured of one that only has an action."""
    return theory if isinstance(theory, Theory | Foreign) else Foreign(theory)
