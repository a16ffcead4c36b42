"""The law of a CP^(N-1) vector given a few others, for the form with auxiliary phases."""

from lfmc.kernels.lanes import inlined, load, store
from lfmc.kernels.site_law import site_law_of
from lfmc.theories.cpn.kernels import CPNAuxiliaryCouplings, squared_overlap
from lfmc.theories.cpn.low_rank_kernels import (
    add_vector,
    clear_vectors,
    form_along,
    low_rank_draw,
    low_rank_normaliser,
    low_rank_residual,
)
from lfmc.theories.cpn.low_rank_loops import add_vectors_loop, loop_along


# The kernels are compiled once, for every N; lanes pass in the last row of `work`.
@inlined
def _clear(work, couplings):
    clear_vectors(work, len(couplings[1]), couplings[2], couplings[3], couplings[4])


@inlined
def _add_site(work, phi, y, weight, entry, couplings):
    store(work, work.shape[0] - 1, weight)
    add_vector(work, phi, y, entry, len(couplings[1]), couplings[2], couplings[3], couplings[4])


@inlined
def _add_loop(work, phi, y, z, weight, couplings):
    store(work, work.shape[0] - 1, weight)
    add_vectors_loop(work, phi, y, z, len(couplings[1]), couplings[2], couplings[3], couplings[4])


@inlined
def _along_loop(work, phi, y, z, couplings):
    loop_along(work, phi, y, z, len(couplings[1]), couplings[2], couplings[3], couplings[4])
    return load(work, work.shape[0] - 1)


@inlined
def _along(work, phi, x, couplings):
    form_along(work, phi, x, len(couplings[1]), couplings[2], couplings[3], couplings[4])
    return load(work, work.shape[0] - 1)


@inlined
def _solve(work, couplings):
    n = len(couplings[1])
    low_rank_normaliser(work, n, couplings[2], couplings[3], couplings[4], couplings[5])
    return load(work, work.shape[0] - 1)


@inlined
def _draw(work, phi, x, uniform, first, couplings):
    n = len(couplings[1])
    low_rank_draw(work, phi, x, uniform, first, n, couplings[2], couplings[3], couplings[4])


@inlined
def _residual(work, phi, x, couplings):
    low_rank_residual(work, phi, x, len(couplings[1]), couplings[2], couplings[3], couplings[4])


site_law_of(
    CPNAuxiliaryCouplings,
    clear=_clear,
    add_site=_add_site,
    add_loop=_add_loop,
    along_loop=_along_loop,
    pair=squared_overlap,
    along=_along,
    solve=_solve,
    draw=_draw,
    residual=_residual,
)
