"""The complex Bingham law: density exp(z^+ M z) on the sphere of complex unit vectors.

With the eigenvalues k_0 <= ... <= k_(N-1) of M and D_n the n-simplex integrals

    D_n(y) = int dp delta(y - sum p) exp(sum (k_i - k_0) p_i) = sum_m h_m y^(n-1+m)/(n-1+m)!,

h_m the complete homogeneous polynomials of the k_i - k_0 >= 0, the normaliser is
2 pi^N exp(k_0) D_N(1): a sum of positive numbers, with no differences of eigenvalues in a
denominator (J. T. Kent, J. R. Stat. Soc. B 56 (1994) 285 has the divided difference). The weights
p_i = |u_i^+ z|^2 are drawn one after the other: with y what is left of r after p_0,

    P(y_drawn < y) = D_n(y)/D_n(r),

which Newton's method in log y inverts, each lane until its own step is nothing; p_1 follows from
the eigenvalues without k_0, and so on. Phases are uniform. Mean weights are d log D_N(1)/d k_i.

`work` has the rows M (2 N^2: real, then imaginary parts; entries i <= j), a copy that is made
diagonal (2 N^2), eigenvectors (2 N^2), k (N), two series of `terms` coefficients, and a result.
"""

from math import lgamma, log, pi

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
from lfmc.kernels.mathematics import exp_negative, log_positive, sincos_turns, size

SWEEPS_SMALL, SWEEPS = 6, 9  # of Jacobi rotations, up to 4 components and beyond
OFF_DIAGONAL = 1e-9  # what may be left beside the diagonal, of the largest eigenvalue
MOST = 60
CLOSE = 1e-13


@kernel
def eigen(work, n):
    """Eigenvalues and eigenvectors by Jacobi's method, ascending.

    The last row of `work` becomes the sum of the squares of what is left beside the diagonal.

    Rotations of column p and q with B_pq = |b| e make it zero: t = tan of the angle,
    column_p -> c column_p - s conj(e) column_q, column_q -> s column_p + c conj(e) column_q.
    """
    square, copy, vectors, values = n * n, 2 * n * n, 4 * n * n, 6 * n * n
    for i in range(n):
        for j in range(n):
            low, high = min(i, j), max(i, j)
            real, imaginary = load(work, low * n + high), load(work, square + low * n + high)
            store(work, copy + i * n + j, real)
            if i == j:
                store(work, copy + square + i * n + j, broadcast(0.0))
            elif i < j:
                store(work, copy + square + i * n + j, imaginary)
            else:
                store(work, copy + square + i * n + j, 0.0 - imaginary)
            store(work, vectors + i * n + j, broadcast(1.0 if i == j else 0.0))
            store(work, vectors + square + i * n + j, broadcast(0.0))
    for _ in range(SWEEPS_SMALL if n <= 4 else SWEEPS):
        for p in range(n - 1):
            for q in range(p + 1, n):
                _rotate(work, p, q, n)
    beside = broadcast(0.0)
    for p in range(n):
        store(work, values + p, load(work, copy + p * n + p))
        for q in range(p):
            x, y = load(work, copy + p * n + q), load(work, copy + square + p * n + q)
            beside = beside + (x * x + y * y)
    for last in range(n - 1, 0, -1):
        for i in range(last):
            _ordered(work, i, n)
    store(work, work.shape[0] - 1, beside)


