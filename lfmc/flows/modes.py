"""The modes of the kept half of the lattice, with the widths of the variational Gaussian."""

from typing import NamedTuple

import numpy as np

from lfmc.flows.variational import variational_gaussian
from lfmc.lattice import FloatArray, IntArray, coordinates
from lfmc.theories.scalar import Scalar


class Modes(NamedTuple):
    """Real Fourier modes of the translations that keep the parity.

    Attributes:
        basis: orthonormal modes, (modes, kept sites); mode 0 is the constant.
        log_width: log of the Gaussian width of each, (modes,).
        mean: of the variational Gaussian at every site; None where the potential is even.
    """

    basis: FloatArray
    log_width: FloatArray
    mean: float | None


def modes(action: Scalar, kept: IntArray) -> Modes:
    """Modes of the kept sublattice and the variational widths restricted to it.

    On sites of one parity the momenta k and k + (pi, ..., pi) are the same mode; its variance
    is the mean of the two.
    """
    shape = action.shape
    variance, mean = variational_gaussian(action)
    momenta = coordinates(shape)
    extent = np.asarray(shape)
    x = coordinates(shape)[kept]

    def flat(k: IntArray) -> int:
        return int(np.ravel_multi_index(tuple(k % extent), shape))

    seen: set[int] = set()
    basis, width = [], []
    for index, k in enumerate(momenta):
        mirror = flat(k + extent // 2)
        family = {index, flat(-k), mirror, flat(-k + extent // 2)}
        if family & seen:
            continue
        seen |= family
        phase = 2 * np.pi * (x * (k / extent)).sum(1)
        for wave in (np.cos(phase), np.sin(phase)):
            norm = np.linalg.norm(wave)
            if norm > 1e-6:
                basis.append(wave / norm)
                width.append(0.5 * np.log(0.5 * (variance[index] + variance[mirror])))
    return Modes(np.stack(basis), np.array(width), None if action.even else mean)
