"""The topological charge of CP^(N-1) fields in two dimensions.

Berg and Luescher, Nucl. Phys. B 190 (1981) 412: each plaquette is two triangles, and

    Q = 1/(2 pi) sum over triangles of arg[(z_1^+ z_2)(z_2^+ z_3)(z_3^+ z_1)],

each phase in (-pi, pi]. It does not depend on the phases of the vectors and is an integer on a
periodic lattice. For N = 2 it is that of O(3) spins (`lfmc.theories.spheres.charge`).
"""

import numpy as np
from numpy.typing import NDArray

from lfmc.lattice import FloatArray, Shape
from lfmc.theories.spheres.charge import triangles


def topological_charge(z: NDArray[np.complex128], shape: Shape) -> FloatArray:
    """Q of vectors (batch, V, N), before it is rounded to an integer: (batch,)."""
    a, b, c = (z[:, corner] for corner in triangles(shape).T)
    loop = _overlap(a, b) * _overlap(b, c) * _overlap(c, a)
    return np.asarray(np.angle(loop).sum(1) / (2 * np.pi))


def _overlap(one: NDArray[np.complex128], other: NDArray[np.complex128]) -> NDArray[np.complex128]:
    return np.asarray((one.conj() * other).sum(-1))
