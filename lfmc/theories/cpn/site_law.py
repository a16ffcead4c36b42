"""The law of a CP^(N-1) vector given others, density exp(z^+ M z).

M is a sum of P_y = z_y z_y^+, and of loops (P_y P_z + P_z P_y)/2 of two sites, which add the real
part of (z_x^+ z_y)(z_y^+ z_z)(z_z^+ z_x) to the exponent. The vector is then boosted by exp(A), A a
sum of P_y (`lfmc.theories.cpn.boost_kernels`).
"""

from lfmc.kernels.lanes import broadcast, inlined, kernel, load, store
from lfmc.kernels.site_law import site_law_of
from lfmc.theories.cpn.bingham_kernels import (
    bingham_draw,
    bingham_normaliser,
    bingham_residual,
)
from lfmc.theories.cpn.boost_kernels import first_row, project, projected_residual, unproject
from lfmc.theories.cpn.kernels import CPNCouplings, overlap, squared_overlap


@kernel
def _cleared(work, n):
    for a in range(2 * n * n):
        store(work, a, broadcast(0.0))


@kernel
def _added(work, phi, y, n):
    """Add z_y z_y^+ times the last row of `work`."""
    weight = load(work, work.shape[0] - 1)
    for i in range(n):
        p, q = load(phi, 2 * (n * y + i)), load(phi, 2 * (n * y + i) + 1)
        p, q = weight * p, weight * q
        for j in range(i, n):
            s, t = load(phi, 2 * (n * y + j)), load(phi, 2 * (n * y + j) + 1)
            place = i * n + j
            store(work, place, load(work, place) + (p * s + q * t))
            place = place + n * n
            store(work, place, load(work, place) + (q * s - p * t))


@kernel
def _added_loop(work, phi, y, z, n):
    """Add (P_y P_z + P_z P_y)/2 times the last row of `work`."""
    weight = 0.5 * load(work, work.shape[0] - 1)
    c, d = overlap(phi, y, z, n)
    c, d = weight * c, weight * d
    for i in range(n):
        p, q = load(phi, 2 * (n * y + i)), load(phi, 2 * (n * y + i) + 1)
        p, q = c * p - d * q, c * q + d * p  # of P_y P_z
        s, t = load(phi, 2 * (n * z + i)), load(phi, 2 * (n * z + i) + 1)
        s, t = c * s + d * t, c * t - d * s  # of P_z P_y
        for j in range(i, n):
            e, f = load(phi, 2 * (n * z + j)), load(phi, 2 * (n * z + j) + 1)
            g, h = load(phi, 2 * (n * y + j)), load(phi, 2 * (n * y + j) + 1)
            place = i * n + j
            store(work, place, load(work, place) + (p * e + q * f) + (s * g + t * h))
            place = place + n * n
            store(work, place, load(work, place) + (q * e - p * f) + (t * g - s * h))


@kernel
def _loop(work, phi, y, z, n):
    """The last row of `work` becomes the real part of z_y^+ z_z z_z^+ M z_y."""
    real, imaginary = broadcast(0.0), broadcast(0.0)  # z_z^+ M z_y
    for i in range(n):
        p, q = load(phi, 2 * (n * z + i)), load(phi, 2 * (n * z + i) + 1)
        g, h = load(phi, 2 * (n * y + i)), load(phi, 2 * (n * y + i) + 1)
        m = load(work, i * n + i)
        real, imaginary = real + m * (p * g + q * h), imaginary + m * (p * h - q * g)
        for j in range(i + 1, n):
            e, f = load(phi, 2 * (n * z + j)), load(phi, 2 * (n * z + j) + 1)
            s, t = load(phi, 2 * (n * y + j)), load(phi, 2 * (n * y + j) + 1)
            m, k = load(work, i * n + j), load(work, n * n + i * n + j)
            # conj(z_i) M_ij y_j + conj(z_j) conj(M_ij) y_i
            a, b = p * s + q * t, p * t - q * s
            c, d = e * g + f * h, e * h - f * g
            real = real + (m * (a + c) + k * (d - b))
            imaginary = imaginary + (m * (b + d) + k * (a - c))
    c, d = overlap(phi, y, z, n)
    store(work, work.shape[0] - 1, c * real - d * imaginary)


