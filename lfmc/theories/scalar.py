"""The family of scalar theories with nearest-neighbour hopping.

    S = sum_x [ U(phi_x) - 2 h sum_mu phi_x phi_{x+mu} ]

Lattice units, periodic, no factor 1/2 in front of the kinetic term: for h = 1 it is part of U as
2d phi^2. A member gives U and U'; samplers, tables of the heat bath, the variational Gaussian,
observables, gates and the flows follow from these. A member that is one file:

    @dataclass(frozen=True)
    class Cosine(Scalar):
        kind: ClassVar[str] = "cosine"
        g: float

        def constants(self):
            return (2.0 * self.dimension, self.g)

        @staticmethod
        def potential(phi, a, g):
            return a * phi * phi - g * cos(phi)

        @staticmethod
        def slope(phi, a, g):
            return 2 * a * phi + g * sin(phi)

    THEORY = Cosine
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from lfmc.errors import LfmcError
from lfmc.lattice import neighbours
from lfmc.theories.base import Floats, Identity, Theory
from lfmc.theories.confinement import GRID, potential_on_grid
from lfmc.theories.flat import require_flat
from lfmc.theories.scalar_observables import ScalarObservables
from lfmc.theories.two_point import forward_sum

TAIL = 60.0  # exp(-TAIL) is nothing
DEVIATIONS = 12.0  # of a normal, which are never seen
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(96)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


class ScalarCouplings(NamedTuple):
    """What the kernels of the family need.

    Attributes:
        hopping: h.
        constants: of U.
        code: the member; its type tells kernels whose U this is (`lfmc.theories.scalar_kernels`).
    """

    hopping: float
    constants: tuple[float, ...]
    code: Any


@dataclass(frozen=True)
class Scalar(ScalarObservables, Theory):
    """A member of the family; see the module's docstring.

    Attributes:
        even: whether U(-phi) = U(phi) for all parameters: then there is a cluster algorithm, and
            flows are symmetric.
        hopping: h.

        potential: U(phi, *constants), elementwise, written with `lfmc.theories.functions`: a
            static method, of numpy arrays and torch tensors, which is compiled too.
        slope: U'(phi, *constants), likewise.

    Recorded scalars, averages over the lattice: m = <phi>, phi2 = <phi^2>, U = <U(phi)>,
    virial = <phi U'(phi)>, E = 1/d <sum_mu phi_x phi_{x+mu}>.

    Example:
        >>> class Phi6(lfmc.Scalar):
        ...     kind = "phi6"
        ...
        ...     def constants(self):
        ...         return (2.0 * self.dimension + 1.0,)
        ...
        ...     @staticmethod
        ...     def potential(phi, a):
        ...         return a * phi * phi + phi**6
        ...
        ...     @staticmethod
        ...     def slope(phi, a):
        ...         return 2.0 * a * phi + 6.0 * phi**5
        >>> Phi6((4, 4)).evaluate(np.ones((2, 16)))  # V (a + 1 - 2 d) of a constant field 1
        array([32., 32.])
    """

    scalars: ClassVar[tuple[str, ...]] = ("m", "phi2", "U", "virial", "E")
    family: ClassVar[str] = "scalar"
    hopping: ClassVar[float] = 1.0
    potential: ClassVar[Callable[..., Any]]
    slope: ClassVar[Callable[..., Any]]

    @abstractmethod
    def constants(self) -> tuple[float, ...]:
        """The constants of U, which `potential` and `slope` are given, as floats."""

    @property
    def samplers(self) -> tuple[str, ...]:
        cluster = ("cluster",) if self.even else ()
        return ("hmc", "local", *cluster, "hmc-tuned")

    @property
    def identities(self) -> tuple[Identity, ...]:
        symmetry = (Identity("symmetry", "m", 0.0),) if self.even else ()
        return (Identity("schwinger_dyson", "sd", 1.0), *symmetry)

    def couplings(self) -> Any:
        from lfmc.theories.scalar_kernels import member_code

        constants = tuple(float(c) for c in self.constants())
        return ScalarCouplings(float(self.hopping), constants, member_code(type(self)))

    def evaluate(self, phi: Any) -> Any:
        require_flat(phi, self.numbers, self.kind)
        if isinstance(phi, np.ndarray):
            hop = forward_sum(phi, self.shape)
        else:
            hop = sum(phi[..., site] for site in self._columns[0::2])
        density = self.site_action(phi) - 2 * self.hopping * phi * hop
        return density.sum(-1)

    def gradient(self, phi: Any) -> Any:
        require_flat(phi, self.numbers, self.kind)
        slope = self.slope(phi, *self.constants())
        return slope - 2 * self.hopping * self.neighbour_sum(phi)

    def site_action(self, phi: Any) -> Any:
        """U of every number, numpy or torch."""
        return self.potential(phi, *self.constants())

    def neighbour_sum(self, phi: Any) -> Any:
        """Sum over the 2d nearest neighbours, (..., sites)."""
        return sum(phi[..., site] for site in self._columns)

    def measure(self, phi: Floats) -> dict[str, Floats]:
        hop = forward_sum(phi, self.shape)
        constants = self.constants()
        return {
            "m": phi.mean(1),
            "phi2": (phi * phi).mean(1),
            "U": self.potential(phi, *constants).mean(1),
            "virial": (phi * self.slope(phi, *constants)).mean(1),
            "E": (phi * hop).mean(1) / self.dimension,
        }

    def schwinger_dyson(self, means: dict[str, Floats]) -> Floats:
        """<phi dS/dphi> per site, exactly 1, from expectation values of `scalars`."""
        return means["virial"] - 4 * self.dimension * self.hopping * means["E"]

    def exact(self, average: dict[str, Floats]) -> dict[str, Floats]:
        return {"sd": self.schwinger_dyson(average)}

    def site_range(self, source: float) -> tuple[float, float]:
        """An interval that holds all but exp(-60) of exp(-U(phi) + source phi).

        Raises:
            LfmcError: the potential does not confine within |phi| < 1000, or is no number there.
        """
        exponent = source * GRID - potential_on_grid(self)
        inside = np.flatnonzero(~(exponent < exponent.max() - TAIL))
        if inside[0] == 0 or inside[-1] == len(GRID) - 1 or exponent.max() == np.inf:
            raise LfmcError(f"{self}: the potential does not confine the field to |phi| < 1000")
        return float(GRID[inside[0] - 1]), float(GRID[inside[-1] + 1])

    def largest_field(self) -> float:
        """A value beyond which exp(-S) of a uniform field has fallen by exp(-60) per site.

        Raises:
            LfmcError: the action is not bounded from below within |phi| < 1000, or no number.
        """
        hop = 2 * self.dimension * self.hopping
        density = potential_on_grid(self) - hop * GRID * GRID
        inside = np.flatnonzero(~(density > density.min() + TAIL))
        if inside[0] == 0 or inside[-1] == len(GRID) - 1 or density.min() == -np.inf:
            raise LfmcError(f"{self}: the action is not bounded from below within |phi| < 1000")
        return float(max(-GRID[inside[0] - 1], GRID[inside[-1] + 1]))

    def table_reach(self, phi2: float, mean: float) -> float:
        """|phi| up to which tables are worth their nodes, where the variance is about phi2.

        Raises:
            LfmcError: as `largest_field`.
        """
        # Sites that sit in other wells than most reach farther than the width says.
        alone = max(map(abs, self.site_range(0.0)))
        return min(self.largest_field(), max(abs(mean) + DEVIATIONS * phi2**0.5, alone))

    def bare_gap(self) -> float:
        """U''(0) - 4 d h: inverse variance of the zero mode where nothing is induced."""
        return self.induced_gap(0.0, total=True) - 4 * self.dimension * self.hopping

    def induced_gap(self, phi2: float, mean: float = 0.0, *, total: bool = False) -> float:
        """<U''> - U''(0) of normals of variance phi2 about `mean`; all of <U''> if `total`."""
        width = max(phi2, 1e-8) ** 0.5
        slope = self.slope(mean + width * _NODES, *self.constants())
        curvature = float((_WEIGHTS * _NODES * slope).sum() / width)  # Stein's identity
        return curvature if total else curvature - self.induced_gap(0.0, total=True)

    def mean_slope(self, phi2: float, mean: float) -> float:
        """<U'> of normals of variance phi2 about `mean`."""
        width = max(phi2, 0.0) ** 0.5
        return float((_WEIGHTS * self.slope(mean + width * _NODES, *self.constants())).sum())

    @property
    def _columns(self) -> Any:
        # A copy: torch warns when it is indexed with a read-only array.
        return neighbours(self.shape).T.copy()
