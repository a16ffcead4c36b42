"""A program of `lfmc.samplers.flux_program` on the rows of a disc: s turns, vectors follow."""

from lfmc.kernels.lanes import broadcast, inlined, load, select, square_root, store
from lfmc.kernels.mathematics import sincos_turns
from lfmc.theories.cpn.kernels import overlap


@inlined
def exponent(work, s, ends, n):
    """Sum of Re(conj(s) w) over the bonds of the disc."""
    total = broadcast(0.0)
    for b in range(ends.shape[0]):
        real, imaginary = overlap(work, ends[b, 0], ends[b, 1], n)
        total = total + (load(s, 2 * b) * real + load(s, 2 * b + 1) * imaginary)
    return total


@inlined
def drive(work, s, near, links, visits, turns, last, change, n, around):
    """The program, for a change of the flux of the core; `around`: 2 N rows of work."""
    for v in range(visits.shape[0]):
        x = visits[v]
        for k in range(4):
            if turns[v, k] != 0.0:
                _turn(s, links[x, k], turns[v, k] * change)
        _reflect(work, 2 * n * x, s, near[x], links[x], n, around)
    for bond in range(last.shape[0]):
        if last[bond] != 0.0:
            _turn(s, bond, last[bond] * change)
    for x in range(links.shape[0]):
        _normalise(work, 2 * n * x, 2 * n)


@inlined
def _turn(s, bond, angle):
    """s of a bond by an angle over 2 pi."""
    sine, cosine = sincos_turns(angle)
    p, q = load(s, 2 * bond), load(s, 2 * bond + 1)
    store(s, 2 * bond, cosine * p - sine * q)
    store(s, 2 * bond + 1, cosine * q + sine * p)


@inlined
def _forward(work, row, s, bond):
    """conj(s) z of one component."""
    p, q = load(work, row), load(work, row + 1)
    real, imaginary = load(s, 2 * bond), load(s, 2 * bond + 1)
    return real * p + imaginary * q, real * q - imaginary * p


@inlined
def _backward(work, row, s, bond):
    """s z of one component."""
    p, q = load(work, row), load(work, row + 1)
    real, imaginary = load(s, 2 * bond), load(s, 2 * bond + 1)
    return real * p - imaginary * q, real * q + imaginary * p


@inlined
def _reflect(work, row, s, near, links, n, around):
    """Reflect a vector about its field: `field_of` and `reflect` of the heat bath in one pass."""
    along, square = broadcast(0.0), broadcast(0.0)
    for a in range(0, 2 * n, 2):
        one, two = _forward(work, 2 * n * near[0] + a, s, links[0])
        p, q = _backward(work, 2 * n * near[1] + a, s, links[1])
        one, two = one + p, two + q
        p, q = _forward(work, 2 * n * near[2] + a, s, links[2])
        one, two = one + p, two + q
        p, q = _backward(work, 2 * n * near[3] + a, s, links[3])
        one, two = one + p, two + q
        store(around, a, one)
        store(around, a + 1, two)
        along = along + (one * load(work, row + a) + two * load(work, row + a + 1))
        square = square + (one * one + two * two)
    free = square < 1e-20
    factor = select(free, 0.0, 2.0 * along / select(free, 1.0, square))
    sign = select(free, 1.0, broadcast(-1.0))
    for a in range(2 * n):
        store(work, row + a, factor * load(around, a) + sign * load(work, row + a))


@inlined
def _normalise(work, row, p):
    """Remove the rounding of many reflections."""
    square = broadcast(0.0)
    for a in range(p):
        square = square + load(work, row + a) * load(work, row + a)
    inverse = 1.0 / square_root(square)
    for a in range(p):
        store(work, row + a, inverse * load(work, row + a))
