"""Hybrid Monte Carlo of U(1) links in two dimensions, the update of `lfmc.samplers.hmc`.

The force of a link needs the sines of its two plaquettes: they are computed once for all links,
V sines per step instead of the 4V that a kernel of single links needs.
"""

from lfmc.kernels.lanes import LANES, aligned, broadcast, inlined, kernel, load, store
from lfmc.kernels.mathematics import sincos_turns
from lfmc.kernels.theory import action_change, measure
from lfmc.samplers.hmc import HMC, HmcParameters, draw_momenta, drawn_length, end_update, metropolis
from lfmc.samplers.state import (
    Info,
    State,
    buffers,
    copied,
    info,
    load_streams,
    store_streams,
)
from lfmc.theories.base import Theory
from lfmc.theories.u1.kernels import plaquette_turns, sine_below, sine_left


def sample_u1_hmc(
    state: State, theory: Theory, parameters: HmcParameters, updates: int, save_every: int
) -> tuple[State, Info]:
    """Advance every chain by `updates` trajectories; extra: dH = H(end) - H(start)."""
    new = copied(state)
    records = buffers(state, theory, updates, save_every)
    near, work = theory.geometry(), aligned((2, *state.phi.shape[1:]))
    sines = aligned((state.phi.shape[1] // 2, LANES))
    _run(
        *(new.phi, new.streams, near, *parameters, theory.couplings(), *records),
        *(save_every, work, sines),
    )
    return new, info(new, theory, records, "dH")


@inlined
def _sines(phi, near, sines):
    for x in range(near.shape[0] >> 1):
        sine, _ = sincos_turns(plaquette_turns(phi, near, x))
        store(sines, x, sine)


@inlined
def _kicked(p, near, sines, x, size):
    """Momenta of both links of site x after a kick; `size` is epsilon beta."""
    own = load(sines, x)
    zero = load(p, 2 * x) - size * (own - sine_below(sines, near, x))
    one = load(p, 2 * x + 1) - size * (sine_left(sines, near, x) - own)
    store(p, 2 * x, zero)
    store(p, 2 * x + 1, one)
    return zero, one


@inlined
def _move(source, p, end, near, sines, size, epsilon):
    """Kick all momenta by the force in `source`, and write source + epsilon p to `end`."""
    _sines(source, near, sines)
    for x in range(near.shape[0] >> 1):
        zero, one = _kicked(p, near, sines, x, size)
        store(end, 2 * x, load(source, 2 * x) + epsilon * zero)
        store(end, 2 * x + 1, load(source, 2 * x + 1) + epsilon * one)


@inlined
def _last_kick(phi, p, near, sines, size):
    """The closing half kick: kinetic energy sum p^2 / 2."""
    _sines(phi, near, sines)
    kinetic = broadcast(0.0)
    for x in range(near.shape[0] >> 1):
        zero, one = _kicked(p, near, sines, x, size)
        kinetic = kinetic + (zero * zero + one * one)
    return 0.5 * kinetic


@kernel
def _run(
    phi,
    streams,
    near,
    length,
    steps,
    window,
    couplings,
    scalars,
    saved,
    accepted,
    energy,
    save_every,
    work,
    sines,
):
    updates = accepted.shape[1]
    p, end = work[0], work[1]
    beta = couplings[0]
    for b in range(phi.shape[0]):
        field = phi[b]
        state = load_streams(streams[b])
        old = measure(field, near, couplings)
        for k in range(updates):
            start, state = draw_momenta(p, state)
            drawn, state = drawn_length(length, window, state)
            epsilon = drawn / steps
            _move(field, p, end, near, sines, 0.5 * beta * epsilon, epsilon)
            for _ in range(1, steps):
                _move(end, p, end, near, sines, beta * epsilon, epsilon)
            kinetic = _last_kick(end, p, near, sines, 0.5 * beta * epsilon)
            new = measure(end, near, couplings)
            change = (kinetic - start) + action_change(new, old, near, couplings)
            change, accept, state = metropolis(change, 1.0, state)
            records = scalars[b], saved[b], accepted[b], energy[b]
            old = end_update(field, end, accept, new, old, change, k, records, save_every)
        store_streams(streams[b], state)


U1_HMC = HMC._replace(sample=sample_u1_hmc)
