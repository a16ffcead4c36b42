"""Angles on lanes: nearest whole number, and the angle of a vector in the plane."""

from math import pi

from lfmc.kernels.lanes import inlined, select
from lfmc.kernels.mathematics import size

_ROUND = 6755399441055744.0  # 1.5 * 2^52: adding it leaves the nearest integer
_TAN_EIGHTH = 0.41421356237309503
# arctan(t) = t + t z P(z)/Q(z), z = t^2, for |t| < 0.66 (Moshier, Cephes mathematical library)
_P = (
    *(-8.750608600031904122785e-1, -1.615753718733365076637e1, -7.500855792314704667340e1),
    *(-1.228866684490136173410e2, -6.485021904942025371773e1),
)
_Q = (
    *(2.485846490142306297962e1, 1.650270098316988542046e2, 4.328810604912902668951e2),
    *(4.853903996359136964868e2, 1.945506571482613964425e2),
)


@inlined
def nearest(x):
    """The nearest whole number of |x| < 2^50."""
    return (x + _ROUND) - _ROUND


@inlined
def angle_of(y, x):
    """The angle of the vector (x, y) from the x axis, in [-pi, pi]; 0 of the zero vector."""
    wide, high = size(x), size(y)
    steep = wide < high
    large, small = select(steep, high, wide), select(steep, wide, high)
    t = small / select(large > 0.0, large, 1.0)
    above = t > _TAN_EIGHTH
    t = select(above, (t - 1.0) / (t + 1.0), t)
    z = t * t
    p = (((z * _P[0] + _P[1]) * z + _P[2]) * z + _P[3]) * z + _P[4]
    q = ((((z + _Q[0]) * z + _Q[1]) * z + _Q[2]) * z + _Q[3]) * z + _Q[4]
    angle = t * (z * p / q) + t
    angle = select(above, angle + 0.25 * pi, angle)
    angle = select(steep, 0.5 * pi - angle, angle)
    angle = select(x < 0.0, pi - angle, angle)
    return select(y < 0.0, 0.0 - angle, angle)
