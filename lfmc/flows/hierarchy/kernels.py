"""Compiled passes of the hierarchy, on blocks of LANES samples.

Fields are (V N, LANES) with component a of site x in row x N + a; `order`, `begin` and `terms` are
those of `lfmc.flows.hierarchy.terms`. `score` gets d log q / d k_p of every parameter; where it has
no rows it is left alone. Samples of a block do not see each other.
"""

import numpy as np

from lfmc.kernels.lanes import LANES, broadcast, inlined, kernel, load, select, store
from lfmc.theories.spheres.law_kernels import log_normaliser, mean_cosine
from lfmc.theories.spheres.spin_kernels import draw_spin, strength, uniforms_of


@inlined
def _product(phi, j, k, n):
    total = broadcast(0.0)
    for a in range(n):
        total = total + load(phi, j * n + a) * load(phi, k * n + a)
    return total


@inlined
def add_component(phi, terms, t, a, n):
    """Component a of the vector of term t."""
    value = load(phi, terms[t, 1] * n + a)
    if terms[t, 2] >= 0:
        value = value * _product(phi, terms[t, 2], terms[t, 3], n)
    return value


@inlined
def _field(phi, first, last, terms, k, field, n):
    """Rows 0 ... N - 1 of `field` become h of a site."""
    for a in range(n):
        store(field, a, broadcast(0.0))
    for t in range(first, last):
        weight = broadcast(k[terms[t, 0]])
        if terms[t, 2] >= 0:
            weight = weight * _product(phi, terms[t, 2], terms[t, 3], n)
        for a in range(n):
            store(field, a, load(field, a) + weight * load(phi, terms[t, 1] * n + a))


@inlined
def _last_field(phi, near, x, beta, field, n):
    """The field of a site of the last stage: beta times the sum of its neighbours."""
    for a in range(n):
        total = broadcast(0.0)
        for k in range(near.shape[1]):
            total = total + load(phi, near[x, k] * n + a)
        store(field, a, beta * total)


@inlined
def _along(phi, x, field, n):
    total = broadcast(0.0)
    for a in range(n):
        total = total + load(phi, x * n + a) * load(field, a)
    return total


@inlined
def _add_scores(phi, x, first, last, terms, field, size, n, score):
    """Add [n - A(|h|) h/|h|].F_p of every parameter of a site; `field` is overwritten."""
    over = mean_cosine(size, n) / select(size < 1e-150, 1e-150, size)
    for a in range(n):
        store(field, a, load(phi, x * n + a) - over * load(field, a))
    for t in range(first, last):
        value = _along(phi, terms[t, 1], field, n)
        if terms[t, 2] >= 0:
            value = value * _product(phi, terms[t, 2], terms[t, 3], n)
        p = terms[t, 0]
        store(score, p, load(score, p) + value)


@inlined
def _coarse(phi, uniform, order, begin, terms, k, field, n, drawn, score):
    """log q of the sites before the last stage, which are drawn first where `drawn`."""
    log_q = broadcast(0.0)
    per = uniforms_of(n)
    for p in range(score.shape[0]):
        store(score, p, broadcast(0.0))
    for i in range(begin.shape[0] - 1):
        x = order[i]
        _field(phi, begin[i], begin[i + 1], terms, k, field, n)
        size = strength(field, n)
        if drawn:
            draw_spin(phi, x * n, field, size, uniform, i * per, n)
        log_q = log_q + (_along(phi, x, field, n) - log_normaliser(size, n))
        if score.shape[0]:
            _add_scores(phi, x, begin[i], begin[i + 1], terms, field, size, n, score)
    return log_q


@kernel
def draw_coarse(uniform, phi, order, begin, terms, k, near, beta, zeros, log_q, rest, score):
    """Sites before the last stage: fields, log q, and `rest`, the log of what is left of exp(-S).

    Args:
        uniform: (blocks, rows, LANES); phi: (blocks, V N, LANES), written.
        log_q, rest: (blocks, LANES); score: (blocks, parameters or 0, LANES).
    """
    n = len(zeros)
    field = np.empty((n, LANES))
    for b in range(phi.shape[0]):
        found = _coarse(phi[b], uniform[b], order, begin, terms, k, field, n, True, score[b])
        store(log_q, b, found)
        total = broadcast(0.0)
        for i in range(begin.shape[0] - 1, order.shape[0]):
            _last_field(phi[b], near, order[i], beta, field, n)
            total = total + log_normaliser(strength(field, n), n)
        store(rest, b, total)


@kernel
def given_coarse(phi, order, begin, terms, k, near, beta, zeros, log_q, rest, score):
    """The same of given fields, of which only the sites before the last stage are read."""
    n = len(zeros)
    field = np.empty((n, LANES))
    for b in range(phi.shape[0]):
        found = _coarse(phi[b], phi[b], order, begin, terms, k, field, n, False, score[b])
        store(log_q, b, found)
        total = broadcast(0.0)
        for i in range(begin.shape[0] - 1, order.shape[0]):
            _last_field(phi[b], near, order[i], beta, field, n)
            total = total + log_normaliser(strength(field, n), n)
        store(rest, b, total)


@kernel
def last_stage(uniform, phi, order, begin, near, beta, zeros, drawn, log_q):
    """Add log q of the last stage to `log_q`; its sites are drawn first where `drawn`."""
    n = len(zeros)
    field = np.empty((n, LANES))
    per = uniforms_of(n)
    for b in range(phi.shape[0]):
        total = load(log_q, b)
        for i in range(begin.shape[0] - 1, order.shape[0]):
            x = order[i]
            _last_field(phi[b], near, x, beta, field, n)
            size = strength(field, n)
            if drawn:
                draw_spin(phi[b], x * n, field, size, uniform[b], i * per, n)
            total = total + (_along(phi[b], x, field, n) - log_normaliser(size, n))
        store(log_q, b, total)
