"""A unit vector drawn in a field, from a fixed number of uniforms."""

import numpy as np

from lfmc.kernels.lanes import LANES, broadcast, inlined, load, select, square_root, store
from lfmc.kernels.mathematics import exp_negative, log_positive, sincos_turns
from lfmc.theories.spheres.law_kernels import cosine_and_sine


@inlined
def uniforms_of(n):
    """Uniforms of one vector with N components."""
    if n <= 2:
        return 1
    return 2 if n == 3 else 1 + 2 * ((n + 1) // 2)


@inlined
def strength(field, n):
    """|h| of the rows 0 ... N - 1 of `field`."""
    square = broadcast(0.0)
    for a in range(n):
        square = square + load(field, a) * load(field, a)
    return square_root(square)


@inlined
def draw_spin(phi, row, field, k, uniform, first, n):
    """Write a vector of density exp(h.n) to rows row ... row + N - 1 of `phi`.

    Args:
        field: h in rows 0 ... N - 1; k: its length.
        uniform: rows of uniforms in [0, 1), of which those from `first` on are used.
    """
    inverse = 1.0 / select(k < 1e-150, 1e-150, k)
    u = load(uniform, first)
    if n == 1:
        # p(+1) = 1 / (1 + exp(-2 h))
        e = exp_negative(-2.0 * k)
        likely = 1.0 / (1.0 + e)
        same = select(u < likely, 1.0, -1.0)
        store(phi, row, same * select(load(field, 0) < 0.0, -1.0, 1.0))
        return
    cosine, sine = cosine_and_sine(u, k, n)
    along = select(k < 1e-150, 1.0, 0.0)  # no field: the first axis
    x = load(field, 0) * inverse + along
    y = load(field, 1) * inverse
    if n == 2:
        store(phi, row, cosine * x - sine * y)
        store(phi, row + 1, cosine * y + sine * x)
    elif n == 3:
        # a frame without branches: Duff et al., J. Comput. Graph. Tech. 6 (2017) 1
        z = load(field, 2) * inverse
        sign = select(z < 0.0, -1.0, 1.0)
        a = -1.0 / (sign + z)
        b = x * y * a
        s, c = sincos_turns(load(uniform, first + 1))
        s, c = sine * s, sine * c
        store(phi, row, cosine * x + c * (1.0 + sign * x * x * a) + s * b)
        store(phi, row + 1, cosine * y + c * (sign * b) + s * (sign + y * y * a))
        store(phi, row + 2, cosine * z - c * (sign * x) - s * y)
    else:
        _around(phi, row, field, inverse, along, cosine, sine, uniform, first + 1, n)


@inlined
def _around(phi, row, field, inverse, along, cosine, sine, uniform, first, n):
    """cos t e + sin t r with r the direction of normals without their part along e."""
    normals = np.empty((n + 1, LANES))
    for a in range(0, n, 2):
        radius = square_root(-2.0 * log_positive(1.0 - load(uniform, first + a)))
        s, c = sincos_turns(load(uniform, first + a + 1))
        store(normals, a, radius * c)
        store(normals, a + 1, radius * s)
    dot, square = broadcast(0.0), broadcast(0.0)
    for a in range(n):
        e = load(field, a) * inverse + (along if a == 0 else 0.0 * along)
        dot = dot + load(normals, a) * e
    for a in range(n):
        e = load(field, a) * inverse + (along if a == 0 else 0.0 * along)
        rest = load(normals, a) - dot * e
        store(normals, a, rest)
        square = square + rest * rest
    scale = sine / square_root(square)
    for a in range(n):
        e = load(field, a) * inverse + (along if a == 0 else 0.0 * along)
        store(phi, row + a, cosine * e + scale * load(normals, a))
