"""Scalar phi^4 theory in an external field, which breaks phi -> -phi."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from lfmc.theories.scalar import Scalar


@dataclass(frozen=True)
class Phi4InField(Scalar):
    """phi^4 in the convention of `lfmc.theories.phi4` with a source for every site.

        S = sum_x [ (2d + m2) phi_x^2 + lam phi_x^4 - J phi_x - 2 sum_mu phi_x phi_{x+mu} ]

    <phi> = d log Z / dJ per site does not vanish, so there is no cluster algorithm of the signs.
    """

    kind: ClassVar[str] = "phi4_in_field"
    example: ClassVar[dict[str, float]] = {"m2": -4.0, "lam": 6.0, "J": 0.1}
    even: ClassVar[bool] = False

    m2: Annotated[float, Field(ge=-1e9, le=1e9)]
    lam: Annotated[float, Field(gt=0, le=1e9)]
    J: Annotated[float, Field(ge=-1e9, le=1e9)]

    def constants(self) -> tuple[float, ...]:
        return (2 * self.dimension + self.m2, self.lam, self.J)

    @staticmethod
    def potential(phi: Any, a: float, lam: float, source: float) -> Any:
        square = phi * phi
        return (a + lam * square) * square - source * phi

    @staticmethod
    def slope(phi: Any, a: float, lam: float, source: float) -> Any:
        return phi * (2.0 * a + 4.0 * lam * (phi * phi)) - source


THEORY = Phi4InField