@inlined
def _rotate(work, p, q, n):
    square, copy, vectors = n * n, 2 * n * n, 4 * n * n
    x, y = load(work, copy + p * n + q), load(work, copy + square + p * n + q)
    length = square_root(x * x + y * y)
    tiny = length < 1e-150
    over = 1.0 / select(tiny, 1.0, length)
    x, y = select(tiny, 1.0, x * over), y * over  # e
    length = select(tiny, 0.0, length)
    one, two = load(work, copy + p * n + p), load(work, copy + q * n + q)
    apart = two - one
    root = square_root(apart * apart + 4.0 * length * length)
    t = 2.0 * length / (size(apart) + root + 1e-300)
    t = select(apart < 0.0, 0.0 - t, t)
    c = 1.0 / square_root(1.0 + t * t)
    s = t * c
    cx, cy, sx, sy = c * x, c * y, s * x, s * y
    for r in range(n):
        if r != p and r != q:
            _turn(work, copy + r * n + p, copy + r * n + q, square, c, s, cx, cy, sx, sy)
            for k in range(2):
                column = p if k == 0 else q
                row = copy + column * n + r
                store(work, row, load(work, copy + r * n + column))
                store(work, row + square, 0.0 - load(work, copy + square + r * n + column))
        _turn(work, vectors + r * n + p, vectors + r * n + q, square, c, s, cx, cy, sx, sy)
    store(work, copy + p * n + p, one - t * length)
    store(work, copy + q * n + q, two + t * length)
    for row in (copy + p * n + q, copy + q * n + p):
        store(work, row, broadcast(0.0))
        store(work, row + square, broadcast(0.0))


@inlined
def _turn(work, i, j, imaginary, c, s, cx, cy, sx, sy):
    """Entries i and j of two columns; conj(e) = x - i y."""
    a, b = load(work, i), load(work, i + imaginary)
    d, f = load(work, j), load(work, j + imaginary)
    store(work, i, c * a - (sx * d + sy * f))
    store(work, i + imaginary, c * b - (sx * f - sy * d))
    store(work, j, s * a + (cx * d + cy * f))
    store(work, j + imaginary, s * b + (cx * f - cy * d))


@inlined
def _ordered(work, i, n):
    """Exchange eigenvalues i and i + 1, and their vectors, where they do not ascend."""
    vectors, values = 4 * n * n, 6 * n * n
    one, two = load(work, values + i), load(work, values + i + 1)
    wrong = two < one
    store(work, values + i, select(wrong, two, one))
    store(work, values + i + 1, select(wrong, one, two))
    for r in range(2 * n):
        row = vectors + r * n + i
        one, two = load(work, row), load(work, row + 1)
        store(work, row, select(wrong, two, one))
        store(work, row + 1, select(wrong, one, two))


@inlined
def series(work, row, values, first, n, terms):
    """Coefficients h_m/(n-1+m)! of D_n of the eigenvalues from `first` on, less k_first.

    Eigenvalues are in the rows from `values` on, ascending.
    """
    count = n - first
    inverse = 1.0
    for m in range(2, count):
        inverse = inverse / m
    store(work, row, broadcast(inverse))
    for m in range(1, terms):
        store(work, row + m, broadcast(0.0))
    lowest = load(work, values + first)
    for i in range(first + 1, n):
        apart = load(work, values + i) - lowest
        if any_lane(apart > 0.0):
            before = load(work, row)
            for m in range(1, terms):
                before = load(work, row + m) + (apart * (1.0 / (m + count - 1))) * before
                store(work, row + m, before)


@inlined
def series_sum(work, row, terms):
    """The coefficients added up, small ones first."""
    total = load(work, row + terms - 1)
    for m in range(terms - 2, -1, -1):
        total = total + load(work, row + m)
    return total


@inlined
def normalise(work, row, values, n, terms, largest):
    """The first series, in rows from `row` on; the last row of `work` becomes log normaliser.

    Before, it has what `eigen` leaves beside the diagonal.
    """
    beside = load(work, work.shape[0] - 1)
    low, high = load(work, values), load(work, values + n - 1)
    series(work, row, values, 0, n, terms)
    scale = (low * low + high * high + 1.0) * (OFF_DIAGONAL * OFF_DIAGONAL)
    found = low + log_positive(series_sum(work, row, terms)) + (log(2.0) + n * log(pi))
    found = select(beside < scale, select(high - low < largest, found, np.nan), np.nan)
    store(work, work.shape[0] - 1, found)


@kernel
def bingham_normaliser(work, n, terms, largest):
    """Eigenvalues, vectors and the first series of `work`; its last row: log normaliser.

    It is NaN where the eigenvalues spread over more than `largest`: there are too few terms.
    """
    eigen(work, n)
    normalise(work, 6 * n * n + n, 6 * n * n, n, terms, largest)


