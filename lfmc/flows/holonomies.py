"""Densities of the angles of lines round a torus, relative to the uniform one."""

from typing import NamedTuple

import numpy as np

from lfmc.lattice import FloatArray
from lfmc.theories.u1.decimation import wrap


class Lines(NamedTuple):
    """Average lines round the axes and their density, relative to the uniform one.

    Attributes:
        angle: h_mu, (batch, 2); neutral: whether Q = 0, (batch,).
        r: of the Moebius maps, (batch, 2).
    """

    angle: FloatArray
    neutral: FloatArray
    r: FloatArray

    def log_density(self) -> FloatArray:
        """log f(h_0; r_0) + log f(h_1; r_1) where Q = 0, else 0, (batch,)."""
        r = self.r
        f = np.log1p(-r * r) - np.log(1 + r * r - 2 * r * np.cos(self.angle))
        return np.asarray(self.neutral * f.sum(1))

    def scores(self) -> FloatArray:
        """Derivatives of it by a, (batch, 3)."""
        r, cosine = self.r, np.cos(self.angle)
        found = 2 * (cosine - r) * (1 - r * r) / (1 + r * r - 2 * r * cosine) - 2 * r
        found = np.column_stack([found, found[:, 1] * cosine[:, 0]])
        return np.asarray(found * self.neutral[:, None])


def moebius(angle: FloatArray, r: FloatArray) -> FloatArray:
    """A uniform angle to one of the density (1 - r^2) / (1 + r^2 - 2 r cos h)."""
    return np.asarray(2 * np.arctan((1 - r) / (1 + r) * np.tan(0.5 * wrap(angle))))
