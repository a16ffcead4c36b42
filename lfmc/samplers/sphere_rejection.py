"""A unit vector of many components in a field of strength k, by rejection: exact for every k.

A. Wood, Commun. Stat. Simul. 23 (1994) 157, for the cosine w to the field, with m = p - 1 of p
components: w = (1 - (1 + b) v)/(1 - (1 - b) v) is accepted if

    k w + m log(1 - x w) - k x - m log(1 - x^2) > log u,     x = (1 - b)/(1 + b),

b = m / (2 k + sqrt(4 k^2 + m^2)), with (2 v - 1) distributed as one component of a uniform
direction: r cos(2 pi u') with 1 - r^2 a uniform to the power 2/(p - 2). A chain draws words until
its own cosine is accepted and no longer, so its numbers do not depend on the chains beside it.
"""

from lfmc.kernels.generators import draw, normal_pair, one_to_two
from lfmc.kernels.lanes import any_lane, broadcast, inlined, load, select, square_root, store
from lfmc.kernels.mathematics import exp_negative, log_positive, sincos_turns
from lfmc.kernels.tuples import select_each


@inlined
def rejected_cosine(k, p, state):
    """The cosine to a field of strength k in every lane, p >= 4, and the new stream state."""
    m = p - 1.0
    b = m / (2.0 * k + square_root(4.0 * k * k + m * m))
    x = (1.0 - b) / (1.0 + b)
    # 1 - x^2 without cancellation
    offset = k * x + m * log_positive(4.0 * b / ((1.0 + b) * (1.0 + b)))
    cosine = broadcast(1.0)
    waiting = k < 1e300
    while any_lane(waiting):
        word, later = draw(state)
        power = exp_negative(log_positive(2.0 - one_to_two(word)) * (2.0 / (p - 2.0)))
        word, later = draw(later)
        _, c = sincos_turns(one_to_two(word))
        v = 0.5 + 0.5 * square_root(1.0 - power) * c
        w = (1.0 - (1.0 + b) * v) / (1.0 - (1.0 - b) * v)
        word, later = draw(later)
        score = k * w + m * log_positive(1.0 - x * w) - offset
        accept = log_positive(2.0 - one_to_two(word)) < score
        cosine = select(waiting, w, cosine)
        state = select_each(waiting, later, state)
        waiting = select(accept, k < 0.0, waiting)
    return cosine, state


@inlined
def draw_in_field(phi, row, field, p, normals, state):
    """Write a vector of density exp(h.n) to rows row ... row + p - 1; returns the stream state.

    Args:
        field: h in rows 0 ... p - 1, p >= 4 and even; overwritten by its direction.
        normals: rows 0 ... p - 1, overwritten.
    """
    square = broadcast(0.0)
    for a in range(p):
        square = square + load(field, a) * load(field, a)
    k = square_root(square)
    inverse = 1.0 / select(k < 1e-150, 1e-150, k)
    along = select(k < 1e-150, 1.0, 0.0)  # no field: the first axis
    store(field, 0, load(field, 0) + along)
    inverse = select(k < 1e-150, 1.0, inverse)
    cosine, state = rejected_cosine(k, p, state)
    dot = broadcast(0.0)
    for a in range(0, p, 2):
        one, two, state = normal_pair(state)
        first, second = load(field, a) * inverse, load(field, a + 1) * inverse
        store(normals, a, one)
        store(normals, a + 1, two)
        store(field, a, first)
        store(field, a + 1, second)
        dot = dot + (one * first + two * second)
    square = broadcast(0.0)
    for a in range(p):
        rest = load(normals, a) - dot * load(field, a)
        store(normals, a, rest)
        square = square + rest * rest
    inside = 1.0 - cosine * cosine
    scale = square_root(select(inside < 0.0, 0.0, inside) / square)
    square = broadcast(0.0)
    for a in range(p):
        value = cosine * load(field, a) + scale * load(normals, a)
        store(normals, a, value)
        square = square + value * value
    length = 1.0 / square_root(square)
    for a in range(p):
        store(phi, row + a, length * load(normals, a))
    return state
