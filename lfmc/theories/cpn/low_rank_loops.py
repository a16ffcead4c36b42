"""Loops of two vectors y and z in the law of a few vectors: (P_y P_z + P_z P_y)/2, P_y = y y^+.

Both are vectors of the law already (`lfmc.theories.cpn.low_rank_kernels`), so that y = B c,
z = B d with c = B^+ y, d = B^+ z, and a loop of weight k adds

    k (g c d^+ + conj(g) d c^+)/2,     g = y^+ z = c^+ d,

to H. Its score is Re g d^+ R c with R = B^+ (x x^+ - <x x^+>) B of the vector x of the law.
"""

from lfmc.kernels.lanes import broadcast, inlined, kernel, load, store
from lfmc.theories.cpn.low_rank_kernels import coordinates, places


@inlined
def _overlap(work, c, d, r):
    """c^+ d of coordinates in rows from c and from d on."""
    real, imaginary = broadcast(0.0), broadcast(0.0)
    for i in range(r):
        p, q = load(work, c + 2 * i), load(work, c + 2 * i + 1)
        s, t = load(work, d + 2 * i), load(work, d + 2 * i + 1)
        real, imaginary = real + (p * s + q * t), imaginary + (p * t - q * s)
    return real, imaginary


@kernel
def add_vectors_loop(work, phi, y, z, n, r, vectors, terms):
    """Add the loop of the vectors of sites y and z times the last row of `work`."""
    _, _, basis, _, _, c, _ = places(n, r, vectors, terms)
    d = c + 2 * r
    coordinates(work, phi, y, basis, c, n, r)
    coordinates(work, phi, z, basis, d, n, r)
    real, imaginary = _overlap(work, c, d, r)
    weight = 0.5 * load(work, work.shape[0] - 1)
    real, imaginary = weight * real, weight * imaginary
    for i in range(r):
        p, q = load(work, c + 2 * i), load(work, c + 2 * i + 1)
        p, q = real * p - imaginary * q, real * q + imaginary * p  # g c_i
        s, t = load(work, d + 2 * i), load(work, d + 2 * i + 1)
        s, t = real * s + imaginary * t, real * t - imaginary * s  # conj(g) d_i
        for j in range(i, r):
            e, f = load(work, d + 2 * j), load(work, d + 2 * j + 1)
            u, v = load(work, c + 2 * j), load(work, c + 2 * j + 1)
            place = i * r + j
            store(work, place, load(work, place) + (p * e + q * f) + (s * u + t * v))
            place = place + r * r
            store(work, place, load(work, place) + (q * e - p * f) + (t * u - s * v))


@kernel
def loop_along(work, phi, y, z, n, r, vectors, terms):
    """The last row of `work` becomes the score, where the rows of H hold R."""
    _, _, basis, _, _, c, _ = places(n, r, vectors, terms)
    d = c + 2 * r
    coordinates(work, phi, y, basis, c, n, r)
    coordinates(work, phi, z, basis, d, n, r)
    real, imaginary = broadcast(0.0), broadcast(0.0)  # d^+ R c
    for i in range(r):
        p, q = load(work, d + 2 * i), load(work, d + 2 * i + 1)
        for j in range(r):
            s, t = load(work, c + 2 * j), load(work, c + 2 * j + 1)
            a, b = p * s + q * t, p * t - q * s  # conj(d_i) c_j
            if i <= j:
                m, k = load(work, i * r + j), load(work, r * r + i * r + j)
            else:
                m, k = load(work, j * r + i), 0.0 - load(work, r * r + j * r + i)
            real, imaginary = real + (m * a - k * b), imaginary + (m * b + k * a)
    g, h = _overlap(work, c, d, r)
    store(work, work.shape[0] - 1, g * real - h * imaginary)
