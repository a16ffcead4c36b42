"""Two-flavour Schwinger model: U(1) links with the squared determinant of Wilson fermions."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import pydantic

from lfmc.errors import LfmcError
from lfmc.theories.base import Floats, Identity, Means
from lfmc.theories.schwinger.dirac import determinant_gradient, log_determinant
from lfmc.theories.u1 import U1

HOPPING = 16.0  # log |det D|^2 = HOPPING kappa^4 sum cos P to the lowest order
FREEZES = 3.0  # beta from which on tau_int(Q) of HMC is above ten updates (docs/u1.md)


@dataclass(frozen=True)
class Schwinger(U1):
    """S = -beta sum_x cos P(x) - log |det D|^2, D of `lfmc.theories.schwinger.dirac`.

    Two flavours of Wilson fermions of the same kappa, integrated out exactly; the fermions are
    antiperiodic along axis 0, fields are those of `U1`. With s and f the derivatives of
    -sum cos P and of -log |det D|^2 by a link, the recorded scalars are plaquette, force2 and Q of
    `U1`, force_product = s f averaged over links, condensate = tr D^-1 / V and
    log_det = log |det D|^2 / V. At kappa = 0 this is U(1).
    """

    kind: ClassVar[str] = "schwinger"
    family: ClassVar[str] = "schwinger"
    scalars: ClassVar[tuple[str, ...]] = (
        "plaquette",
        "force2",
        "force_product",
        "Q",
        "condensate",
        "log_det",
    )
    example: ClassVar[dict[str, float]] = {"beta": 2.0, "kappa": 0.2}
    line: ClassVar[tuple[str, ...]] = ("beta", "kappa")
    own_samplers: ClassVar[dict[str, str]] = {"hmc": "lfmc.samplers.schwinger_hmc:SCHWINGER_HMC"}
    own_flow: ClassVar[str] = "quenched"

    kappa: Annotated[float, pydantic.Field(ge=0, lt=0.5)]

    def __post_init__(self) -> None:
        """Also refuses what `U1` does, odd extents, and kappa out of range.

        Raises:
            LfmcError: an extent that is odd: D is reduced to the even sites; kappa not in [0, 0.5).
        """
        super().__post_init__()
        if any(n % 2 for n in self.shape):
            raise LfmcError(f"theory schwinger, shape {list(self.shape)}: extents must be even")
        if not 0 <= self.kappa < 0.5:
            raise LfmcError(
                f"theory schwinger: kappa = {self.kappa:g} must be at least 0 and below 0.5"
            )

    @property
    def samplers(self) -> tuple[str, ...]:
        return ("hmc",)

    @property
    def opening(self) -> str:
        return "hmc"

    @property
    def slowest(self) -> str:
        """Light fermions slow the condensate of HMC down; from FREEZES on Q is slower."""
        return "Q" if self.beta >= FREEZES else "condensate"

    @property
    def series(self) -> tuple[str, ...]:
        return ("Q", "Q2", "plaquette", "condensate", "log_det")

    @property
    def compared(self) -> tuple[str, ...]:
        return ("Q2", "plaquette", "condensate")

    @property
    def identities(self) -> tuple[Identity, ...]:
        if self.kappa == 0:
            return super().identities
        return (
            Identity("schwinger_dyson", "sd", 1.0),
            Identity("symmetry", "Q", 0.0),
            Identity("integer", "integer", 1.0),
        )

    def couplings(self) -> Any:
        from lfmc.theories.schwinger.kernels import SchwingerCouplings

        return SchwingerCouplings(float(self.beta), float(self.kappa))

    def geometry(self) -> Any:
        from lfmc.theories.schwinger.kernels import geometry

        return geometry(self.shape)

    def evaluate(self, phi: Any) -> Any:
        """S: compiled for numpy arrays, by torch's LU factorisation for tensors."""
        gauge = super().evaluate(phi)
        if isinstance(phi, np.ndarray):
            return gauge - 2 * self._fermions(phi, False)[0]
        return gauge - 2 * log_determinant(phi, self.shape, self.kappa)

    def gradient(self, phi: Any) -> Any:
        gauge = super().gradient(phi)
        if isinstance(phi, np.ndarray):
            return gauge - 2 * self._fermions(phi, True)[2]
        return gauge - 2 * determinant_gradient(phi, self.shape, self.kappa)

    def _fermions(self, phi: Floats, invert: bool) -> tuple[Floats, Floats, Floats]:
        """log |det D| and tr D^-1, (...), and the gradient of the first, (..., 2V)."""
        from lfmc.theories.schwinger.kernels import fermions

        rows = np.ascontiguousarray(phi.reshape(-1, self.numbers), dtype=np.float64)
        log_det, trace = np.zeros(len(rows)), np.zeros(len(rows))
        gradient = np.zeros(rows.shape if invert else (0, self.numbers))
        fermions(rows, self.geometry(), float(self.kappa), invert, log_det, trace, gradient)
        inner = phi.shape[:-1]
        gradient = gradient.reshape(phi.shape) if invert else gradient
        return log_det.reshape(inner), trace.reshape(inner), gradient

    def measure(self, phi: Floats) -> dict[str, Floats]:
        found = super().measure(phi)
        log_det, trace, gradient = self._fermions(phi, True)
        slope = super().gradient(phi) / self.beta
        found["force_product"] = -2 * (slope * gradient).mean(1)
        found["condensate"] = trace / self.plaquettes
        found["log_det"] = 2 * log_det / self.plaquettes
        return {name: found[name] for name in self.scalars}

    @property
    def log_Z(self) -> float | None:  # type: ignore[override]
        """Known at kappa = 0 only."""
        return super().log_Z if self.kappa == 0 else None

    def independent_fields(self, count: int, seed: int) -> Floats | None:
        """Of U(1) at kappa = 0; else None: they come from HMC with exchanges."""
        return super().independent_fields(count, seed) if self.kappa == 0 else None

    @property
    def companion(self) -> U1 | None:
        """Pure gauge theory at beta + 16 kappa^4: HMC does not cross det D = 0, exchanges do."""
        if self.kappa == 0:
            return None
        return U1(self.shape, self.beta + HOPPING * self.kappa**4)

    def observables(self, means: Means) -> dict[str, Floats]:
        """As of U(1), with condensate and log_det; sd is that of the whole action."""
        average = means.scalars
        found = super().observables(means)
        # beta <s^2> + <s f> = <cos P + cos P'> of a link and its two plaquettes
        force = self.beta * average["force2"] + average["force_product"]
        found["sd"] = 0.5 * force / average["plaquette"]
        return found | {name: average[name] for name in ("condensate", "log_det")}
