"""The modes of the kept half of the lattice, with the widths of the variational Gaussian."""

from typing import NamedTuple

import numpy as np

from lfmc.flows.variational import gaussian_of_one_well, variational_gaussian
from lfmc.lattice import FloatArray, IntArray, Shape, coordinates
from lfmc.theories.scalar import Scalar


class Modes(NamedTuple):
    """Real Fourier modes of the translations that keep the parity, on the sites of odd parity.

    Attributes:
        shape: of the lattice.
        momenta: wave numbers of each mode along every axis, (modes, d); mode 0 is the constant.
        sine: whether the mode is the sine of its phase, not the cosine, (modes,).
        log_width: log of the Gaussian width of each, (modes,).
        mean: of the variational Gaussian at every site; None where the potential is even.
        well: mean of the variational Gaussian of one of two wells, whose widths are then those
            above; None where there is one well, or no second one is wanted.
    """

    shape: Shape
    momenta: IntArray
    sine: IntArray
    log_width: FloatArray
    mean: float | None
    well: float | None = None

    def on(self, sites: IntArray) -> FloatArray:
        """The orthonormal modes as a dense matrix, (modes, sites)."""
        x, extent = coordinates(self.shape)[sites], np.asarray(self.shape)
        basis = []
        for k, sine in zip(self.momenta, self.sine, strict=True):
            phase = 2 * np.pi * (x * (k / extent)).sum(1)
            wave = np.sin(phase) if sine else np.cos(phase)
            basis.append(wave / np.linalg.norm(wave))
        return np.stack(basis)


def modes(action: Scalar, wells: int = 1) -> Modes:
    """Modes of the odd sublattice and the variational widths restricted to it.

    With `wells` = 2 those about one of two wells, if the Gaussian of least free energy is there.
    On sites of one parity the momenta k and k + (pi, ..., pi) are the same mode; its variance
    is the mean of the two.
    """
    shape = action.shape
    one_well = gaussian_of_one_well(action) if wells == 2 else None
    variance, constant = one_well or variational_gaussian(action)
    extent = np.asarray(shape)

    def flat(k: IntArray) -> int:
        return int(np.ravel_multi_index(tuple(k % extent), shape))

    seen: set[int] = set()
    momenta, sines, width = [], [], []
    for index, k in enumerate(coordinates(shape)):
        mirror, back = flat(k + extent // 2), flat(-k)
        mirrored_back = flat(-k + extent // 2)
        family = {index, back, mirror, mirrored_back}
        if family & seen:
            continue
        seen |= family
        # The sine of k = -k vanishes, and so does the cosine of k = (pi, ..., pi) - k.
        for sine, vanishing in ((False, mirrored_back), (True, back)):
            if index != vanishing:
                momenta.append(k)
                sines.append(sine)
                width.append(0.5 * np.log(0.5 * (variance[index] + variance[mirror])))
    mean = None if action.even else constant
    well = one_well.mean if one_well else None
    return Modes(shape, np.array(momenta), np.array(sines), np.array(width), mean, well)
