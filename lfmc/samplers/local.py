"""Local Metropolis: sites in a fixed order, a uniform proposal in [phi - delta, phi + delta].

Metropolis et al., J. Chem. Phys. 21 (1953) 1087; settings of arXiv:1904.12072, section III A. One
update is one sweep over the lattice in lexicographic order.
"""

from typing import NamedTuple

from lfmc.action import Phi4
from lfmc.kernels.generators import symmetric, uniform
from lfmc.kernels.lanes import inlined, kernel, load, select, spread, store
from lfmc.kernels.mathematics import exp_negative
from lfmc.samplers.state import (
    Info,
    State,
    buffers,
    copied,
    couplings,
    geometry,
    info,
    load_streams,
    measure,
    neighbour_sum,
    save_field,
    store_scalars,
    store_streams,
)


class LocalParameters(NamedTuple):
    """delta: half-width of the uniform proposal, in lattice units of the field."""

    delta: float


def sample_local(
    state: State, action: Phi4, parameters: LocalParameters, updates: int, save_every: int
) -> tuple[State, Info]:
    """Advance every chain by `updates` sweeps; accepted is the fraction of a sweep's sites."""
    new = copied(state)
    room = buffers(state, updates, save_every)
    _run(
        new.phi,
        new.streams,
        geometry(action.shape),
        *parameters,
        couplings(action),
        *room[:3],
        save_every,
    )
    return new, info(new, room)


@inlined
def sweep(phi, near, couplings, delta, state):
    """One sweep of a block (volume, LANES): (number of accepted sites, new stream state)."""
    quadratic, lam, hopping = couplings
    accepted = spread(0.0)
    for x in range(near.shape[0]):
        step, state = symmetric(state)
        threshold, state = uniform(state)
        around = neighbour_sum(phi, near, x)
        old = load(phi, x)
        step = delta * step
        new = old + step
        before = old * old
        after = new * new
        # S(new) - S(old), with the difference of squares factored so that it does not cancel
        change = (after - before) * (quadratic + lam * (after + before))
        change = change - 2.0 * hopping * around * step
        accept = threshold < exp_negative(-1.0 * change)
        store(phi, x, select(accept, new, old))
        accepted = accepted + select(accept, spread(1.0), spread(0.0))
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
            store_scalars(scalars[b], k, measure(field, near))
            if (k + 1) % save_every == 0:
                save_field(saved[b], field, k // save_every)
        store_streams(streams[b], state)
