"""Hybrid Monte Carlo of the Schwinger model with the exact force of the determinant.

The update of `lfmc.samplers.hmc`. The force of the fermions needs the inverse of the Dirac
operator, which gives the determinant too; that of the current field is kept, so that a trajectory
of n steps needs n inverses.
"""

from lfmc.kernels.lanes import LANES, aligned, broadcast, inlined, kernel, load, select, store
from lfmc.kernels.theory import action_change
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
from lfmc.theories.schwinger.kernels import (
    gauge_sines,
    gauge_slopes,
    lanes_of_fermions,
    scalars,
)

FEWER = 20  # times fewer updates of tunings and checks: an update takes milliseconds


def sample_schwinger_hmc(
    state: State, theory: Theory, parameters: HmcParameters, updates: int, save_every: int
) -> tuple[State, Info]:
    """Advance every chain by `updates` trajectories; extra: dH = H(end) - H(start)."""
    new = copied(state)
    records = buffers(state, theory, updates, save_every)
    numbers = state.phi.shape[1]
    work, sines, traces = (aligned((n, LANES)) for n in (4 * numbers, numbers // 2, 2))
    _run(
        *(new.phi, new.streams, theory.geometry(), *parameters, theory.couplings(), *records),
        *(save_every, work.reshape(4, numbers, LANES), sines, traces),
    )
    return new, info(new, theory, records, "dH")


@inlined
def _kick(phi, p, force, sines, near, beta, epsilon):
    """All momenta by the force of gauge field and fermions at phi; returns the kinetic energy."""
    gauge_sines(phi, near, sines)
    kinetic = broadcast(0.0)
    for x in range(near.shape[0] >> 1):
        zero, one = gauge_slopes(sines, near, x)
        zero = load(p, 2 * x) - epsilon * (beta * zero + load(force, 2 * x))
        one = load(p, 2 * x + 1) - epsilon * (beta * one + load(force, 2 * x + 1))
        store(p, 2 * x, zero)
        store(p, 2 * x + 1, one)
        kinetic = kinetic + (zero * zero + one * one)
    return 0.5 * kinetic


@inlined
def _drift(phi, p, epsilon):
    for link in range(phi.shape[0]):
        store(phi, link, load(phi, link) + epsilon * load(p, link))


@kernel
def _run(
    phi,
    streams,
    near,
    length,
    steps,
    window,
    couplings,
    records,
    saved,
    accepted,
    energy,
    save_every,
    work,
    sines,
    traces,
):
    beta, kappa = couplings[0], couplings[1]
    p, end, force, of_end = work[0], work[1], work[2], work[3]
    for b in range(phi.shape[0]):
        field = phi[b]
        state = load_streams(streams[b])
        lanes_of_fermions(field, near, kappa, force, traces)
        old = scalars(field, near, couplings, force, traces)
        for k in range(accepted.shape[1]):
            start, state = draw_momenta(p, state)
            drawn, state = drawn_length(length, window, state)
            epsilon = drawn / steps
            for link in range(field.shape[0]):
                store(end, link, load(field, link))
            _kick(end, p, force, sines, near, beta, 0.5 * epsilon)
            for _ in range(1, steps):
                _drift(end, p, epsilon)
                lanes_of_fermions(end, near, kappa, of_end, traces)
                _kick(end, p, of_end, sines, near, beta, epsilon)
            _drift(end, p, epsilon)
            lanes_of_fermions(end, near, kappa, of_end, traces)
            kinetic = _kick(end, p, of_end, sines, near, beta, 0.5 * epsilon)
            new = scalars(end, near, couplings, of_end, traces)
            change = (kinetic - start) + action_change(new, old, near, couplings)
            change, accept, state = metropolis(change, 1.0, state)
            for link in range(field.shape[0]):
                store(force, link, select(accept, load(of_end, link), load(force, link)))
            rows = records[b], saved[b], accepted[b], energy[b]
            old = end_update(field, end, accept, new, old, change, k, rows, save_every)
        store_streams(streams[b], state)


SCHWINGER_HMC = HMC._replace(
    sample=sample_schwinger_hmc, forces=lambda parameters: parameters.steps, fewer=FEWER
)
