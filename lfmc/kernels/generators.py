"""xoshiro256++ streams, one per lane, and what the kernels draw from them.

Blackman and Vigna, arXiv:1805.01407. A state is four words per chain. A kernel keeps the four rows
of a block in registers and stores them at its end, so the numbers of a chain depend on its own
stream only.
"""

import numpy as np

from lfmc.kernels.lanes import float_of, inlined, square_root
from lfmc.kernels.mathematics import log_positive, sincos_turns

_ONE_BITS = np.uint64(0x3FF0000000000000)
_17, _23, _41 = np.uint64(17), np.uint64(23), np.uint64(41)
_45, _19, _12 = np.uint64(45), np.uint64(19), np.uint64(12)


@inlined
def draw(state):
    """The next word of every stream: (word, new state); lanes or scalars."""
    a, b, c, d = state
    t = a + d
    word = ((t << _23) | (t >> _41)) + a
    t = b << _17
    c = c ^ a
    d = d ^ b
    b = b ^ c
    a = a ^ d
    c = c ^ t
    d = (d << _45) | (d >> _19)
    return word, (a, b, c, d)


@inlined
def one_to_two(word):
    """Uniform in [1, 2) on a grid of 2^-52, from the upper 52 bits."""
    return float_of((word >> _12) | _ONE_BITS)


@inlined
def uniform(state):
    """Uniform in [0, 1): (value, new state)."""
    word, state = draw(state)
    return one_to_two(word) - 1.0, state


@inlined
def symmetric(state):
    """Uniform in (-1, 1), exactly symmetric about 0: (value, new state)."""
    word, state = draw(state)
    return (one_to_two(word) - 1.5) * 2.0 + 2.0**-52, state


@inlined
def normal_pair(state):
    """Two independent N(0, 1), by Box and Muller: (value, value, new state)."""
    word, state = draw(state)
    radius = square_root(-2.0 * log_positive(2.0 - one_to_two(word)))
    word, state = draw(state)
    sine, cosine = sincos_turns(one_to_two(word))
    return radius * cosine, radius * sine, state
