"""O(N) models: S = -beta sum_bonds n_x.n_y of unit vectors with N components."""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
import pydantic

from lfmc.errors import LfmcError
from lfmc.lattice import neighbours, separation_orbits, volume
from lfmc.theories.base import Field, Floats, Identity, Means, Reference, Theory
from lfmc.theories.flat import require_flat
from lfmc.theories.functions import tanh
from lfmc.theories.masses import second_moment_mass
from lfmc.theories.spheres import exact
from lfmc.theories.spheres.charge import topological_charge
from lfmc.theories.spheres.published import reference_of
from lfmc.theories.two_point import two_point, zero_momentum_correlator

LARGEST_FIELD = 50.0  # of 2 d beta: beyond it the compiled one-site law is not accurate
WHOLE = 1e-6  # how far from an integer a charge may be


@dataclass(frozen=True)
class Spheres(Theory):
    """Unit vectors n_x with N components, S = -beta sum_x sum_mu n_x.n_(x+mu).

    N = 1 is the Ising model, 2 the XY model, 3 the Heisenberg model. Fields are flat,
    (..., V N), component a of site x at x N + a. Recorded scalars are averages over the lattice:
    E = n_x.n_(x+mu) per bond, m the first component of the magnetisation, m2 its square over all
    components, and with the sum h_x of the neighbours of x

        force2 = h^2 - (n.h)^2,     beta <force2> = (N - 1) <n.h>   (Schwinger-Dyson),

    for N = 1 force2 = h tanh(beta h) with <force2> = <n h>. In two dimensions with N = 3 the
    topological charge Q is recorded too (`lfmc.theories.spheres.charge`).
    """

    kind: ClassVar[str] = "spheres"
    family: ClassVar[str] = "spheres"
    field: ClassVar[Field] = Field("sites", 1, "sphere")
    example: ClassVar[dict[str, float]] = {"N": 3, "beta": 1.0}
    line: ClassVar[tuple[str, ...]] = ("N",)
    own_samplers: ClassVar[dict[str, str]] = {
        "hmc": "lfmc.samplers.spheres_hmc:SPHERES_HMC",
        "heatbath": "lfmc.samplers.spheres_heatbath:HEATBATH",
    }
    own_flow: ClassVar[str] = "hierarchy"

    N: Annotated[int, pydantic.Field(ge=1, le=32)]
    beta: Annotated[float, pydantic.Field(gt=0, le=25)]

    def __post_init__(self) -> None:
        """Also refuses couplings for which there is no accurate one-site law.

        Raises:
            LfmcError: N that is no whole number from 1 to 32, beta not above 0 or too large.
        """
        super().__post_init__()
        if int(self.N) != self.N or not 1 <= self.N <= 32:
            raise LfmcError(f"theory spheres: N = {self.N!r} must be a whole number from 1 to 32")
        object.__setattr__(self, "N", int(self.N))
        if not 0 < 2 * self.dimension * self.beta <= LARGEST_FIELD:
            raise LfmcError(
                f"theory spheres: beta = {self.beta:g} must be above 0 and at most "
                f"{LARGEST_FIELD / (2 * self.dimension):g} in {self.dimension} dimensions"
            )

    @property
    def numbers(self) -> int:
        """Numbers of one configuration, V N."""
        return volume(self.shape) * self.N

    @property
    def charged(self) -> bool:
        """Whether it has a topological charge."""
        return self.N == 3 and self.dimension == 2

    @property
    def scalars(self) -> tuple[str, ...]:  # type: ignore[override]
        """E, m, m2, force2, and Q where there is one."""
        return ("E", "m", "m2", "force2") + (("Q",) if self.charged else ())

    @property
    def samplers(self) -> tuple[str, ...]:
        if self.N == 1:
            return ("heatbath", "wolff")
        return ("hmc", "heatbath", "overrelaxation", "wolff")

    @property
    def opening(self) -> str:
        return "wolff"

    @property
    def slowest(self) -> str:
        return "chi"

    @property
    def odd(self) -> str:
        return "m"

    @property
    def series(self) -> tuple[str, ...]:
        return ("E", "chi", "m") + (("Q",) if self.charged else ())

    @property
    def compared(self) -> tuple[str, ...]:
        return ("chi", "E") + (("Q2",) if self.charged else ())

    @property
    def identities(self) -> tuple[Identity, ...]:
        charge = (Identity("symmetry_Q", "Q", 0.0),) if self.charged else ()
        known = [Identity("exact", k, v) for k, v in self.known.items() if k != "log_Z"]
        return (
            Identity("schwinger_dyson", "sd", 1.0),
            Identity("symmetry", "m", 0.0),
            *charge,
            *known,
        )

    @cached_property
    def known(self) -> dict[str, float]:
        """Exact values by observable: on rings of any N, and of the Ising model on a torus."""
        if self.dimension == 1:
            return exact.ring(self.N, self.beta, self.shape[0])
        if self.dimension == 2 and self.N == 1 and min(self.shape) > 2:
            return {
                "log_Z": exact.ising_log_partition(self.beta, *self.shape),
                "E": exact.ising_energy(self.beta, *self.shape),
            }
        return {}

    @property
    def log_Z(self) -> float | None:
        return self.known.get("log_Z")

    def couplings(self) -> Any:
        from lfmc.theories.spheres.kernels import ChargedCouplings, SpheresCouplings

        kind = ChargedCouplings if self.charged else SpheresCouplings
        return kind(float(self.beta), (0.0,) * self.N)

    def site_law(self) -> Any:
        """Work rows and uniforms of the law of one spin, for flows; registers its kernels."""
        from lfmc.kernels.site_law import SiteLaw
        from lfmc.theories.spheres import site_law  # noqa: F401
        from lfmc.theories.spheres.boost_kernels import rows_of

        return SiteLaw(rows_of(self.N), per_site(self.N), boosted=self.N > 1)

    def start(self, phi: Floats) -> Floats:
        """Directions of the vectors: a disordered start."""
        blocks, numbers, lanes = phi.shape
        vectors = phi.reshape(blocks, numbers // self.N, self.N, lanes)
        length = np.sqrt((vectors * vectors).sum(2, keepdims=True))
        return np.asarray((vectors / length).reshape(phi.shape))

    def spins(self, phi: Any) -> Any:
        """(..., V N) as vectors (..., V, N), numpy or torch."""
        return phi.reshape(*phi.shape[:-1], -1, self.N)

    def neighbour_sum(self, spins: Any) -> Any:
        """h, the sum over the 2d neighbours of every site, (..., V, N)."""
        return sum(spins[..., site, :] for site in neighbours(self.shape).T.copy())

    def evaluate(self, phi: Any) -> Any:
        require_flat(phi, self.numbers, self.kind)
        spins = self.spins(phi)
        forward = sum(spins[..., site, :] for site in neighbours(self.shape).T[0::2].copy())
        return -self.beta * (spins * forward).sum(-1).sum(-1)

    def gradient(self, phi: Any) -> Any:
        """-beta h, without the projection onto the sphere."""
        require_flat(phi, self.numbers, self.kind)
        return -self.beta * self.neighbour_sum(self.spins(phi)).reshape(phi.shape)

    def measure(self, phi: Floats) -> dict[str, Floats]:
        spins = self.spins(phi)
        field = self.neighbour_sum(spins)
        along = (spins * field).sum(-1)
        mean = spins.mean(1)
        if self.N == 1:
            force2 = (field[..., 0] * tanh(self.beta * field[..., 0])).mean(1)
        else:
            force2 = ((field * field).sum(-1) - along * along).mean(1)
        found = {
            "E": along.mean(1) / (2 * self.dimension),
            "m": mean[:, 0],
            "m2": (mean * mean).sum(1),
            "force2": force2,
        }
        if self.charged:
            charge = topological_charge(spins, self.shape)
            whole = np.rint(charge)
            found["Q"] = np.where(np.abs(charge - whole) < WHOLE, whole, np.nan)
        return found

    @property
    def separations(self) -> int:
        return len(separation_orbits(self.shape).size)

    def correlators(self, phi: Floats) -> Floats:
        """G(x) = <n_0.n_x> per orbit of x, (batch, V N) -> (batch, orbits)."""
        spins = self.spins(phi)
        parts = [two_point(np.ascontiguousarray(spins[..., a]), self.shape) for a in range(self.N)]
        return np.asarray(sum(parts))

    def series_of(self, name: str, scalars: dict[str, Floats]) -> Floats:
        if name == "chi":
            return volume(self.shape) * scalars["m2"].astype(np.float64)
        return scalars[name]

    def averaged(self, scalars: dict[str, Floats]) -> dict[str, Floats]:
        return dict(scalars) | ({"Q2": scalars["Q"] ** 2} if self.charged else {})

    def observables(self, means: Means) -> dict[str, Floats]:
        """chi = V <m^2>, E, m, sd (1 exactly), xi, mL = L/xi, and G~_t at zero momentum.

        xi is the second-moment correlation length, 1/(2 sin(pi/L)) sqrt(chi/F - 1) with F = G~ at
        the smallest momentum. With a charge Q: Q, Q2 = <Q^2> and chi_top = <Q^2>/V.
        """
        average, correlation = means
        sites = volume(self.shape)
        bond = 2 * self.dimension * average["E"]
        # N = 1: <h tanh(beta h)> = <n h>
        factor = self.beta / (self.N - 1) if self.N > 1 else 1.0
        mass = second_moment_mass(correlation, self.shape)
        found = {"chi": sites * average["m2"], "E": average["E"], "m": average["m"]}
        found |= {"sd": factor * average["force2"] / bond, "xi": 1 / mass}
        found["mL"] = mass * self.shape[0]
        if self.charged:
            found |= {name: average[name] for name in ("Q", "Q2")}
            found["chi_top"] = average["Q2"] / sites
        correlator = zero_momentum_correlator(correlation, self.shape)
        return found | {f"Gt_{t}": correlator[..., t] for t in range(self.shape[0] // 2 + 1)}

    def reference(self) -> Reference | None:
        return reference_of(self.N, self.beta, self.shape)


def per_site(components: int) -> int:
    """Uniforms of one vector, as `uniforms_of` of the kernels."""
    if components <= 3:
        return max(components - 1, 1)
    return 1 + 2 * ((components + 1) // 2)
