"""CP^(N-1) with phases on the bonds: S = -2 N beta sum Re(conj(lam) z_x^+ z_y), |lam| = 1."""

from dataclasses import dataclass
from typing import Any, ClassVar

from lfmc.theories.cpn.arrays import bessel_ratio, log_bessel
from lfmc.theories.cpn.theory import BEYOND, CPN

LARGEST_CONCENTRATION = 50.0  # of 2 N beta: beyond it the compiled law of a phase is not accurate
VECTORS = 8  # of which the one-site law of a flow is made
STEEPEST = 8.0  # largest eigenvalue of that law, in units of N beta
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
        from lfmc.theories.cpn.bingham_kernels import terms_for
        from lfmc.theories.cpn.kernels import CPNAuxiliaryCouplings

        strength = self.N * float(self.beta)
        largest = STEEPEST * strength + BEYOND
        return CPNAuxiliaryCouplings(
            *(strength, (0.0,) * self.N, min(self.N, VECTORS), VECTORS, terms_for(largest), largest)
        )

    def site_law(self) -> Any:
        """A law of few vectors: with the phases integrated out none in closed form is exact."""
        from lfmc.kernels.site_law import SiteLaw
        from lfmc.theories.cpn import low_rank_law  # noqa: F401
        from lfmc.theories.cpn.low_rank_kernels import rows_of

        _, _, rank, vectors, terms, _ = self.couplings()
        rows = rows_of(self.N, rank, vectors, terms)
        return SiteLaw(rows, 3 * self.N - 1 + rank, vectors, False)

    def _concentration(self, t: Any) -> Any:
        return 2 * self.N * self.beta * t**0.5
