"""One check: a number, and the largest that is allowed."""

import math
from typing import Any, NamedTuple

import numpy as np

from lfmc.lattice import FloatArray
from lfmc.theories.scalar import Scalar

ROUNDING = 1e-10  # relative to the scale of what is compared
SIGMAS = 5.0


class Check(NamedTuple):
    """A number that conformance compares.

    Attributes:
        name: what is held against what.
        value: the difference, or the deviation in standard errors.
        largest: allowed value. Deviations in sigma are two-sided normal or Student's t: 5 of them
            are passed by chance less than once in 1e5 checks.
        note: what the check could not see, or how it was made.
    """

    name: str
    value: float
    largest: float
    note: str = ""

    @property
    def passed(self) -> bool:
        """NaN does not pass."""
        return math.isfinite(self.value) and self.value <= self.largest


def table(checks: list[Check]) -> str:
    """The checks as aligned lines, each with its verdict."""
    width = max(len(check.name) for check in checks)
    return "\n".join(
        f"{'ok    ' if c.passed else 'FAILED'}  {c.name:<{width}}  {c.value:9.2e}  "
        f"(at most {c.largest:g}){f'  {c.note}' if c.note else ''}"
        for c in checks
    )


def worst(found: Any, wanted: Any, scale: float | None = None) -> float:
    """Largest difference in units of the largest number, or of `scale`."""
    size = float(np.abs(wanted).max()) if scale is None else scale
    return float(np.abs(np.asarray(found) - np.asarray(wanted)).max() / max(size, 1e-300))


def sigmas(by_chain: Any, exact: float) -> float:
    """Deviation of the mean over independent chains in its own standard errors."""
    error = by_chain.std(ddof=1) / len(by_chain) ** 0.5
    return float(abs(by_chain.mean() - exact) / max(error, 1e-15))


def random_fields(theory: Scalar, seed: int, batch: int = 8) -> FloatArray:
    """Normals as wide as a third of the largest field that matters, (batch, numbers)."""
    width = 0.3 * theory.largest_field()
    return width * np.random.default_rng(seed).standard_normal((batch, theory.numbers))
