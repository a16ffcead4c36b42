"""How far a scalar field reaches: U on a grid of |phi| < 1000, whatever overflows there.

A potential with exponentials is infinite, or a difference of infinities, long before |phi| = 1000.
That is a wall as good as any other: exp(-U) is zero there.
"""

from typing import Any, Protocol

import numpy as np

from lfmc.errors import LfmcError
from lfmc.lattice import FloatArray

_POSITIVE = np.geomspace(1e-3, 1e3, 6001)
GRID = np.concatenate([-_POSITIVE[::-1], [0.0], _POSITIVE])
GRID.flags.writeable = False


class HasPotential(Protocol):
    """What this module needs of a scalar theory."""

    def site_action(self, phi: Any) -> Any:
        """U of every number."""


def potential_on_grid(theory: HasPotential) -> FloatArray:
    """U at every point of GRID, infinite where it has overflowed.

    NaN counts as overflow beyond an infinite value, whose sign it takes: exp(2 phi) - exp(phi) is
    inf - inf farther out.

    Raises:
        LfmcError: U is no number somewhere else.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = np.array(theory.site_action(GRID.copy()), dtype=np.float64)
    middle = len(GRID) // 2
    for side in (found[middle:], found[middle::-1]):
        first = int(np.isinf(side).argmax())
        if np.isinf(side[first]):
            beyond = side[first:]
            beyond[np.isnan(beyond)] = side[first]
    if np.isnan(found).any():
        at = min(GRID[np.isnan(found)], key=abs)
        raise LfmcError(f"{theory}: the potential is no number at phi = {at:.4g}")
    return found
