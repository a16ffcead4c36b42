"""Compiled passes of the hierarchy of a scalar field, on blocks of LANES samples.

`order`, `begin`, `sums` and `products` are those of `lfmc.flows.hierarchy.monomials`, `near` the
neighbours; `site` is (coefficient of phi^2 in S, of phi^4, hopping), and (half, step) the knots of
`lfmc.flows.hierarchy.quartic_law`. `score` gets d log q / d k_p of every parameter, of the
exponential laws, from which the drawn ones differ by what the cubics between knots miss; where it
has no rows it is left alone. Samples of a block do not see each other.
"""

import numpy as np

from lfmc.flows.hierarchy.quartic_law import (
    SCRATCH,
    drawn_from,
    fill_knots,
    log_density,
    moments,
    whole,
)
from lfmc.kernels.lanes import LANES, broadcast, inlined, kernel, load, store
from lfmc.kernels.mathematics import logarithm


@inlined
def _sum(phi, products, first, last):
    """A sum of products of fields; 1 where there are none."""
    if first == last:
        return broadcast(1.0)
    total = broadcast(0.0)
    for i in range(first, last):
        value = load(phi, products[i, 0])
        if products[i, 1] >= 0:
            value = value * load(phi, products[i, 1])
        if products[i, 2] >= 0:
            value = value * load(phi, products[i, 2])
        total = total + value
    return total


@inlined
def _exponent(phi, sums, first, last, products, k, step, work, row):
    """t_m step^m of a site; the sums go into the rows of `work` from `row` on."""
    one, two = broadcast(0.0), broadcast(0.0)
    three, four = broadcast(0.0), broadcast(0.0)
    for i in range(first, last):
        value = _sum(phi, products, sums[i, 2], sums[i, 3])
        store(work, row + i - first, value)
        power, weight = sums[i, 1], k[sums[i, 0]]
        if power == 1:
            one = one + weight * value
        elif power == 2:
            two = two + weight * value
        elif power == 3:
            three = three + weight * value
        else:
            four = four + weight * value
    return one * step, two * step**2, three * step**3, four * step**4


@inlined
def _exponent_last(phi, near, x, site, step):
    """The same of the last stage: the conditional law of p."""
    field = broadcast(0.0)
    for k in range(near.shape[1]):
        field = field + load(phi, near[x, k])
    one = field * (2.0 * site[2] * step)
    two, four = broadcast(-site[0] * step**2), broadcast(-site[1] * step**4)
    return one, two, broadcast(0.0), four


@inlined
def _add_scores(value, sums, first, last, work, row, half, step, total, score):
    """Add d log q / d k_p of the parameters of a site."""
    one, two, three, four = moments(work, half, total)
    x = value * (1.0 / step)
    square = x * x
    one, two = (x - one) * step, (square - two) * step**2
    three, four = (square * x - three) * step**3, (square * square - four) * step**4
    for i in range(first, last):
        p, power, of_site = sums[i, 0], sums[i, 1], load(work, row + i - first)
        if power == 1:
            of_site = of_site * one
        elif power == 2:
            of_site = of_site * two
        elif power == 3:
            of_site = of_site * three
        else:
            of_site = of_site * four
        store(score, p, load(score, p) + of_site)


@inlined
def _coarse(phi, uniform, order, begin, sums, products, k, half, step, work, drawn, score):
    """log q of the sites before the last stage, which are drawn first where `drawn`."""
    log_q, row = broadcast(0.0), 2 * half + 1 + SCRATCH
    for p in range(score.shape[0]):
        store(score, p, broadcast(0.0))
    for i in range(begin.shape[0] - 1):
        x, first, last = order[i], begin[i], begin[i + 1]
        t = _exponent(phi, sums, first, last, products, k, step, work, row)
        total = fill_knots(work, t, half)
        mass = whole(work, t, half, total)
        if drawn:
            store(phi, x, drawn_from(work, load(uniform, i), t, half, step, mass))
        value = load(phi, x)
        log_q = log_q + log_density(work, value, t, half, step, mass)
        if score.shape[0]:
            _add_scores(value, sums, first, last, work, row, half, step, total, score)
    return log_q


@inlined
def _rest(phi, order, kept, near, site, half, step, work):
    """log of exp(-S), integrated over the last stage."""
    found = broadcast(0.0)
    for i in range(kept):
        square = load(phi, order[i])
        square = square * square
        found = found - square * (site[0] + site[1] * square)
    for i in range(kept, order.shape[0]):
        t = _exponent_last(phi, near, order[i], site, step)
        found = found + logarithm(fill_knots(work, t, half) * step)
    return found


@kernel
def quartic_stages(
    uniform,
    phi,
    order,
    begin,
    sums,
    products,
    k,
    near,
    site,
    half,
    step,
    most,
    drawn,
    log_q,
    rest,
    score,
):
    """Sites before the last stage: fields, log q, and `rest`, the log of what is left of exp(-S).

    Args:
        uniform: (blocks, rows, LANES), read where `drawn`; phi: (blocks, V, LANES), written where
            `drawn`, else only the sites before the last stage are read.
        most: sums of a site, the most there are.
        log_q, rest: (blocks, LANES); score: (blocks, parameters or 0, LANES).
    """
    work = np.empty((2 * half + 1 + SCRATCH + most, LANES))
    kept = begin.shape[0] - 1
    for b in range(phi.shape[0]):
        found = _coarse(
            phi[b],
            uniform[b],
            order,
            begin,
            sums,
            products,
            k,
            half,
            step,
            work,
            drawn,
            score[b],
        )
        store(log_q, b, found)
        store(rest, b, _rest(phi[b], order, kept, near, site, half, step, work))


@kernel
def quartic_last_stage(uniform, phi, order, kept, near, site, half, step, drawn, log_q):
    """Add log q of the last stage to `log_q`; its sites are drawn first where `drawn`."""
    work = np.empty((2 * half + 1 + SCRATCH, LANES))
    for b in range(phi.shape[0]):
        total = load(log_q, b)
        for i in range(kept, order.shape[0]):
            x = order[i]
            t = _exponent_last(phi[b], near, x, site, step)
            mass = whole(work, t, half, fill_knots(work, t, half))
            if drawn:
                value = drawn_from(work, load(uniform[b], i), t, half, step, mass)
                store(phi[b], x, value)
            total = total + log_density(work, load(phi[b], x), t, half, step, mass)
        store(log_q, b, total)
