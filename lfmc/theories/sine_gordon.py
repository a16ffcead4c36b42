"""The sine-Gordon model: a free field in a periodic potential."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from lfmc.theories.functions import cos, sin
from lfmc.theories.scalar import Scalar


@dataclass(frozen=True)
class SineGordon(Scalar):
    """The sine-Gordon model with a mass term, which confines the constant mode.

        S = sum_x [ (d + m2/2) phi^2 - sum_mu phi_x phi_{x+mu} + g (1 - cos(beta phi)) ]

    so that the kinetic term is 1/2 (d phi)^2, as in S. Coleman, Phys. Rev. D 11 (1975) 2088.
    g = 0 is the free field of mass^2 m2; to first order in beta^2 the mass^2 is m2 + g beta^2.
    """

    kind: ClassVar[str] = "sine_gordon"
    example: ClassVar[dict[str, float]] = {"beta": 1.5, "g": 0.8, "m2": 0.5}
    hopping: ClassVar[float] = 0.5

    beta: Annotated[float, Field(gt=0, le=100)]
    g: Annotated[float, Field(ge=0, le=1e6)]
    m2: Annotated[float, Field(gt=0, le=1e6)]

    def constants(self) -> tuple[float, ...]:
        return (self.dimension + self.m2 / 2, self.g, self.beta)

    @staticmethod
    def potential(phi: Any, a: float, g: float, beta: float) -> Any:
        return a * phi * phi + g * (1.0 - cos(beta * phi))

    @staticmethod
    def slope(phi: Any, a: float, g: float, beta: float) -> Any:
        return 2.0 * a * phi + (g * beta) * sin(beta * phi)


THEORY = SineGordon
