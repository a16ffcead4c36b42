"""The topological charge of unit vectors with three components in two dimensions.

Berg and Luescher, Nucl. Phys. B 190 (1981) 412: each plaquette is two triangles, and the spherical
triangle of n1, n2, n3 has the oriented area A in (-2 pi, 2 pi),

    exp(i A/2) ~ 1 + n1.n2 + n2.n3 + n3.n1 + i n1.(n2 x n3),      Q = 1/(4 pi) sum A,

an integer on a periodic lattice.
"""

import numpy as np

from lfmc.lattice import FloatArray, IntArray, Shape, neighbours


def triangles(shape: Shape) -> IntArray:
    """Sites of the two triangles of every plaquette, counterclockwise, (2V, 3)."""
    near = neighbours(shape)
    site, right, up = np.arange(len(near)), near[:, 0], near[:, 2]
    corner = near[right, 2]
    pair = [np.stack([site, right, corner], 1), np.stack([site, corner, up], 1)]
    return np.concatenate(pair)


def topological_charge(spins: FloatArray, shape: Shape) -> FloatArray:
    """Q of spins (batch, V, 3), before it is rounded to an integer: (batch,)."""
    a, b, c = (spins[:, corner] for corner in triangles(shape).T)
    real = 1 + (a * b).sum(-1) + (b * c).sum(-1) + (c * a).sum(-1)
    half = np.arctan2((a * np.cross(b, c)).sum(-1), real)
    return np.asarray(half.sum(1) / (2 * np.pi))
