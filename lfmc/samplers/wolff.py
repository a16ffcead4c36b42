"""Single clusters of O(N) spins (U. Wolff, Phys. Rev. Lett. 62 (1989) 361).

A random direction r makes the Ising model of the components n.r, whose bonds couple with
beta (n_x.r)(n_y.r): a bond of equal signs is activated with

    p = 1 - exp(-2 beta (n_x.r)(n_y.r)),

and the cluster of a random site is reflected, n -> n - 2 (n.r) r. For N = 1 this is the cluster
algorithm of the Ising model. Every update ends with a random common sign of all vectors, which is
exact and free: in the ordered phase a cluster is almost the lattice, and without it every second
configuration would have the same sign. A cluster of a lane is grown by itself, with words of its
own chain.
"""

from typing import NamedTuple

import numpy as np

from lfmc.kernels.generators import draw, normal_pair, uniform
from lfmc.kernels.lanes import LANES, broadcast, inlined, kernel, load, square_root, store
from lfmc.kernels.mathematics import exp_negative
from lfmc.kernels.theory import measure
from lfmc.kernels.tuples import store_each
from lfmc.samplers.kind import SamplerKind
from lfmc.samplers.state import (
    Info,
    State,
    buffers,
    copied,
    info,
    load_streams,
    save_field,
    store_streams,
)
from lfmc.theories.base import Theory

_1, _32 = np.uint64(1), np.uint64(32)


class WolffParameters(NamedTuple):
    """clusters of one update."""

    clusters: int


def sample_wolff(
    state: State, theory: Theory, parameters: WolffParameters, updates: int, save_every: int
) -> tuple[State, Info]:
    """Advance every chain; extra: sites in the clusters of an update."""
    new = copied(state)
    records = buffers(state, theory, updates, save_every)
    _run(
        *(new.phi, new.streams, theory.geometry(), *parameters, theory.couplings()),
        *(*records, save_every),
    )
    return new, info(new, theory, records, "cluster_size")


@inlined
def _draw_direction(direction, n, state):
    """Fill the rows 0 ... N - 1 with a uniform unit vector; returns the new stream state."""
    square = broadcast(0.0)
    for a in range(0, n, 2):
        one, two, state = normal_pair(state)
        store(direction, a, one)
        store(direction, a + 1, two)
    for a in range(n):
        square = square + load(direction, a) * load(direction, a)
    inverse = 1.0 / square_root(square)
    for a in range(n):
        store(direction, a, load(direction, a) * inverse)
    return state


@inlined
def _flip(phi, lane, x, n, direction, along):
    for a in range(n):
        phi[x * n + a, lane] -= 2.0 * along[x, lane] * direction[a, lane]
    along[x, lane] = -along[x, lane]


@inlined
def _grow(phi, lane, near, beta, n, direction, along, words, stack):
    """Grow and reflect one cluster of a lane: (sites, a random sign, new stream words)."""
    word, words = draw(words)
    sign = 1.0 if word & _1 else -1.0  # the first site takes the upper half of the word
    seed = np.int64(((word >> _32) * np.uint64(near.shape[0])) >> _32)
    _flip(phi, lane, seed, n, direction, along)
    stack[0] = seed
    size, waiting = 1, 1
    while waiting:
        waiting -= 1
        x = stack[waiting]
        value = along[x, lane]  # reflected already: members of the cluster have its sign now
        for k in range(near.shape[1]):
            y = near[x, k]
            exponent = 2.0 * beta * value * along[y, lane]
            if exponent < 0.0:
                threshold, words = uniform(words)
                if threshold >= exp_negative(exponent):
                    _flip(phi, lane, y, n, direction, along)
                    stack[waiting] = y
                    waiting += 1
                    size += 1
    return size, sign, words


@kernel
def _run(phi, streams, near, clusters, couplings, scalars, saved, accepted, sizes, save_every):
    n, sites = len(couplings[1]), near.shape[0]
    stack, signs = np.empty(sites, np.int64), np.empty((1, LANES))
    direction, along = np.empty((n + 1, LANES)), np.empty((sites, LANES))
    for b in range(phi.shape[0]):
        field, own = phi[b], streams[b]
        for k in range(accepted.shape[1]):
            sizes[b, k] = 0.0
            for _ in range(clusters):
                store_streams(own, _draw_direction(direction, n, load_streams(own)))
                for x in range(sites):
                    total = broadcast(0.0)
                    for a in range(n):
                        total = total + load(field, x * n + a) * load(direction, a)
                    store(along, x, total)
                for lane in range(LANES):
                    words = (own[0, lane], own[1, lane], own[2, lane], own[3, lane])
                    size, sign, words = _grow(
                        field, lane, near, couplings[0], n, direction, along, words, stack
                    )
                    sizes[b, k, lane] += size
                    signs[0, lane] = sign
                    own[0, lane], own[1, lane], own[2, lane], own[3, lane] = words
            common = load(signs, 0)
            for row in range(field.shape[0]):
                store(field, row, common * load(field, row))
            store(accepted[b], k, broadcast(1.0))
            seen = measure(field, near, couplings)
            store_each(scalars[b], k * len(seen), seen)
            if (k + 1) % save_every == 0:
                save_field(saved[b], field, k // save_every)


WOLFF = SamplerKind(sample_wolff, lambda settings, _: WolffParameters(settings.clusters))
