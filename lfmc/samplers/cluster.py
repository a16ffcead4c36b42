"""Embedded Wolff cluster for the sign of phi, followed by Metropolis sweeps.

Wolff, Phys. Rev. Lett. 62 (1989) 361; Brower and Tamayo, Phys. Rev. Lett. 62 (1989) 1087. At
fixed |phi| the action is an Ising model: a bond costs -2 h phi_x phi_y, so the signs couple with
J = 2 h |phi_x phi_y| and a bond between equal signs is activated with

    p = 1 - exp(-2 J) = 1 - exp(-4 h phi_x phi_y).

One update is `clusters` single clusters, a common sign for the whole lattice drawn at random, and
`sweeps` sweeps, which move |phi|. The first site of a cluster may be drawn from any distribution
that ignores the field: the move stays reversible. The common sign is exact by Z2 and free: in the
ordered phase a cluster is almost the lattice, so that without it every second configuration would
have the same sign.
"""

from typing import NamedTuple

import numpy as np

from lfmc.kernels.generators import draw, uniform
from lfmc.kernels.lanes import LANES, broadcast, inlined, kernel, load, store
from lfmc.kernels.mathematics import exp_negative
from lfmc.kernels.theory import hopping, measure
from lfmc.kernels.tuples import store_each
from lfmc.samplers.local import sweep
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


class ClusterParameters(NamedTuple):
    """delta: half-width of the sweeps' proposal; clusters and sweeps: of one update."""

    delta: float
    clusters: int
    sweeps: int


def sample_cluster(
    state: State, theory: Theory, parameters: ClusterParameters, updates: int, save_every: int
) -> tuple[State, Info]:
    """Advance every chain; accepted refers to the sweeps, extra: sites flipped by clusters."""
    new = copied(state)
    records = buffers(state, theory, updates, save_every)
    _run(
        new.phi,
        new.streams,
        theory.geometry(),
        *parameters,
        theory.couplings(),
        *records,
        save_every,
    )
    return new, info(new, theory, records, "cluster_size")


@inlined
def flip_cluster(phi, lane, near, h, state, stack):
    """Grow and flip one cluster of a lane: (sites flipped, a random sign, new stream state)."""
    word, state = draw(state)
    sign = 1.0 if word & _1 else -1.0  # the first site takes the upper half of the word
    seed = np.int64(((word >> _32) * np.uint64(near.shape[0])) >> _32)
    size = 1
    stack[0] = seed
    phi[seed, lane] = -phi[seed, lane]
    waiting = 1
    while waiting:
        waiting -= 1
        x = stack[waiting]
        value = phi[x, lane]  # flipped already: members of the cluster have its sign now
        for k in range(near.shape[1]):
            y = near[x, k]
            exponent = 4.0 * h * value * phi[y, lane]
            if exponent < 0.0:
                threshold, state = uniform(state)
                if threshold >= exp_negative(exponent):
                    phi[y, lane] = -phi[y, lane]
                    stack[waiting] = y
                    waiting += 1
                    size += 1
    return size, sign, state


@kernel
def _run(
    phi,
    streams,
    near,
    delta,
    clusters,
    sweeps,
    couplings,
    scalars,
    saved,
    accepted,
    sizes,
    save_every,
):
    updates = accepted.shape[1]
    h = hopping(couplings)
    stack, signs = np.empty(near.shape[0], np.int64), np.empty((1, LANES))
    for b in range(phi.shape[0]):
        field = phi[b]
        own = streams[b]
        flipped = sizes[b]
        for k in range(updates):
            for lane in range(LANES):
                words = (own[0, lane], own[1, lane], own[2, lane], own[3, lane])
                flipped[k, lane] = 0.0
                for _ in range(clusters):
                    size, sign, words = flip_cluster(field, lane, near, h, words, stack)
                    flipped[k, lane] += size
                    signs[0, lane] = sign
                own[0, lane], own[1, lane], own[2, lane], own[3, lane] = words
            common = load(signs, 0)
            for x in range(near.shape[0]):
                store(field, x, common * load(field, x))
            state = load_streams(own)
            moved = broadcast(0.0)
            for _ in range(sweeps):
                count, state = sweep(field, near, couplings, delta, state)
                moved = moved + count
            store_streams(own, state)
            store(accepted[b], k, moved * (1.0 / (near.shape[0] * sweeps)))
            seen = measure(field, near, couplings)
            store_each(scalars[b], k * len(seen), seen)
            if (k + 1) % save_every == 0:
                save_field(saved[b], field, k // save_every)
