"""CP^(N-1) models: S = -N beta sum_bonds |z_x^+ z_y|^2 of complex unit vectors."""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
import pydantic

from lfmc.errors import LfmcError
from lfmc.lattice import neighbours, separation_orbits, volume
from lfmc.theories.base import Field, Floats, Identity, Means, Reference, Theory
from lfmc.theories.cpn import exact
from lfmc.theories.cpn.arrays import complex_of, parts_of, square_of
from lfmc.theories.cpn.charge import topological_charge
from lfmc.theories.cpn.published import reference_of
from lfmc.theories.flat import require_flat
from lfmc.theories.masses import second_moment_mass
from lfmc.theories.two_point import two_point, zero_momentum_correlator

LARGEST_FIELD = 50.0  # of 2 d N beta: beyond it the compiled one-site law is not accurate
MOST = 32  # components
FREEZES = 10  # components from which on Q is the slowest observable at moderate L / xi
BEYOND = 10.0  # of the one-site law: above the largest field of the action
WHOLE = 1e-6  # how far from an integer a charge may be


@dataclass(frozen=True)
class CPN(Theory):
    """Complex unit vectors z_x with N components, S = -N beta sum_x sum_mu |z_x^+ z_(x+mu)|^2.

    The phase of each vector is a gauge freedom. N = 2 is the O(3) model at the same beta, with
    n.n' = 2 |z^+ z'|^2 - 1. Fields are flat, (..., 2 N V), real and imaginary part of component a
    of site x at 2 (N x + a) and after it; the measure is the area of the spheres S^(2N-1). With
    t = |z_x^+ z_(x+mu)|^2, f(t) = N beta t, and P_x = z_x z_x^+, the recorded scalars are

        E = t per bond, action = S/V, m2 = tr (1/V sum P)^2 - 1/N, Q (`lfmc.theories.cpn.charge`),
        force2 = |grad S|^2 and curvature = lap S on the sphere of z_x, averaged over sites,

    with <force2> = <curvature> (Schwinger-Dyson).
    """

    kind: ClassVar[str] = "cpn"
    family: ClassVar[str] = "cpn"
    field: ClassVar[Field] = Field("sites", 1, "sphere")
    scalars: ClassVar[tuple[str, ...]] = ("E", "action", "m2", "force2", "curvature", "Q")
    example: ClassVar[dict[str, float]] = {"N": 3, "beta": 0.8}
    line: ClassVar[tuple[str, ...]] = ("N",)
    own_samplers: ClassVar[dict[str, str]] = {
        "heatbath": "lfmc.samplers.cpn_heatbath:HEATBATH",
        "overrelaxation": "lfmc.samplers.cpn_heatbath:OVERRELAXATION",
    }
    own_flow: ClassVar[str] = "hierarchy"

    N: Annotated[int, pydantic.Field(ge=2, le=MOST)]
    beta: Annotated[float, pydantic.Field(gt=0, le=25)]

    def __post_init__(self) -> None:
        """Also refuses what is no such model.

        Raises:
            LfmcError: N that is no whole number from 2 to 32, another number of dimensions,
                extents below 2, beta not above 0 or too large.
        """
        super().__post_init__()
        if int(self.N) != self.N or not 2 <= self.N <= MOST:
            raise LfmcError(
                f"theory {self.kind}: N = {self.N!r} must be a whole number from 2 to {MOST}"
            )
        object.__setattr__(self, "N", int(self.N))
        if len(self.shape) != 2 or min(self.shape) < 2:
            raise LfmcError(
                f"theory {self.kind}, shape {list(self.shape)}: it exists in two dimensions, each "
                "extent at least 2"
            )
        if not 0 < self.beta <= self.largest_beta:
            raise LfmcError(
                f"theory {self.kind}: beta = {self.beta:g} must be above 0 and at most "
                f"{self.largest_beta:g} for N = {self.N}"
            )

    @property
    def largest_beta(self) -> float:
        """Beyond it compiled laws are not accurate."""
        return LARGEST_FIELD / (4 * self.N)

    @property
    def numbers(self) -> int:
        """Numbers of one configuration, 2 N V."""
        return 2 * self.N * volume(self.shape)

    @property
    def samplers(self) -> tuple[str, ...]:
        """Driven flux needs a checkerboard, the smallest disc of the trained one extents of 4."""
        driven = [name for name, fits in self._driven.items() if fits]
        return ("heatbath", "overrelaxation", *driven)

    @property
    def _driven(self) -> dict[str, bool]:
        even = not any(extent % 2 for extent in self.shape)
        return {"flux": even, "flux-tuned": min(self.shape) >= 4}

    @property
    def opening(self) -> str:
        return "overrelaxation"

    @property
    def slowest(self) -> str:
        """Q freezes where N is large; for few components it moves faster than chi."""
        return "Q" if self.N >= FREEZES else "chi"

    @property
    def odd(self) -> str:
        """Complex conjugation of all vectors reverses Q."""
        return "Q"

    @property
    def series(self) -> tuple[str, ...]:
        return ("Q", "Q2", "E", "chi")

    @property
    def compared(self) -> tuple[str, ...]:
        return ("Q2", "chi", "E")

    @property
    def identities(self) -> tuple[Identity, ...]:
        known = [Identity("exact", k, v) for k, v in self.known.items() if k != "log_Z"]
        return (
            Identity("schwinger_dyson", "sd", 1.0),
            Identity("symmetry", "Q", 0.0),
            Identity("integer", "integer", 1.0),
            *known,
        )

    @cached_property
    def known(self) -> dict[str, float]:
        """Exact values by observable on 2 x 2: a ring of four sites whose bonds count twice."""
        if self.shape != (2, 2):
            return {}
        return exact.ring(self.N, 4, lambda t: 2 * self.log_bond(t), self.bond_energy)

    @property
    def log_Z(self) -> float | None:
        return self.known.get("log_Z")

    def log_bond(self, t: Any) -> Any:
        """f(t): log of the weight of a bond, numpy or torch."""
        return self.N * self.beta * t

    def bond_energy(self, t: Any) -> Any:
        """What E averages over bonds."""
        return t

    def bond_slopes(self, t: Any) -> tuple[Any, Any]:
        """f'(t) and t f''(t), numpy or torch."""
        return self.N * self.beta + 0 * t, 0 * t

    def couplings(self) -> Any:
        from lfmc.theories.cpn.bingham_kernels import terms_for
        from lfmc.theories.cpn.kernels import CPNCouplings

        strength = self.N * float(self.beta)
        largest = 4 * strength + BEYOND
        return CPNCouplings(strength, (0.0,) * self.N, terms_for(largest), largest)

    def site_law(self) -> Any:
        """Work rows and uniforms of the law of one vector, for flows; registers its kernels."""
        from lfmc.kernels.site_law import SiteLaw
        from lfmc.theories.cpn import site_law  # noqa: F401
        from lfmc.theories.cpn.boost_kernels import rows_of

        rows = rows_of(self.N, self.couplings().terms)
        return SiteLaw(rows, 2 * self.N - 1, boosted=True)

    def start(self, phi: Floats) -> Floats:
        """Directions of the vectors: a disordered start."""
        blocks, numbers, lanes = phi.shape
        vectors = phi.reshape(blocks, -1, 2 * self.N, lanes)
        length = np.sqrt((vectors * vectors).sum(2, keepdims=True))
        return np.asarray((vectors / length).reshape(blocks, numbers, lanes))

    def vectors(self, phi: Any) -> Any:
        """(..., 2 N V) as complex vectors (..., V, N), numpy or torch."""
        return complex_of(phi.reshape(*phi.shape[:-1], -1, self.N, 2))

    def evaluate(self, phi: Any) -> Any:
        require_flat(phi, self.numbers, self.kind)
        forward = self._overlaps(self.vectors(phi))[0::2]
        return -sum(self.log_bond(square_of(w)).sum(-1) for w in forward)

    def gradient(self, phi: Any) -> Any:
        """-sum_y 2 f'(t) (z_y^+ z_x) z_y, without the projection onto the sphere."""
        require_flat(phi, self.numbers, self.kind)
        z = self.vectors(phi)
        return -parts_of(self._force(z, self._overlaps(z))).reshape(phi.shape)

    def _overlaps(self, z: Any) -> list[Any]:
        """z_y^+ z_x of every site x and each neighbour y in turn, (..., V)."""
        return [(z[..., y, :].conj() * z).sum(-1) for y in neighbours(self.shape).T.copy()]

    def _force(self, z: Any, overlaps: list[Any]) -> Any:
        """-grad S as complex vectors."""
        near = neighbours(self.shape).T.copy()
        factors = [2 * self.bond_slopes(square_of(w))[0] * w for w in overlaps]
        return sum(g[..., None] * z[..., y, :] for g, y in zip(factors, near, strict=True))

    def measure(self, phi: Floats) -> dict[str, Floats]:
        z = self.vectors(np.asarray(phi, np.float64))
        overlaps = self._overlaps(z)
        force = self._force(z, overlaps)
        along = (z.conj() * force).sum(-1).real
        curvature = 0.0
        for w in overlaps:
            t = square_of(w)
            slope, second = self.bond_slopes(t)
            curvature = curvature + 4 * (self.N * t - 1) * slope - 4 * (1 - t) * second
        mean = np.einsum("bxi,bxj->bij", z, z.conj()) / z.shape[1]
        charge = topological_charge(z, self.shape)
        whole = np.rint(charge)
        return {
            "E": np.mean([self.bond_energy(square_of(w)).mean(-1) for w in overlaps[0::2]], 0),
            "action": -2
            * np.mean([self.log_bond(square_of(w)).mean(-1) for w in overlaps[0::2]], 0),
            "m2": square_of(mean).sum((1, 2)) - 1 / self.N,
            "force2": (square_of(force).sum(-1) - along * along).mean(-1),
            "curvature": np.asarray(curvature).mean(-1),
            "Q": np.where(np.abs(charge - whole) < WHOLE, whole, np.nan),
        }

    @property
    def separations(self) -> int:
        return len(separation_orbits(self.shape).size)

    def correlators(self, phi: Floats) -> Floats:
        """G(x) = <|z_0^+ z_x|^2> - 1/N per orbit of x, (batch, 2 N V) -> (batch, orbits)."""
        z = self.vectors(np.asarray(phi, np.float64))
        total: Any = -1 / self.N
        for a in range(self.N):
            for b in range(a + 1):
                entry = z[..., a] * z[..., b].conj()
                total = total + (1 if a == b else 2) * two_point(entry.real.copy(), self.shape)
                if a > b:
                    total = total + 2 * two_point(entry.imag.copy(), self.shape)
        return np.asarray(total)

    def series_of(self, name: str, scalars: dict[str, Floats]) -> Floats:
        if name == "chi":
            return volume(self.shape) * scalars["m2"].astype(np.float64)
        return scalars["Q"] ** 2 if name == "Q2" else scalars[name]

    def averaged(self, scalars: dict[str, Floats]) -> dict[str, Floats]:
        charge = scalars["Q"]
        return dict(scalars) | {"Q2": charge**2, "integer": 1.0 * (charge == np.rint(charge))}

    def observables(self, means: Means) -> dict[str, Floats]:
        """chi = sum_x G(x), E, Q, Q2, chi_top = <Q^2>/V, sd (1 exactly), xi, mL = L/xi, G~_t.

        xi is the second-moment correlation length, 1/(2 sin(pi/L)) sqrt(chi/F - 1) with F = G~ at
        the smallest momentum.
        """
        average, correlation = means
        sites = volume(self.shape)
        mass = second_moment_mass(correlation, self.shape)
        found = {"chi": sites * average["m2"], "E": average["E"]}
        found |= {name: average[name] for name in ("Q", "Q2")}
        found["chi_top"] = average["Q2"] / sites
        found |= {"sd": average["force2"] / average["curvature"], "integer": average["integer"]}
        found |= {"xi": 1 / mass, "mL": mass * self.shape[0]}
        correlator = zero_momentum_correlator(correlation, self.shape)
        return found | {f"Gt_{t}": correlator[..., t] for t in range(self.shape[0] // 2 + 1)}

    def reference(self) -> Reference | None:
        return reference_of(self.kind, self.N, self.beta, self.shape)
