"""CP^(N-1) with phases on the bonds: S = -2 N beta sum Re(conj(lam) z_x^+ z_y), |lam| = 1."""

from dataclasses import dataclass
from typing import Any, ClassVar

from lfmc.errors import LfmcError
from lfmc.theories.cpn.arrays import bessel_ratio, log_bessel
from lfmc.theories.cpn.theory import CPN

LARGEST_CONCENTRATION = 50.0  # of 2 N beta: beyond it the compiled law of a phase is not accurate
SMALLEST = 1e-30  # t: what divides by it stays finite


@dataclass(frozen=True)
class CPNAuxiliary(CPN):
    """The same vectors with S = -2 N beta sum_x sum_mu Re(conj(lam) z_x^+ z_(x+mu)), |lam| = 1.

    Action of arXiv:1706.04443 without its constant. The phases are integrated out, each is seen by
    its bond only:

        f(t) = log I_0(u),    E = I_1(u)/I_0(u) sqrt(t),    u = 2 N beta sqrt(t),

    so E = <Re(conj(lam) z^+ z')>. Samplers draw the phases for each update.
    """

    kind: ClassVar[str] = "cpn_auxiliary"
    own_flow: ClassVar[str] = ""

    @property
    def largest_beta(self) -> float:
        return LARGEST_CONCENTRATION / (2 * self.N)

    def log_bond(self, t: Any) -> Any:
        return log_bessel(self._concentration(t))

    def bond_energy(self, t: Any) -> Any:
        return bessel_ratio(self._concentration(t)) * t**0.5

    def bond_slopes(self, t: Any) -> tuple[Any, Any]:
        u = self._concentration(t + SMALLEST)
        ratio = bessel_ratio(u)
        scale = 2 * (self.N * self.beta) ** 2
        return scale * ratio / u, 0.5 * scale * (1 - 2 * ratio / u - ratio * ratio)

    def couplings(self) -> Any:
        from lfmc.theories.cpn.kernels import CPNAuxiliaryCouplings

        return CPNAuxiliaryCouplings(self.N * float(self.beta), (0.0,) * self.N)

    def site_law(self) -> Any:
        """Refused: with the phases integrated out a vector has no law in closed form.

        Raises:
            LfmcError: always.
        """
        raise LfmcError("flow hierarchy: it exists for theory cpn, not for cpn_auxiliary")

    def _concentration(self, t: Any) -> Any:
        return 2 * self.N * self.beta * t**0.5
