"""Scalar theory with a sextic coupling, whose transition can be of first order."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from lfmc.theories.scalar import Scalar


@dataclass(frozen=True)
class Phi6(Scalar):
    """S = sum_x [ (2d + m2) phi^2 + lam phi^4 + kappa phi^6 - 2 sum_mu phi_x phi_{x+mu} ]."""

    kind: ClassVar[str] = "lfmc_example.phi6"
    example: ClassVar[dict[str, float]] = {"m2": -2.0, "lam": 1.0, "kappa": 1.0}

    m2: float
    lam: float
    kappa: Annotated[float, Field(gt=0)]

    def constants(self) -> tuple[float, ...]:
        return (2 * self.dimension + self.m2, self.lam, self.kappa)

    @staticmethod
    def potential(phi: Any, a: float, lam: float, kappa: float) -> Any:
        square = phi * phi
        return (a + (lam + kappa * square) * square) * square

    @staticmethod
    def slope(phi: Any, a: float, lam: float, kappa: float) -> Any:
        square = phi * phi
        return phi * (2.0 * a + (4.0 * lam + 6.0 * kappa * square) * square)
