"""Local Metropolis: sites in a fixed order, a uniform proposal in [phi - delta, phi + delta].

Metropolis et al., J. Chem. Phys. 21 (1953) 1087; settings of arXiv:1904.12072, section III A. One
update is one sweep over the lattice in lexicographic order.
"""

from typing import NamedTuple

from lfmc.kernels.generators import symmetric, uniform
from lfmc.kernels.lanes import broadcast, inlined, kernel, load, select, store
from lfmc.kernels.mathematics import exp_negative
from lfmc.kernels.theory import measure, site_change
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


class LocalParameters(NamedTuple):
    """delta: half-width of the uniform proposal, in lattice units of the field."""

    delta: float


def sample_local(
    state: State, theory: Theory, parameters: LocalParameters, updates: int, save_every: int
) -> tuple[State, Info]:
    """Advance every chain by `updates` sweeps; accepted is the fraction of a sweep's sites."""
    new = copied(state)
    records = buffers(state, theory, updates, save_every)
    _run(
        new.phi,
        new.streams,
        theory.geometry(),
        *parameters,
        theory.couplings(),
        *records[:3],
        save_every,
    )
    return new, info(new, theory, records)


@inlined
def sweep(phi, near, couplings, delta, state):
    """One sweep of a block (volume, LANES): (number of accepted sites, new stream state)."""
    accepted = broadcast(0.0)
    for x in range(near.shape[0]):
        step, state = symmetric(state)
        threshold, state = uniform(state)
        old = load(phi, x)
        step = delta * step
        change = site_change(old, step, phi, near, x, couplings)
        accept = threshold < exp_negative(-1.0 * change)
        store(phi, x, select(accept, old + step, old))
        accepted = accepted + select(accept, broadcast(1.0), broadcast(0.0))
    return accepted, state


@kernel
def _run(phi, streams, near, delta, couplings, scalars, saved, accepted, save_every):
    updates = accepted.shape[1]
    for b in range(phi.shape[0]):
        field = phi[b]
        state = load_streams(streams[b])
        for k in range(updates):
            count, state = sweep(field, near, couplings, delta, state)
            store(accepted[b], k, count * (1.0 / near.shape[0]))
            seen = measure(field, near, couplings)
            store_each(scalars[b], k * len(seen), seen)
            if (k + 1) % save_every == 0:
                save_field(saved[b], field, k // save_every)
        store_streams(streams[b], state)


LOCAL = SamplerKind(
    sample_local,
    lambda settings, delta: LocalParameters(delta),
    decisions=lambda parameters, numbers: numbers,
)
