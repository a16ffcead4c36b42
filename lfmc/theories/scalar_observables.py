"""What is measured of a real field with one number per site: one list for tables and gates.

    chi2 = V <m^2>, E, further scalars, m, absm = <|m|>, binder = <m^4>/<m^2>^2
    G0 = G_c(0);  m2ndL = second-moment mass times L
    Gt_t = G~_c(p=0, t), t = 0 ... T/2;  mLeff_t = effective mass times L, t = 1 ... T/2

in lattice units, from scalars and the two-point function (arXiv:1904.12072, eq. 22-28). Where
phi -> -phi is a symmetry, <phi> = 0 and nothing is subtracted (a gate checks it). Where it is not,
G_c(x) = G(x) - <m>^2 and chi2 = V (<m^2> - <m>^2) are connected, from expectation values, and absm
and binder are left out.
"""

from typing import ClassVar

import numpy as np

from lfmc.lattice import Shape, separation_orbits, volume
from lfmc.theories.base import Field, Floats, Means
from lfmc.theories.masses import effective_mass, second_moment_mass
from lfmc.theories.two_point import two_point, zero_momentum_correlator


class ScalarObservables:
    """The observables of a real field on sites, whose scalars begin with m and end with E.

    Attributes:
        field: one real number per site.
        scalars: recorded of every update; m, phi2 and E are among them.
        even: whether phi -> -phi is a symmetry.
    """

    field: ClassVar[Field] = Field()
    scalars: ClassVar[tuple[str, ...]]
    even: ClassVar[bool] = True

    shape: Shape

    @property
    def odd(self) -> str:
        return "m" if self.even else ""

    @property
    def slowest(self) -> str:
        return "chi2" if self.even else "m"

    @property
    def series(self) -> tuple[str, ...]:
        return ("E", "chi2", "phi2", "m", "absm" if self.even else "G0")

    @property
    def compared(self) -> tuple[str, ...]:
        return ("chi2", "E", "phi2") if self.even else ("chi2", "E", "phi2", "m")

    @property
    def scales(self) -> dict[str, str]:
        higher = [name for name in ("phi4",) if name in self.scalars]
        return {"chi2": "chi2", "E": "phi2", "phi2": "phi2"} | {name: name for name in higher}

    @property
    def separations(self) -> int:
        return len(separation_orbits(self.shape).size)

    def correlators(self, phi: Floats) -> Floats:
        """The two-point function G(x) per orbit of x, (batch, sites) -> (batch, orbits)."""
        return two_point(phi, self.shape)

    def series_of(self, name: str, scalars: dict[str, Floats]) -> Floats:
        """One of `series` of every update; deviations from a mean are those from the chains'."""
        if name in scalars:
            return scalars[name]
        m = scalars["m"].astype(np.float64)
        if name == "absm":
            return np.abs(scalars["m"])
        if name == "G0":  # the deviations that <phi2> - <m>^2 has to first order
            return scalars["phi2"] - 2 * m.mean() * m
        if not self.even:
            m = m - m.mean()
        return volume(self.shape) * m * m

    def slow_series(self, scalars: dict[str, Floats]) -> Floats:
        """m^2 of every update, or m where that has no symmetry."""
        m = scalars["m"].astype(np.float64)
        return m * m if self.even else m

    def averaged(self, scalars: dict[str, Floats]) -> dict[str, Floats]:
        """m, the powers of m that observables need, and the other scalars."""
        m = scalars["m"]
        powers = {"m": m, "absm": np.abs(m), "m2": m * m, "m4": m**4}
        if not self.even:
            powers = {"m": m, "m2": m * m}
        return powers | {name: scalars[name] for name in self.scalars if name != "m"}

    def observables(self, means: Means) -> dict[str, Floats]:
        """Every derived quantity of the module's list, in the order of tables."""
        average, correlation = means
        m, square, extent = average["m"], average["m2"], self.shape[0]
        if not self.even:
            square = square - m * m
            correlation = correlation - (m * m)[..., None]
        others = [name for name in self.scalars if name not in ("m", "E")]
        found = {"chi2": volume(self.shape) * square, "E": average["E"]}
        found |= {name: average[name] for name in others} | {"m": m}
        if self.even:
            found |= {"absm": average["absm"], "binder": average["m4"] / square**2}
        found |= self.exact(average)
        found |= {
            "G0": correlation[..., 0],
            "m2ndL": extent * second_moment_mass(correlation, self.shape),
        }
        correlator = zero_momentum_correlator(correlation, self.shape)
        masses = extent * effective_mass(correlator)
        found |= {f"Gt_{t}": correlator[..., t] for t in range(extent // 2 + 1)}
        return found | {f"mLeff_{t + 1}": masses[..., t] for t in range(extent // 2)}

    def exact(self, average: dict[str, Floats]) -> dict[str, Floats]:
        """Quantities whose value is known; none of an action of which nothing is known."""
        return {}
