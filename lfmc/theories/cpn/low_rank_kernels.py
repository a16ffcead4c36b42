"""The complex Bingham law exp(z^+ M z) with M = sum_s k_s y_s y_s^+ of a few vectors y_s, large N.

With an orthonormal basis B of the y_s, the columns of N x r, and y_s = B t_s,

    M = B H B^+,     H = sum_s k_s t_s t_s^+ + loops (`lfmc.theories.cpn.low_rank_loops`),

so M has the r eigenvalues of H and N - r zeros, whose common space is what B leaves. The weights of
the N components are drawn as in `lfmc.theories.cpn.bingham_kernels`; those of the zeros together
are the squared length of what is drawn outside of B, in a direction that is that of a normal vector
without its part in B. Cost N r^2 and N^2 terms, without N^3.

A vector that depends on those before it adds no column: zero eigenvalues of H that have no vector
fall to the rest of the space, to which they belong.

`work` has the rows of `bingham_kernels.eigen` for r (H first), then N eigenvalues, two series,
B (2 N rows per column), t (2 rows per entry, r per vector), k, 4 r of coordinates, N weights, and a
result. Numbers of rows: `rows_of`.
"""

from lfmc.kernels.lanes import broadcast, inlined, kernel, load, select, square_root, store
from lfmc.kernels.mathematics import log_positive, sincos_turns
from lfmc.theories.cpn.bingham_kernels import (
    eigen,
    left_of,
    normalise,
    series,
    series_sum,
)

DEPENDENT = 1e-20  # squared length of what a vector adds to the basis, below which it adds none


def rows_of(n: int, r: int, vectors: int, terms: int) -> int:
    """Rows of `work`: N components, r columns, so many vectors, terms of a series."""
    return 6 * r * r + r + n + 2 * terms + 2 * n * r + 2 * r * vectors + vectors + 4 * r + n + 1


@inlined
def places(n, r, vectors, terms):
    """First rows: eigenvalues, series, B, t, k, coordinates, weights."""
    values = 6 * r * r + r
    row = values + n
    basis = row + 2 * terms
    t = basis + 2 * n * r
    k = t + 2 * r * vectors
    c = k + vectors
    return values, row, basis, t, k, c, c + 4 * r


@kernel
def clear_vectors(work, n, r, vectors, terms):
    """No vector yet."""
    _, _, basis, _, _, c, _ = places(n, r, vectors, terms)
    for i in range(2 * r * r):
        store(work, i, broadcast(0.0))
    for i in range(basis, c):
        store(work, i, broadcast(0.0))


@kernel
def add_vector(work, phi, y, entry, n, r, vectors, terms):
    """Add the vector of site y times the last row of `work`.

    entry: 0, 1, 2 ... of new vectors in turn; -1 - entry of one that is there already.
    """
    _, _, basis, t, k, _, _ = places(n, r, vectors, terms)
    if entry < 0:
        place = k - 1 - entry
        store(work, place, load(work, place) + load(work, work.shape[0] - 1))
        return
    store(work, k + entry, load(work, work.shape[0] - 1))
    columns = min(entry, r)
    if entry < r:
        column = basis + 2 * n * entry
        for a in range(2 * n):
            store(work, column + a, load(phi, 2 * n * y + a))
        for _ in range(2):  # twice: what is left is orthogonal to rounding
            for i in range(columns):
                real, imaginary = _inner(work, basis + 2 * n * i, work, column, n)
                _subtract(work, column, work, basis + 2 * n * i, real, imaginary, n)
                place = t + 2 * (r * entry + i)
                store(work, place, load(work, place) + real)
                store(work, place + 1, load(work, place + 1) + imaginary)
        square = broadcast(0.0)
        for a in range(2 * n):
            square = square + load(work, column + a) * load(work, column + a)
        none = square < DEPENDENT
        length = select(none, 0.0, square_root(square))
        inverse = select(none, 0.0, 1.0 / select(none, 1.0, length))
        for a in range(2 * n):
            store(work, column + a, inverse * load(work, column + a))
        store(work, t + 2 * (r * entry + entry), length)
    else:
        coordinates(work, phi, y, basis, t + 2 * r * entry, n, r)


