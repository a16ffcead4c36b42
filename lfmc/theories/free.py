"""The free field, whose every expectation value is known."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from lfmc.lattice import khat2
from lfmc.theories.base import Floats
from lfmc.theories.scalar import Scalar


@dataclass(frozen=True)
class Free(Scalar):
    """S = sum_x [ (2d + m2) phi_x^2 - 2 sum_mu phi_x phi_{x+mu} ]: phi^4 with lam = 0.

    Momentum k has the variance 1 / (2 khat^2 + 2 m2).
    """

    kind: ClassVar[str] = "free"
    example: ClassVar[dict[str, float]] = {"m2": 0.25}

    m2: Annotated[float, Field(gt=0, le=1e9)]

    def constants(self) -> tuple[float, ...]:
        return (2 * self.dimension + self.m2,)

    def independent_fields(self, count: int, seed: int) -> Floats:
        """Exact samples: normals, whose Fourier modes are given their widths."""
        white = np.random.default_rng(seed).standard_normal((count, *self.shape))
        axes = tuple(range(1, len(self.shape) + 1))
        width = (2 * khat2(self.shape) + 2 * self.m2) ** -0.5
        modes = np.fft.fftn(white, axes=axes) * width.reshape(self.shape)
        return np.fft.ifftn(modes, axes=axes).real.reshape(count, -1)

    @property
    def log_Z(self) -> float:
        """Of the determinant: S = sum_k (khat^2 + m2) |phi_k|^2, Z = prod_k sqrt(pi / that)."""
        return float(0.5 * np.log(np.pi / (khat2(self.shape) + self.m2)).sum())

    @staticmethod
    def potential(phi: Any, a: float) -> Any:
        return a * (phi * phi)

    @staticmethod
    def slope(phi: Any, a: float) -> Any:
        return (2.0 * a) * phi


THEORY = Free
