"""Compiled passes of the hierarchy, on blocks of LANES samples.

`order`, `begin`, `boosts` and `terms` are those of `lfmc.flows.hierarchy.terms`; the law of a site
is that of the couplings (`lfmc.kernels.site_law`, `lfmc.kernels.site_boost`), with `rows` rows of
work and `per` uniforms. `score` gets d log q / d k_p of every parameter; where it has no rows it is
left alone. Samples of a block do not see each other.
"""

import numpy as np

from lfmc.kernels.lanes import LANES, broadcast, inlined, kernel, load, store
from lfmc.kernels.site_boost import (
    add_boost,
    along_boost,
    boost,
    boosted_along,
    boosted_residual,
    clear_boost,
)
from lfmc.kernels.site_law import (
    add_loop,
    add_site,
    along,
    along_loop,
    clear,
    draw,
    pair,
    residual,
    solve,
)


@inlined
def _is_loop(terms, t):
    return terms[t, 2] >= 0 and terms[t, 3] < 0


@inlined
def _product(phi, terms, t, couplings):
    """The factor of term t, of an invariant of two sites."""
    if terms[t, 2] >= 0:
        return pair(phi, terms[t, 2], terms[t, 3], couplings)
    return broadcast(1.0)


@inlined
def _collect(phi, first, middle, last, terms, k, work, couplings):
    """What the sites before a site contribute to its law, and from `middle` on to its boost."""
    clear(work, couplings)
    for t in range(first, middle):
        if _is_loop(terms, t):
            weight = broadcast(k[terms[t, 0]])
            add_loop(work, phi, terms[t, 1], terms[t, 2], weight, couplings)
        else:
            weight = k[terms[t, 0]] * _product(phi, terms, t, couplings)
            add_site(work, phi, terms[t, 1], weight, terms[t, 4], couplings)
    if middle < last:
        clear_boost(work, couplings)
    for t in range(middle, last):
        weight = k[terms[t, 0]] * _product(phi, terms, t, couplings)
        add_boost(work, phi, terms[t, 1], weight, couplings)


@inlined
def _collect_last(phi, near, x, work, couplings):
    """The law of a site of the last stage: its exact one, given its neighbours."""
    clear(work, couplings)
    for k in range(near.shape[1]):
        add_site(work, phi, near[x, k], broadcast(couplings[0]), k, couplings)


@inlined
def _add_scores(phi, x, first, middle, last, terms, work, couplings, score):
    """Add d log q / d k_p of every parameter of a site; `work` is overwritten."""
    if middle < last:
        boosted_residual(work, phi, x, couplings)
    else:
        residual(work, phi, x, couplings)
    for t in range(first, last):
        p = terms[t, 0]
        if _is_loop(terms, t):
            value = along_loop(work, phi, terms[t, 1], terms[t, 2], couplings)
            store(score, p, load(score, p) + value)
        else:
            if t < middle:
                value = along(work, phi, terms[t, 1], couplings)
            else:
                value = along_boost(work, phi, terms[t, 1], couplings)
            store(score, p, load(score, p) + value * _product(phi, terms, t, couplings))


@inlined
def _coarse(phi, uniform, order, begin, boosts, terms, k, work, couplings, per, drawn, score):
    """log q of the sites before the last stage, which are drawn first where `drawn`."""
    log_q = broadcast(0.0)
    for p in range(score.shape[0]):
        store(score, p, broadcast(0.0))
    for i in range(begin.shape[0] - 1):
        x, first, middle, last = order[i], begin[i], boosts[i], begin[i + 1]
        _collect(phi, first, middle, last, terms, k, work, couplings)
        normaliser = solve(work, couplings)
        if drawn:
            draw(work, phi, x, uniform, i * per, couplings)
        if middle < last:
            if drawn:
                boost(work, phi, x, couplings)
            found = boosted_along(work, phi, x, couplings)
        else:
            found = along(work, phi, x, couplings)
        log_q = log_q + (found - normaliser)
        if score.shape[0]:
            _add_scores(phi, x, first, middle, last, terms, work, couplings, score)
    return log_q


@kernel
def coarse_stages(
    uniform,
    phi,
    order,
    begin,
    boosts,
    terms,
    k,
    near,
    couplings,
    rows,
    per,
    drawn,
    log_q,
    rest,
    score,
):
    """Sites before the last stage: fields, log q, and `rest`, the log of what is left of exp(-S).

    Args:
        uniform: (blocks, rows, LANES), read where `drawn`; phi: (blocks, numbers, LANES), written
            where `drawn`, else only the sites before the last stage are read.
        log_q, rest: (blocks, LANES); score: (blocks, parameters or 0, LANES).
    """
    work = np.empty((rows, LANES))
    for b in range(phi.shape[0]):
        found = _coarse(
            phi[b],
            uniform[b],
            order,
            begin,
            boosts,
            terms,
            k,
            work,
            couplings,
            per,
            drawn,
            score[b],
        )
        store(log_q, b, found)
        total = broadcast(0.0)
        for i in range(begin.shape[0] - 1, order.shape[0]):
            _collect_last(phi[b], near, order[i], work, couplings)
            total = total + solve(work, couplings)
        store(rest, b, total)


@kernel
def last_stage(uniform, phi, order, begin, near, couplings, rows, per, drawn, log_q):
    """Add log q of the last stage to `log_q`; its sites are drawn first where `drawn`."""
    work = np.empty((rows, LANES))
    for b in range(phi.shape[0]):
        total = load(log_q, b)
        for i in range(begin.shape[0] - 1, order.shape[0]):
            x = order[i]
            _collect_last(phi[b], near, x, work, couplings)
            normaliser = solve(work, couplings)
            if drawn:
                draw(work, phi[b], x, uniform[b], i * per, couplings)
            total = total + (along(work, phi[b], x, couplings) - normaliser)
        store(log_q, b, total)
