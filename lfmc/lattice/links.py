"""Links and plaquettes. Link (x, mu) leads from x to x + mu and is number d x + mu of a field.

The plaquette of x in the plane mu < nu is the sum round it,

    P(x) = th_mu(x) + th_nu(x + mu) - th_mu(x + nu) - th_nu(x).
"""

from functools import lru_cache
from itertools import combinations

import numpy as np

from lfmc.errors import LfmcError
from lfmc.lattice.sites import IntArray, Shape, neighbours


@lru_cache
def plaquettes(shape: Shape) -> IntArray:
    """The four links of every plaquette, (plaquettes, 4); their signs are +, +, -, -.

    All sites of the first plane (0, 1), then those of (0, 2), ...: in two dimensions plaquette x.
    """
    near, d = neighbours(shape), len(shape)
    site = np.arange(len(near))
    planes = []
    for mu, nu in combinations(range(d), 2):
        ahead, beside = near[:, 2 * mu], near[:, 2 * nu]
        planes.append(np.stack([d * site + mu, d * ahead + nu, d * beside + mu, d * site + nu], 1))
    table = np.concatenate(planes).astype(np.int64)
    table.flags.writeable = False
    return table


@lru_cache
def staples(shape: Shape) -> IntArray:
    """The three other links of the two plaquettes of every link in two dimensions, (links, 6).

    A link of angle th is in one plaquette th + A and in one -th + B, with

        A = th[0] - th[1] - th[2],    B = th[3] + th[4] - th[5]

    where th[k] is the link in column k.

    Raises:
        LfmcError: another number of dimensions, or an extent below 2.
    """
    if len(shape) != 2 or min(shape) < 2:
        raise LfmcError(f"shape {list(shape)}: links have two staples in two dimensions only")
    near = neighbours(shape)
    site = np.arange(len(near))
    zero, one = 2 * site, 2 * site + 1

    def corner(x: IntArray) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """The links of the plaquette of x: +, +, -, -."""
        return zero[x], one[near[x, 0]], zero[near[x, 2]], one[x]

    table = np.empty((2 * len(site), 6), dtype=np.int64)
    own, left, below = corner(site), corner(near[:, 1]), corner(near[:, 3])
    table[zero] = np.stack([own[1], own[2], own[3], below[0], below[1], below[3]], 1)
    table[one] = np.stack([left[0], left[2], left[3], own[0], own[1], own[2]], 1)
    table.flags.writeable = False
    return table
