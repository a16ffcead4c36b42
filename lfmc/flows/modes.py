"""The variational Gaussian of the action, on the kept half of the lattice, mode by mode."""

from typing import NamedTuple

import numpy as np

from lfmc.lattice import FloatArray, IntArray, coordinates, khat2
from lfmc.theories.scalar import Scalar


class Modes(NamedTuple):
    """Real Fourier modes of the translations that keep the parity.

    Attributes:
        basis: orthonormal modes, (modes, kept sites); mode 0 is the constant.
        log_width: log of the Gaussian width of each, (modes,).
    """

    basis: FloatArray
    log_width: FloatArray


def variational_variance(action: Scalar, iterations: int = 500) -> FloatArray:
    """sigma_k^2 = 1 / (2 h khat^2 + <U''> - 4 d h) solved self-consistently, (volume,).

    The Gaussian that minimises the Kullback-Leibler divergence to exp(-S); <U''> is of normals
    whose variance is the mean of sigma_k^2 over momenta, h the hopping.
    """
    kinetic = 2 * action.hopping * khat2(action.shape)

    def width(phi2: float) -> FloatArray:
        return 1 / np.maximum(kinetic + action.bare_gap() + action.induced_gap(phi2), 1e-3)

    # phi2 - mean width is increasing in phi2, so bisection cannot fail.
    low, high = 0.0, 1e3
    for _ in range(iterations):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if width(middle).mean() > middle else (low, middle)
    return width(0.5 * (low + high))


def modes(action: Scalar, kept: IntArray) -> Modes:
    """Modes of the kept sublattice and the variational widths restricted to it.

    On sites of one parity the momenta k and k + (pi, ..., pi) are the same mode; its variance
    is the mean of the two.
    """
    shape = action.shape
    variance = variational_variance(action)
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
    return Modes(np.stack(basis), np.array(width))
