"""Projective maps of CP^(N-1) vectors, the second direction of the one-site law.

With a Hermitian matrix A, a sum of projectors of other sites,

    z = exp(A) m / |exp(A) m|,     inverse: A -> -A,

has the Jacobian |det exp(A)|^2/|exp(A) m|^(2N) on the sphere S^(2N-1). It turns with the vectors,
and for N = 2 it is the boost of `lfmc.theories.spheres.boost_kernels` for n_a = z^+ sigma_a z by
v = sinh(2 |a|) a/|a|, A = a.sigma + a number. If m has the density exp(m^+ M m)/normaliser, that of
z is, with A without its trace and w = exp(-A) z,

    exp(m^+ M m)/normaliser |w|^(-2N),     m = w/|w|.

The series of exp(F -+ A), F the Frobenius norm of A, adds powers of a matrix without negative
eigenvalues: nothing cancels. Each lane ends its series by itself. Beyond F = LARGEST the vector
stays as it was drawn, and its log density is NaN, which is refused.

After the rows of `lfmc.theories.cpn.bingham_kernels` but the last, `work` has A (2 N^2, as M), m
(2 N), F, |w|^2, the number of terms, the terms of the series (2 N each), and the result.
"""

import numpy as np

from lfmc.kernels.lanes import (
    any_lane,
    broadcast,
    inlined,
    kernel,
    load,
    select,
    square_root,
    store,
)
from lfmc.kernels.mathematics import log_positive, size
from lfmc.theories.cpn.bingham_kernels import bingham_residual

LARGEST = 6.0
TERMS = 64  # (2 LARGEST)^TERMS / TERMS! < 1e-19
SMALLEST = 1e-18  # the size of the last term of a series, of a vector whose sum is not below 1


def rows_of(n: int, terms: int) -> int:
    """Rows of `work` of a law with boosts."""
    return 8 * n * n + 3 * n + 2 * terms + 4 + 2 * n * (TERMS + 2)


@inlined
def first_row(n, terms):
    """Of A."""
    return 6 * n * n + n + 2 * terms


@inlined
def _norm_row(a, n):
    """Of F; those of |w|^2, of the number of terms and of the series follow."""
    return a + 2 * n * n + 2 * n


@kernel
def prepare(work, a, n):
    """Take the trace out of A, and keep its norm."""
    trace, square = broadcast(0.0), n * n
    for i in range(n):
        trace = trace + load(work, a + i * n + i)
    trace = trace * (1.0 / n)
    norm = broadcast(0.0)
    for i in range(n):
        place = a + i * n + i
        diagonal = load(work, place) - trace
        store(work, place, diagonal)
        norm = norm + diagonal * diagonal
        for j in range(i + 1, n):
            p, q = load(work, a + i * n + j), load(work, a + square + i * n + j)
            norm = norm + 2.0 * (p * p + q * q)
    norm = square_root(norm)
    store(work, _norm_row(a, n), select(norm < LARGEST, norm, np.nan))


@inlined
def _times(work, a, source, target, n, sign, factor, shift):
    """Rows `target` become factor (shift + sign A) times rows `source`."""
    square = n * n
    for i in range(n):
        real = (shift + sign * load(work, a + i * n + i)) * load(work, source + 2 * i)
        imaginary = (shift + sign * load(work, a + i * n + i)) * load(work, source + 2 * i + 1)
        for j in range(n):
            if j != i:
                low, high = min(i, j), max(i, j)
                p = sign * load(work, a + low * n + high)
                q = sign * load(work, a + square + low * n + high)
                if j < i:
                    q = 0.0 - q
                s, t = load(work, source + 2 * j), load(work, source + 2 * j + 1)
                real, imaginary = real + (p * s - q * t), imaginary + (p * t + q * s)
        store(work, target + 2 * i, factor * real)
        store(work, target + 2 * i + 1, factor * imaginary)


@kernel
def exponential_series(work, a, n, sign):
    """The terms v_k of exp(F + sign A) v_0; their number, the same for all lanes."""
    first, shift = _norm_row(a, n) + 3, load(work, _norm_row(a, n))
    for k in range(TERMS):
        here = first + 2 * n * (k + 1)
        _times(work, a, here - 2 * n, here, n, sign, 1.0 / (k + 1), shift)
        waiting = broadcast(0.0)
        for i in range(2 * n):
            waiting = waiting + size(load(work, here + i))
        if not any_lane(waiting > SMALLEST):
            return k + 1
        for i in range(2 * n):
            store(work, here + i, select(waiting > SMALLEST, load(work, here + i), 0.0))
    return TERMS


