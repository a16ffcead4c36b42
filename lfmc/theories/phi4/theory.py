"""Scalar phi^4 theory in the convention of arXiv:1904.12072, eq. 20-21."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lfmc.errors import LfmcError
from lfmc.theories.base import Floats, Reference
from lfmc.theories.flat import require_flat
from lfmc.theories.phi4.reference import find_reference
from lfmc.theories.scalar import TAIL, Scalar
from lfmc.theories.two_point import averages


@dataclass(frozen=True)
class Phi4(Scalar):
    """Scalar phi^4 theory in the convention of arXiv:1904.12072, eq. 20-21.

        S = sum_x [ (2d + m2) phi_x^2 + lam phi_x^4 - 2 sum_mu phi_x phi_{x+mu} ]

    Lattice units, periodic, no factor 1/2 in front of the kinetic term. ``normalisation`` scales
    the quadratic part only: 1 here; 0.5 is the form of the talk slides and exists as the
    negative control of the gates.

    Fields are flat, (..., volume); numpy arrays and torch tensors both work. Recorded scalars are
    m = 1/V sum phi (signed), phi2 = 1/V sum phi^2, phi4 = 1/V sum phi^4 and
    E = 1/(V d) sum_x sum_mu phi_x phi_{x+mu}.

    What the family derives from U is given here in closed form, which also is what keeps the bits
    of results that were made when phi^4 was the only theory.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> phi = np.ones((3, 16))  # S = V (m2 + lam) phi^4 of a constant field 1
        >>> theory.evaluate(phi).round(6)
        array([47.6, 47.6, 47.6])
        >>> theory.gradient(phi).shape
        (3, 16)
    """

    kind: ClassVar[str] = "phi4"
    example: ClassVar[dict[str, float]] = {"m2": -4.0, "lam": 6.008}
    scalars: ClassVar[tuple[str, ...]] = ("m", "phi2", "phi4", "E")
    line: ClassVar[tuple[str, ...]] = ("m2", "normalisation")

    m2: float
    lam: float
    normalisation: float = 1.0

    def label(self) -> str:
        return f"m2 = {self.m2:g}, lam = {self.lam:g}"

    @property
    def quadratic(self) -> float:
        """Coefficient of phi_x^2."""
        return self.normalisation * (2 * self.dimension + self.m2)

    @property
    def hopping(self) -> float:  # type: ignore[override]
        """Coefficient h in -2 h sum_mu phi_x phi_{x+mu}."""
        return self.normalisation

    def constants(self) -> tuple[float, ...]:
        return (float(self.quadratic), float(self.lam))

    @staticmethod
    def potential(phi: Any, *constants: float) -> Any:
        quadratic, lam = constants
        return quadratic * phi**2 + lam * phi**4

    @staticmethod
    def slope(phi: Any, *constants: float) -> Any:
        quadratic, lam = constants
        return 2 * quadratic * phi + 4 * lam * phi**3

    def couplings(self) -> Any:
        from lfmc.theories.phi4.kernels import Phi4Couplings

        return Phi4Couplings(float(self.quadratic), float(self.lam), float(self.hopping))

    def site_action(self, phi: Any) -> Any:
        square = phi * phi
        return (self.quadratic + self.lam * square) * square

    def gradient(self, phi: Any) -> Any:
        require_flat(phi, self.numbers, self.kind)
        near = self.neighbour_sum(phi)
        cubic = 4 * self.lam * phi * phi * phi
        return 2 * self.quadratic * phi + cubic - 2 * self.hopping * near

    def measure(self, phi: Floats) -> dict[str, Floats]:
        return averages(phi, self.shape)

    def schwinger_dyson(self, means: dict[str, Floats]) -> Floats:
        quartic = 4 * self.lam * means["phi4"]
        hop = 4 * self.dimension * self.hopping * means["E"]
        return quartic + 2 * self.quadratic * means["phi2"] - hop

    def site_range(self, source: float) -> tuple[float, float]:
        a, lam = self.quadratic, self.lam
        coarse = np.linspace(-1, 1, 2001)
        wide = coarse * (
            (source + 1) / max(a, 0.05)
            if lam == 0
            else 4
            + 4 * (max(-a, 0) / lam) ** 0.5
            + (source / (2 * lam)) ** (1 / 3) * 2
            + 4 * lam**-0.25
        )
        if lam == 0:
            wide = wide + np.sign(wide) * 12 / max(a, 0.05) ** 0.5
        exponent = -a * wide**2 - lam * wide**4 + source * wide
        inside = np.flatnonzero(exponent > exponent.max() - TAIL)
        return wide[max(inside[0] - 1, 0)], wide[min(inside[-1] + 1, len(wide) - 1)]

    def largest_field(self) -> float:
        mass = self.quadratic - 2 * self.dimension * self.hopping
        depth = mass**2 / (4 * self.lam) if self.lam > 0 and mass < 0 else 0.0
        grid = np.geomspace(1e-2, 1e3, 4000)
        # Counted from the bottom of the wells: at the origin, between deep ones, it is above 60.
        within = np.flatnonzero(mass * grid**2 + self.lam * grid**4 + depth <= TAIL)
        if len(within) == 0:
            raise LfmcError(
                f"the wells of the potential, {depth:.3g} below its barrier at phi = 0, are too "
                "far or too narrow for the tables of flow.model.kind = heatbath; take another kind"
            )
        if within[-1] == len(grid) - 1:
            raise LfmcError("the action is not bounded from below within |phi| < 1000")
        return float(grid[within[-1] + 1])

    def table_reach(self, phi2: float, mean: float) -> float:
        return self.largest_field()

    def bare_gap(self) -> float:
        return 2 * (self.quadratic - 2 * self.dimension * self.hopping)

    def induced_gap(self, phi2: float, mean: float = 0.0, *, total: bool = False) -> float:
        induced = 12 * self.lam * (phi2 + mean * mean)
        return induced + 2 * self.quadratic if total else induced

    def reference(self) -> Reference | None:
        return find_reference(self.shape, self.m2, self.lam)
