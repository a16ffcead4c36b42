"""Functions of the base normals of a flow whose mean is zero, for estimates by weights.

They follow an observable that the slow modes make, so that w O minus their best linear combination
varies less than w O, while its mean is the same (control variates; Owen, Monte Carlo theory,
methods and examples, section 8.9). A flow knows its slow modes and draws them independently, which
no Markov chain does. Of the normal z_0 of the zero mode, and of s_j, the sum of z^2 - 1 over the
modes of the j-th smallest momentum:

    He_1(z_0) ... He_4(z_0),   s_1 ... s_6,   the sum of z^2 - 1 over all further modes,
    He_2(z_0) s_1 ... s_6

in units of their widths. Means are exactly zero whatever the flow has learned. Further polynomials,
momenta and products explain 0.003 of Var(chi2) more at L = 14, and nothing at 20 and 32.
"""

from math import factorial
from typing import NamedTuple

import numpy as np

from lfmc.lattice import FloatArray, IntArray

HIGHEST = 4  # Hermite polynomial of the zero mode
SHELLS = 6  # momenta with a control variate of their own
SAME = 9  # digits of the log of a width by which modes of one momentum are known


class ControlVariates(NamedTuple):
    """The control variates of a flow whose first base normal is that of the zero mode.

    Attributes:
        shells: the modes of the smallest momenta, one array of base variables each.
        others: all further modes that are not the zero mode.
    """

    shells: tuple[IntArray, ...]
    others: IntArray

    @property
    def number(self) -> int:
        """Control variates per proposal."""
        return HIGHEST + 2 * len(self.shells) + bool(len(self.others))

    def __call__(self, z: FloatArray) -> FloatArray:
        """Base normals (batch, numbers) -> control variates (batch, number), float32."""
        he = hermite(z[:, 0])
        groups = [*self.shells, *([self.others] if len(self.others) else [])]
        sums = [squares(z, modes) for modes in groups]
        products = [he[2] * s for s in sums[: len(self.shells)]]
        return np.stack([*he[1:], *sums, *products], axis=1).astype(np.float32)


def hermite(z: FloatArray) -> list[FloatArray]:
    """He_n(z) / sqrt(n!) for n = 0 ... HIGHEST: of mean zero for n > 0, and orthonormal."""
    found = [np.ones_like(z), z]
    for n in range(2, HIGHEST + 1):
        found.append(z * found[-1] - (n - 1) * found[-2])
    return [value / factorial(n) ** 0.5 for n, value in enumerate(found)]


def squares(z: FloatArray, modes: IntArray) -> FloatArray:
    """The sum of z^2 - 1 over modes, in units of its width, (batch,)."""
    first, last = modes[0], modes[-1] + 1
    part = z[:, first:last] if last - first == len(modes) else z[:, modes]
    total = np.einsum("ij,ij->i", part, part)
    found: FloatArray = (total - len(modes)) / (2 * len(modes)) ** 0.5
    return found


def of_widths(log_width: FloatArray) -> ControlVariates:
    """Those of a prior of independent modes with these log widths, the zero mode first, (modes,).

    Modes of one momentum have the same width, and the widest the smallest momentum.
    """
    widths = np.round(log_width[1:], SAME)
    shells = [1 + np.flatnonzero(widths == one) for one in np.unique(widths)[::-1]]
    rest = shells[SHELLS:]
    others = np.sort(np.concatenate(rest)) if rest else np.empty(0, np.int64)
    return ControlVariates(tuple(shells[:SHELLS]), others)
