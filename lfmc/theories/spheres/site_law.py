"""The law of an O(N) spin in a field, density exp(h.n), for flows that draw site by site.

Rows 0 ... N - 1 of `work` are h, row N is |h|; the others are those of a boost.
"""

from lfmc.kernels.lanes import broadcast, inlined, load, select, store
from lfmc.kernels.site_boost import BOOSTS
from lfmc.kernels.site_law import site_law_of
from lfmc.theories.spheres import boost_kernels
from lfmc.theories.spheres.kernels import ChargedCouplings, SpheresCouplings
from lfmc.theories.spheres.law_kernels import log_normaliser, mean_cosine
from lfmc.theories.spheres.spin_kernels import draw_spin, strength


@inlined
def _clear(work, couplings):
    for a in range(len(couplings[1])):
        store(work, a, broadcast(0.0))


@inlined
def _add_site(work, phi, y, weight, entry, couplings):
    n = len(couplings[1])
    for a in range(n):
        store(work, a, load(work, a) + weight * load(phi, y * n + a))


@inlined
def product(phi, y, z, n):
    """n_y.n_z."""
    total = broadcast(0.0)
    for a in range(n):
        total = total + load(phi, y * n + a) * load(phi, z * n + a)
    return total


@inlined
def _pair(phi, y, z, couplings):
    return product(phi, y, z, len(couplings[1]))


@inlined
def _along(work, phi, x, couplings):
    n = len(couplings[1])
    total = broadcast(0.0)
    for a in range(n):
        total = total + load(phi, x * n + a) * load(work, a)
    return total


@inlined
def _solve(work, couplings):
    n = len(couplings[1])
    size = strength(work, n)
    store(work, n, size)
    return log_normaliser(size, n)


@inlined
def _draw(work, phi, x, uniform, first, couplings):
    n = len(couplings[1])
    draw_spin(phi, x * n, work, load(work, n), uniform, first, n)


@inlined
def _residual(work, phi, x, couplings):
    """n - A(|h|) h/|h|."""
    n = len(couplings[1])
    size = load(work, n)
    over = mean_cosine(size, n) / select(size < 1e-150, 1e-150, size)
    for a in range(n):
        store(work, a, load(phi, x * n + a) - over * load(work, a))


for _couplings in (SpheresCouplings, ChargedCouplings):
    site_law_of(
        _couplings,
        clear=_clear,
        add_site=_add_site,
        pair=_pair,
        along=_along,
        solve=_solve,
        draw=_draw,
        residual=_residual,
        **{one.__name__: getattr(boost_kernels, one.__name__) for one in BOOSTS},
    )