@inlined
def _values(work, row, y, terms):
    """S = sum c_m y^m and sum m c_m y^m."""
    total, slope = load(work, row + terms - 1), broadcast(0.0)
    for m in range(terms - 2, -1, -1):
        slope = slope * y + total
        total = total * y + load(work, row + m)
    return total, slope * y


@inlined
def left_of(work, row, count, r, u, terms):
    """y with D_count(y) = u D_count(r), u in (0, 1]."""
    degree = count - 1.0
    log_r = log_positive(r)
    total, _ = _values(work, row, r, terms)
    # log D(y) is convex in log y and D(y) >= c_0 y^degree: both starts are above the solution
    target = log_positive(u) + degree * log_r + log_positive(total)
    start = (target - log_positive(load(work, row))) * (1.0 / degree)
    log_y = select(start < log_r, start, log_r)
    waiting = log_y < np.inf
    for _ in range(MOST):
        y = exp_negative(log_y)
        total, slope = _values(work, row, y, terms)
        step = (degree * log_y + log_positive(total) - target) / (degree + slope / total)
        log_y = select(waiting, log_y - step, log_y)
        waiting = select(size(step) > CLOSE, waiting, log_y > np.inf)
        if not any_lane(waiting):
            break
    log_y = select(log_y < log_r, log_y, log_r)
    return exp_negative(log_y)


@kernel
def bingham_draw(work, phi, x, uniform, first, n, terms):
    """Write a vector to site x of `phi`, by 2 N - 1 uniforms; `work` as `bingham_normaliser`."""
    square, vectors, row = n * n, 4 * n * n, 6 * n * n + n
    for a in range(2 * n):
        store(phi, 2 * n * x + a, broadcast(0.0))
    r = broadcast(1.0)
    for j in range(n):
        if j < n - 1:
            if j > 0:
                series(work, row + terms, 6 * n * n, j, n, terms)
            u = 1.0 - load(uniform, first + j)
            y = left_of(work, row if j == 0 else row + terms, n - j, r, u, terms)
            weight = r - y
            r = select(y < 1e-300, 1e-300, y)
        else:
            weight = r
        s, c = sincos_turns(load(uniform, first + n - 1 + j))
        length = square_root(select(weight < 0.0, 0.0, weight))
        s, c = length * s, length * c
        for a in range(n):
            p, q = load(work, vectors + a * n + j), load(work, vectors + square + a * n + j)
            i = 2 * (n * x + a)
            store(phi, i, load(phi, i) + (c * p - s * q))
            store(phi, i + 1, load(phi, i + 1) + (c * q + s * p))


@kernel
def bingham_residual(work, phi, x, n, terms):
    """M becomes z z^+ - <z z^+>, z the vector of site x; `work` as `bingham_normaliser`."""
    square, vectors, values, row = n * n, 4 * n * n, 6 * n * n, 6 * n * n + n
    for i in range(n):
        for j in range(i, n):
            p, q = load(phi, 2 * (n * x + i)), load(phi, 2 * (n * x + i) + 1)
            s, t = load(phi, 2 * (n * x + j)), load(phi, 2 * (n * x + j) + 1)
            store(work, i * n + j, p * s + q * t)
            store(work, square + i * n + j, q * s - p * t)
    norm, lowest = series_sum(work, row, terms), load(work, values)
    for k in range(n):
        apart = load(work, values + k) - lowest
        entry = load(work, row) * (1.0 / n)
        total = entry
        for m in range(1, terms):
            entry = (load(work, row + m) + apart * entry) * (1.0 / (n + m))
            total = total + entry
        mean = total / norm
        for i in range(n):
            for j in range(i, n):
                p = load(work, vectors + i * n + k)
                q = load(work, vectors + square + i * n + k)
                s = load(work, vectors + j * n + k)
                t = load(work, vectors + square + j * n + k)
                place = i * n + j
                store(work, place, load(work, place) - mean * (p * s + q * t))
                place = place + square
                store(work, place, load(work, place) - mean * (q * s - p * t))


def terms_for(largest: float) -> int:
    """Terms after which the rest of a series is below 1e-17 of it, for spreads up to `largest`."""
    m = 2
    while m < 2 * largest or m * log(largest) - lgamma(m + 1) > largest - 39:
        m += 1
    return m