@kernel
def _form(work, phi, x, n):
    """The last row of `work` becomes z_x^+ M z_x."""
    total = broadcast(0.0)
    for i in range(n):
        p, q = load(phi, 2 * (n * x + i)), load(phi, 2 * (n * x + i) + 1)
        total = total + load(work, i * n + i) * (p * p + q * q)
        for j in range(i + 1, n):
            s, t = load(phi, 2 * (n * x + j)), load(phi, 2 * (n * x + j) + 1)
            place = i * n + j
            real, imaginary = p * s + q * t, q * s - p * t
            both = load(work, place) * real + load(work, place + n * n) * imaginary
            total = total + 2.0 * both
    store(work, work.shape[0] - 1, total)


# The kernels above and those of the law are compiled once, for every N; lanes pass in rows.
@inlined
def _clear(work, couplings):
    _cleared(work, len(couplings[1]))


@inlined
def _add_site(work, phi, y, weight, entry, couplings):
    store(work, work.shape[0] - 1, weight)
    _added(work, phi, y, len(couplings[1]))


@inlined
def _add_loop(work, phi, y, z, weight, couplings):
    store(work, work.shape[0] - 1, weight)
    _added_loop(work, phi, y, z, len(couplings[1]))


@inlined
def _along_loop(work, phi, y, z, couplings):
    _loop(work, phi, y, z, len(couplings[1]))
    return load(work, work.shape[0] - 1)


@inlined
def _along(work, phi, x, couplings):
    _form(work, phi, x, len(couplings[1]))
    return load(work, work.shape[0] - 1)


@inlined
def _solve(work, couplings):
    bingham_normaliser(work, len(couplings[1]), couplings[2], couplings[3])
    return load(work, work.shape[0] - 1)


@inlined
def _draw(work, phi, x, uniform, first, couplings):
    bingham_draw(work, phi, x, uniform, first, len(couplings[1]), couplings[2])


@inlined
def _residual(work, phi, x, couplings):
    bingham_residual(work, phi, x, len(couplings[1]), couplings[2])


@inlined
def _boost_rows(work, couplings):
    """Those from A on, whose first ones are laid out as those of M, and the last row."""
    return work[first_row(len(couplings[1]), couplings[2]) :]


@inlined
def _clear_boost(work, couplings):
    _cleared(_boost_rows(work, couplings), len(couplings[1]))


@inlined
def _add_boost(work, phi, y, weight, couplings):
    store(work, work.shape[0] - 1, weight)
    _added(_boost_rows(work, couplings), phi, y, len(couplings[1]))


@inlined
def _boost(work, phi, x, couplings):
    n = len(couplings[1])
    project(work, phi, x, first_row(n, couplings[2]), n)


@inlined
def _boosted_along(work, phi, x, couplings):
    n = len(couplings[1])
    a = first_row(n, couplings[2])
    unproject(work, phi, x, a, n)
    found = load(work, work.shape[0] - 1)
    m = a + 2 * n * n
    _form(work, work[m : m + 2 * n], 0, n)
    return found + load(work, work.shape[0] - 1)


@inlined
def _boosted_residual(work, phi, x, couplings):
    n = len(couplings[1])
    projected_residual(work, first_row(n, couplings[2]), n, couplings[2])


@inlined
def _along_boost(work, phi, y, couplings):
    _form(_boost_rows(work, couplings), phi, y, len(couplings[1]))
    return load(work, work.shape[0] - 1)


site_law_of(
    CPNCouplings,
    clear=_clear,
    add_site=_add_site,
    add_loop=_add_loop,
    along_loop=_along_loop,
    pair=squared_overlap,
    along=_along,
    solve=_solve,
    draw=_draw,
    residual=_residual,
    clear_boost=_clear_boost,
    add_boost=_add_boost,
    boost=_boost,
    boosted_along=_boosted_along,
    boosted_residual=_boosted_residual,
    along_boost=_along_boost,
)