@inlined
def _sum(work, first, n, count, target, row):
    """Rows of `target` from `row` on become the unit vector along the sum of a series.

    Returns the square of the length of the sum.
    """
    length = broadcast(0.0)
    for i in range(2 * n):
        total = load(work, first + 2 * n * (count - 1) + i)
        for k in range(count - 2, -1, -1):
            total = total + load(work, first + 2 * n * k + i)
        store(target, row + i, total)
        length = length + total * total
    inverse = 1.0 / square_root(length)
    for i in range(2 * n):
        store(target, row + i, load(target, row + i) * inverse)
    return length


@kernel
def project(work, phi, x, a, n):
    """Map the vector of site x."""
    prepare(work, a, n)
    first = _norm_row(a, n) + 3
    for i in range(2 * n):
        store(work, first + i, load(phi, 2 * n * x + i))
    count = exponential_series(work, a, n, 1.0)
    _sum(work, first, n, count, phi, 2 * n * x)


@kernel
def unproject(work, phi, x, a, n):
    """m of the vector of site x; the last row of `work` becomes the log Jacobian of the inverse."""
    prepare(work, a, n)
    norm = _norm_row(a, n)
    for i in range(2 * n):
        store(work, norm + 3 + i, load(phi, 2 * n * x + i))
    count = exponential_series(work, a, n, -1.0)
    length = _sum(work, norm + 3, n, count, work, norm - 2 * n)
    store(work, norm + 1, length)
    store(work, norm + 2, broadcast(float(count)))
    found = n * (2.0 * load(work, norm) - log_positive(length))
    store(work, work.shape[0] - 1, found)


@kernel
def projected_residual(work, a, n, terms):
    """M and A become the derivatives of the log density by them, after `unproject`.

    With v_k the terms of the series and u the derivative by conj(w),

        l_k = u + (F - A) l_(k+1)/(k+1),     R = -sum_k (v_k l_(k+1)^+ + l_(k+1) v_k^+)/(k+1)

    is that by A. l_k takes the place of v_k, and R that of the copy of M, without a trace.
    """
    m, norm, found = a + 2 * n * n, _norm_row(a, n), 2 * n * n
    first, shift, count = norm + 3, load(work, norm), int(work[norm + 2, 0])
    end = first + 2 * n * (TERMS + 1)
    # u = [M m - (m^+ M m + N) m]/|w|
    _times(work, 0, m, end, n, 1.0, 1.0, broadcast(0.0))
    form = broadcast(float(n))
    for i in range(2 * n):
        form = form + load(work, m + i) * load(work, end + i)
    inverse = 1.0 / square_root(load(work, norm + 1))
    for i in range(2 * n):
        store(work, end + i, (load(work, end + i) - form * load(work, m + i)) * inverse)
    for i in range(2 * n * n):
        store(work, found + i, broadcast(0.0))
    for k in range(count, 0, -1):
        here = first + 2 * n * k  # of v_k, and of l_k after it
        begun = broadcast(0.0)  # 0 where a lane has ended its series before v_(k-1)
        for i in range(2 * n):
            begun = begun + size(load(work, here - 2 * n + i))
            if k == count:
                store(work, here + i, broadcast(0.0))
        if k < count:
            _times(work, a, here + 2 * n, here, n, -1.0, 1.0 / (k + 1), shift)
        for i in range(2 * n):
            total = load(work, here + i) + load(work, end + i)
            store(work, here + i, select(begun > 0.0, total, 0.0))
        _outer(work, here - 2 * n, here, found, n, -1.0 / k)
    trace = broadcast(0.0)
    for i in range(n):
        trace = trace + load(work, found + i * n + i)
    for i in range(2 * n * n):
        store(work, a + i, load(work, found + i))
    for i in range(n):
        place = a + i * n + i
        store(work, place, load(work, place) - trace * (1.0 / n))
    bingham_residual(work, work[m : m + 2 * n], 0, n, terms)


@inlined
def _outer(work, one, two, target, n, factor):
    """Add factor (v l^+ + l v^+) to a matrix, v and l in the rows `one` and `two`."""
    for i in range(n):
        p, q = load(work, one + 2 * i), load(work, one + 2 * i + 1)
        s, t = load(work, two + 2 * i), load(work, two + 2 * i + 1)
        p, q, s, t = factor * p, factor * q, factor * s, factor * t
        for j in range(i, n):
            e, f = load(work, two + 2 * j), load(work, two + 2 * j + 1)
            g, h = load(work, one + 2 * j), load(work, one + 2 * j + 1)
            place = target + i * n + j
            store(work, place, load(work, place) + (p * e + q * f) + (s * g + t * h))
            place = place + n * n
            store(work, place, load(work, place) + (q * e - p * f) + (t * g - s * h))
