"""The map of `heatbath.wells`, lane by lane, and its scores.

Kernels read `wells`: s, k a / s, k, exp(-k a / s).
"""

from lfmc.kernels.lanes import inlined, select, square_root
from lfmc.kernels.mathematics import exp_negative, logarithm, size, softplus

_LN2 = 0.6931471805599453


@inlined
def wells_map(z, wells):
    """The map and its log derivative."""
    half = 0.5 * wells[2] * size(z)
    decay = exp_negative(-2.0 * half)
    t = (1.0 - decay) / (1.0 + decay)
    root = square_root(t * t + wells[3] * wells[3] * (1.0 - t * t))
    outer = (wells[1] + half + logarithm(1.0 + decay) - _LN2 + logarithm(t + root)) / wells[2]
    m = wells[0] * (0.5 * size(z) + outer)
    return select(z < 0.0, 0.0 - m, m), logarithm(0.5 * wells[0] * (1.0 + 1.0 / root))


@inlined
def inverse_wells_map(m, wells):
    """The normal of a mapped value, and the log derivative of the map there."""
    scaled = wells[2] / wells[0] * m
    near, far = scaled - wells[1], 0.0 - scaled - wells[1]
    z = (softplus(near) - softplus(far)) / wells[2]
    return z, 0.0 - logarithm((_sigmoid(near) + _sigmoid(far)) / wells[0])


@inlined
def wells_scores(z, m, wells):
    """Derivatives of log q at a fixed mapped value m, whose normal is z.

    With respect to m, log s, a and log k.
    """
    scaled, ratio = wells[2] / wells[0] * m, wells[2] / wells[0]
    near, far = scaled - wells[1], 0.0 - scaled - wells[1]
    one, other = _sigmoid(near), _sigmoid(far)
    both = one + other
    # Derivatives of the logarithm of `both`.
    bend, bend_other = one * (1.0 - one) / both, other * (1.0 - other) / both
    by_m = ratio * (bend - bend_other) - z * both / wells[0]
    by_place = z * (one - other) / wells[0] - ratio * (bend + bend_other)
    moved = (one * near - other * far) / wells[2]
    stretched = bend * near + bend_other * far
    by_width = z * moved - stretched - 1.0
    return by_m, by_width, by_place, stretched - z * (moved - z)


@inlined
def _sigmoid(x):
    small = exp_negative(0.0 - size(x))
    return select(x > 0.0, 1.0, small) / (1.0 + small)
