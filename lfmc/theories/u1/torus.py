"""What links on a two-dimensional torus have beyond single plaquettes: charge, flux, holonomies."""

from math import pi

import numpy as np

from lfmc.lattice import FloatArray, Shape, coordinates
from lfmc.theories.u1.decimation import TWO_PI, plaquettes_of, wrap


def unit_flux(shape: Shape) -> FloatArray:
    """What adds the flux 2 pi / V to every plaquette, modulo 2 pi, per link, (2V,)."""
    x = coordinates(shape)
    found = np.zeros((len(x), 2))
    found[:, 0] = -2 * pi * x[:, 1] / len(x)
    found[:, 1] = np.where(x[:, 1] == shape[1] - 1, 2 * pi * x[:, 0] / shape[0], 0.0)
    return found.ravel()


def charges_of(links: FloatArray) -> FloatArray:
    """Q of links (batch, L0, L1, 2), whole numbers, (batch,)."""
    return np.rint(wrap(plaquettes_of(links)).sum((1, 2)) / TWO_PI)


def holonomies_of(links: FloatArray) -> FloatArray:
    """Angles of lines round axes 0 and 1, averaged over the lattice, (batch, 2), modulo 2 pi.

    Neighbouring lines differ by the sum of the plaquettes between them, each in [-pi, pi]. Round
    the lattice these sums make 2 pi Q: the average depends on where it begins unless Q = 0.
    """
    plaquette = wrap(plaquettes_of(links))
    lines = links[:, :, 0, 0].sum(1), links[:, 0, :, 1].sum(1)
    found = []
    for axis, sign in ((0, -1.0), (1, 1.0)):
        between = plaquette.sum(1 + axis)
        later = sign * np.cumsum(between[:, :-1], axis=1).sum(1) / between.shape[1]
        found.append(lines[axis] + later)
    return np.stack(found, axis=1)


def turned(links: FloatArray, angle: FloatArray) -> FloatArray:
    """Links whose lines round axes 0 and 1 have these angles more, (batch, 2); same plaquettes."""
    found = links.copy()
    found[:, -1, :, 0] += angle[:, :1]
    found[:, :, -1, 1] += angle[:, 1:]
    return found