@inlined
def _inner(one, i, two, j, n):
    """u^+ v of the vectors in rows i of `one` and j of `two`."""
    real, imaginary = broadcast(0.0), broadcast(0.0)
    for a in range(n):
        p, q = load(one, i + 2 * a), load(one, i + 2 * a + 1)
        s, t = load(two, j + 2 * a), load(two, j + 2 * a + 1)
        real = real + (p * s + q * t)
        imaginary = imaginary + (p * t - q * s)
    return real, imaginary


@inlined
def _subtract(one, i, two, j, real, imaginary, n):
    """From the vector in rows i of `one`: (real + i imaginary) times that in rows j of `two`."""
    for a in range(n):
        p, q = load(two, j + 2 * a), load(two, j + 2 * a + 1)
        store(one, i + 2 * a, load(one, i + 2 * a) - (real * p - imaginary * q))
        store(one, i + 2 * a + 1, load(one, i + 2 * a + 1) - (real * q + imaginary * p))


@inlined
def coordinates(work, phi, x, basis, c, n, r):
    """Rows from c on become B^+ z_x."""
    for i in range(r):
        real, imaginary = _inner(work, basis + 2 * n * i, phi, 2 * n * x, n)
        store(work, c + 2 * i, real)
        store(work, c + 2 * i + 1, imaginary)


@kernel
def form_along(work, phi, x, n, r, vectors, terms):
    """The last row of `work` becomes c^+ H c, c = B^+ z_x."""
    _, _, basis, _, _, c, _ = places(n, r, vectors, terms)
    coordinates(work, phi, x, basis, c, n, r)
    total = broadcast(0.0)
    for i in range(r):
        p, q = load(work, c + 2 * i), load(work, c + 2 * i + 1)
        total = total + load(work, i * r + i) * (p * p + q * q)
        for j in range(i + 1, r):
            s, t = load(work, c + 2 * j), load(work, c + 2 * j + 1)
            real, imaginary = p * s + q * t, q * s - p * t
            place = i * r + j
            both = load(work, place) * real + load(work, place + r * r) * imaginary
            total = total + 2.0 * both
    store(work, work.shape[0] - 1, total)


@kernel
def low_rank_normaliser(work, n, r, vectors, terms, largest):
    """H, its eigenvalues and vectors, the first series; last row: log normaliser.

    It is NaN where the eigenvalues spread over more than `largest`: there are too few terms.
    """
    values, row, _, t, k, _, _ = places(n, r, vectors, terms)
    for i in range(r):
        for j in range(i, r):
            real, imaginary = load(work, i * r + j), load(work, r * r + i * r + j)
            for s in range(vectors):
                at = t + 2 * r * s
                p, q = load(work, at + 2 * i), load(work, at + 2 * i + 1)
                u, v = load(work, at + 2 * j), load(work, at + 2 * j + 1)
                weight = load(work, k + s)
                real = real + weight * (p * u + q * v)
                imaginary = imaginary + weight * (q * u - p * v)
            store(work, i * r + j, real)
            store(work, r * r + i * r + j, imaginary)
    eigen(work, r)
    zeros = n - r
    for j in range(n):  # ascending: negative ones, zeros, positive ones
        value = broadcast(0.0)
        if j >= zeros:
            own = load(work, 6 * r * r + j - zeros)
            value = select(own > 0.0, own, value)
        if j < r:
            own = load(work, 6 * r * r + j)
            value = select(own < 0.0, own, value)
        store(work, values + j, value)
    normalise(work, row, values, n, terms, largest)


