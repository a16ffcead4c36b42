"""U(1) gauge theory in two dimensions: S = -beta sum_x cos P(x)."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
import pydantic

from lfmc.errors import LfmcError
from lfmc.lattice.links import staples
from lfmc.theories.base import Field, Floats, Identity, Means, Theory
from lfmc.theories.flat import require_flat
from lfmc.theories.functions import cos, sin
from lfmc.theories.u1 import exact
from lfmc.theories.u1.decimation import perfect_links
from lfmc.theories.u1.loops import (
    areas,
    distances,
    loop_cosines,
    loops,
    plaquette_angles,
)

LIKELY = 0.05  # charges that are less probable are pooled
WHOLE = 1e-9
THETAS = {"Z_half_pi": 0.5 * math.pi, "Z_pi": math.pi}


@dataclass(frozen=True)
class U1(Theory):
    """Angles th on the links of a two-dimensional lattice, S = -beta sum_x cos P(x),

        P(x) = th_0(x) + th_1(x + 0) - th_0(x + 1) - th_1(x).

    Fields are flat, (..., 2V), link (x, mu) at 2x + mu, or (..., *shape, 2). Recorded scalars are
    plaquette = 1/V sum cos P, force2 = the average over links of (sin P - sin P')^2 of their two
    plaquettes, and Q = 1/(2 pi) sum of P wrapped into [-pi, pi], a whole number.
    Conventions of arXiv:2003.06413 and arXiv:2101.08176. Everything is known in closed form
    (`lfmc.theories.u1.exact`), and `identities` compares with it.
    """

    kind: ClassVar[str] = "u1"
    family: ClassVar[str] = "u1"
    field: ClassVar[Field] = Field("links", 1, "circle")
    scalars: ClassVar[tuple[str, ...]] = ("plaquette", "force2", "Q")
    example: ClassVar[dict[str, float]] = {"beta": 2.0}
    line: ClassVar[tuple[str, ...]] = ("flux",)
    own_samplers: ClassVar[dict[str, str]] = {"hmc": "lfmc.samplers.u1_hmc:U1_HMC"}
    own_flow: ClassVar[str] = "decimation"

    beta: Annotated[float, pydantic.Field(gt=0, le=1000)]

    def __post_init__(self) -> None:
        """Also refuses what is no two-dimensional lattice.

        Raises:
            LfmcError: another number of dimensions, extents below 2, or beta not above 0.
        """
        super().__post_init__()
        if len(self.shape) != 2 or min(self.shape) < 2:
            raise LfmcError(
                f"theory {self.kind}, shape {list(self.shape)}: it exists in two dimensions, each "
                "extent at least 2"
            )
        if not self.beta > 0:
            raise LfmcError(f"theory {self.kind}: beta = {self.beta:g} must be above 0")

    @property
    def plaquettes(self) -> int:
        """V, their number."""
        return self.numbers // 2

    @property
    def flux(self) -> float:
        """beta / V, which fixes <Q^2> where both are large: the line of constant physics."""
        return round(self.beta / self.plaquettes, 9)

    @property
    def samplers(self) -> tuple[str, ...]:
        return ("hmc", "heatbath", "instanton")

    @property
    def opening(self) -> str:
        """The sampler that changes Q, so that chains start in equilibrium of it too."""
        return "instanton"

    @property
    def slowest(self) -> str:
        return "Q"

    @property
    def odd(self) -> str:
        return "Q"

    @property
    def series(self) -> tuple[str, ...]:
        return ("Q", "Q2", "plaquette")

    @property
    def compared(self) -> tuple[str, ...]:
        return ("Q2", "plaquette")

    @property
    def identities(self) -> tuple[Identity, ...]:
        known = [Identity("exact", name, value) for name, value in self.known.items()]
        return (
            Identity("schwinger_dyson", "sd", 1.0),
            Identity("symmetry", "Q", 0.0),
            Identity("integer", "integer", 1.0),
            *known,
        )

    @cached_property
    def known(self) -> dict[str, float]:
        """Exact expectation values, by name of the observable."""
        beta, count = self.beta, self.plaquettes
        found = {"plaquette": exact.plaquette(beta, count)}
        found["Q2"] = exact.charge_squared(beta, count)
        for name, area in zip(self.correlator_names(), areas(self.shape), strict=True):
            found[name] = exact.wilson_loop(beta, count, area)
        theta = exact.theta_ratio(beta, count, np.array(list(THETAS.values())))
        found |= dict(zip(THETAS, theta.tolist(), strict=True))
        return found | dict(zip(self.charge_names(), self._pooled(), strict=True))

    def correlator_names(self) -> tuple[str, ...]:
        """Names of the loops by their area, W_A, and of pairs of Polyakov lines, L_R."""
        names = [f"W_{r * t}" for r, t in loops(self.shape)]
        return (*names, *(f"L_{r}" for r in distances(self.shape)))

    def charge_names(self) -> tuple[str, ...]:
        """P_0, P_1 ... of |Q| = 0, 1 ... while each is likely, and P_more of all beyond."""
        return (*(f"P_{q}" for q in range(self._likely)), "P_more")

    @cached_property
    def _likely(self) -> int:
        found = exact.charges(self.beta, self.plaquettes) * np.where(np.arange(200) > 0, 2, 1)
        above = np.flatnonzero(found >= LIKELY)
        count = int(above.max()) + 1
        # What is pooled must be likely too.
        while count > 1 and 1 - found[:count].sum() < LIKELY:
            count -= 1
        return count

    def _pooled(self) -> list[float]:
        found = exact.charges(self.beta, self.plaquettes)[: self._likely].copy()
        found[1:] *= 2
        return [*found.tolist(), float(1 - found.sum())]

    def couplings(self) -> Any:
        from lfmc.theories.u1.kernels import U1Couplings

        return U1Couplings(float(self.beta))

    def geometry(self) -> Any:
        return np.array(staples(self.shape))

    def evaluate(self, phi: Any) -> Any:
        require_flat(phi, self.numbers, self.kind)
        return -self.beta * cos(plaquette_angles(phi, self.shape)).sum(-1)

    def gradient(self, phi: Any) -> Any:
        require_flat(phi, self.numbers, self.kind)
        table = staples(self.shape).T.copy()
        a, b = table[:3], table[3:]
        one = phi + phi[..., a[0]] - phi[..., a[1]] - phi[..., a[2]]
        two = phi[..., b[0]] + phi[..., b[1]] - phi[..., b[2]] - phi
        return self.beta * (sin(one) - sin(two))

    def measure(self, phi: Floats) -> dict[str, Floats]:
        angle = plaquette_angles(phi, self.shape)
        turns = angle / (2 * math.pi)
        charge = (turns - np.rint(turns)).sum(1)
        whole = np.rint(charge)
        slope = U1.gradient(self, phi) / self.beta  # of the plaquettes alone, with matter too
        return {
            "plaquette": np.cos(angle).mean(1),
            "force2": (slope * slope).mean(1),
            "Q": np.where(np.abs(charge - whole) < WHOLE, whole, np.nan),
        }

    def correlators(self, phi: Floats) -> Floats:
        """Wilson loops by area, then pairs of Polyakov lines, (batch, 2V) -> (batch, K)."""
        return loop_cosines(phi, self.shape)

    @property
    def separations(self) -> int:
        return len(areas(self.shape))

    @property
    def log_Z(self) -> float:
        return exact.log_partition(self.beta, self.plaquettes)

    def independent_fields(self, count: int, seed: int) -> Floats | None:
        """By decimation down to one plaquette; None where an extent is no power of two."""
        return perfect_links(self.shape, self.beta, count, seed)

    def series_of(self, name: str, scalars: dict[str, Floats]) -> Floats:
        return scalars["Q"] ** 2 if name == "Q2" else scalars[name]

    def averaged(self, scalars: dict[str, Floats]) -> dict[str, Floats]:
        charge = scalars["Q"]
        found = dict(scalars) | {"Q2": charge**2, "integer": 1.0 * (charge == np.rint(charge))}
        found |= {name: np.cos(theta * charge) for name, theta in THETAS.items()}
        for q in range(self._likely):
            found[f"P_{q}"] = 1.0 * (np.abs(charge) == q)
        return found | {"P_more": 1.0 * (np.abs(charge) >= self._likely)}

    def observables(self, means: Means) -> dict[str, Floats]:
        """plaquette, Q, Q2, chi_top = <Q^2>/V, sd, loops, Z(theta)/Z(0) and P(|Q|)."""
        average, loop = means
        found = {name: average[name] for name in ("plaquette", "Q", "Q2")}
        found["chi_top"] = average["Q2"] / self.plaquettes
        # beta <(sin P - sin P')^2> = <cos P + cos P'> of a link and its two plaquettes
        found["sd"] = 0.5 * self.beta * average["force2"] / average["plaquette"]
        found["integer"] = average["integer"]
        found |= {name: loop[..., k] for k, name in enumerate(self.correlator_names())}
        return found | {name: average[name] for name in (*THETAS, *self.charge_names())}