@kernel
def low_rank_draw(work, phi, x, uniform, first, n, r, vectors, terms):
    """Write a vector to site x of `phi`, by 3 N - 1 + r uniforms; after the normaliser."""
    values, row, basis, _, _, c, weights = places(n, r, vectors, terms)
    left = broadcast(1.0)
    for j in range(n - 1):
        if j > 0:
            series(work, row + terms, values, j, n, terms)
        u = 1.0 - load(uniform, first + j)
        y = left_of(work, row if j == 0 else row + terms, n - j, left, u, terms)
        store(work, weights + j, left - y)
        left = select(y < 1e-300, 1e-300, y)
    store(work, weights + n - 1, left)
    for a in range(2 * r):
        store(work, c + a, broadcast(0.0))
    for j in range(r):
        negative = load(work, 6 * r * r + j) < 0.0
        weight = select(negative, load(work, weights + j), load(work, weights + n - r + j))
        s, o = sincos_turns(load(uniform, first + n - 1 + j))
        length = square_root(select(weight < 0.0, 0.0, weight))
        s, o = length * s, length * o
        for i in range(r):
            p = load(work, 4 * r * r + i * r + j)
            q = load(work, 5 * r * r + i * r + j)
            store(work, c + 2 * i, load(work, c + 2 * i) + (o * p - s * q))
            store(work, c + 2 * i + 1, load(work, c + 2 * i + 1) + (o * q + s * p))
    _outside(phi, 2 * n * x, uniform, first + n - 1 + r, work, basis, n, r)
    inside = broadcast(0.0)
    for i in range(r):
        column = basis + 2 * n * i
        real, imaginary = load(work, c + 2 * i), load(work, c + 2 * i + 1)
        here = load(work, column) * load(work, column)
        for a in range(1, 2 * n):
            here = here + load(work, column + a) * load(work, column + a)
        inside = inside + here * (real * real + imaginary * imaginary)
    rest = 1.0 - inside
    rest = square_root(select(rest < 0.0, 0.0, rest))
    for a in range(2 * n):
        store(phi, 2 * n * x + a, rest * load(phi, 2 * n * x + a))
    for i in range(r):
        real, imaginary = 0.0 - load(work, c + 2 * i), 0.0 - load(work, c + 2 * i + 1)
        _subtract(phi, 2 * n * x, work, basis + 2 * n * i, real, imaginary, n)


@inlined
def _outside(phi, at, uniform, first, work, basis, n, r):
    """A random unit vector that is orthogonal to B, from 2 N uniforms (0 where there is none)."""
    for a in range(n):
        radius = square_root(-2.0 * log_positive(1.0 - load(uniform, first + 2 * a)))
        s, c = sincos_turns(load(uniform, first + 2 * a + 1))
        store(phi, at + 2 * a, radius * c)
        store(phi, at + 2 * a + 1, radius * s)
    for _ in range(2):
        for i in range(r):
            real, imaginary = _inner(work, basis + 2 * n * i, phi, at, n)
            _subtract(phi, at, work, basis + 2 * n * i, real, imaginary, n)
    square = broadcast(0.0)
    for a in range(2 * n):
        square = square + load(phi, at + a) * load(phi, at + a)
    inverse = 1.0 / square_root(select(square < 1e-20, 1.0, square))
    for a in range(2 * n):
        store(phi, at + a, inverse * load(phi, at + a))


@kernel
def low_rank_residual(work, phi, x, n, r, vectors, terms):
    """H becomes c c^+ - <c c^+>, c = B^+ z_x; after the normaliser."""
    values, row, basis, _, _, c, _ = places(n, r, vectors, terms)
    coordinates(work, phi, x, basis, c, n, r)
    for i in range(r):
        for j in range(i, r):
            p, q = load(work, c + 2 * i), load(work, c + 2 * i + 1)
            s, t = load(work, c + 2 * j), load(work, c + 2 * j + 1)
            store(work, i * r + j, p * s + q * t)
            store(work, r * r + i * r + j, q * s - p * t)
    norm, lowest = series_sum(work, row, terms), load(work, values)
    for k in range(r):
        apart = load(work, 6 * r * r + k) - lowest
        entry = load(work, row) * (1.0 / n)
        total = entry
        for m in range(1, terms):
            entry = (load(work, row + m) + apart * entry) * (1.0 / (n + m))
            total = total + entry
        mean = total / norm
        for i in range(r):
            for j in range(i, r):
                p = load(work, 4 * r * r + i * r + k)
                q = load(work, 5 * r * r + i * r + k)
                s = load(work, 4 * r * r + j * r + k)
                t = load(work, 5 * r * r + j * r + k)
                place = i * r + j
                store(work, place, load(work, place) - mean * (p * s + q * t))
                place = place + r * r
                store(work, place, load(work, place) - mean * (q * s - p * t))
