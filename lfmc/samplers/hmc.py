"""Hybrid Monte Carlo with a leapfrog that moves the momentum first.

Duane, Kennedy, Pendleton and Roweth, Phys. Lett. B 195 (1987) 216; settings of arXiv:1904.12072,
section III A. A trajectory of n steps of size e = length / n is

    p -> p - (e/2) dS/dphi,  [ phi -> phi + e p,  p -> p - e dS/dphi ] x (n-1),
    phi -> phi + e p,  p -> p - (e/2) dS/dphi,

hence n + 1 evaluations of the force. Momenta are N(0, 1), H = sum p^2/2 + S, accepted with
min(1, exp(-dH)) in log space; a dH that is not finite is rejected and recorded as infinity.

A mode of frequency omega comes back to its square where omega times the length is a multiple of pi,
whatever the number of updates: so every chain draws the length of each trajectory, with the steps
kept and their size changed (Mackenzie, Phys. Lett. B 226 (1989) 369). The length ignores the field,
so the update stays reversible. The paper's setting is a fixed length.
"""

from typing import NamedTuple

import numpy as np

from lfmc.config.sampler_sections import Hmc
from lfmc.kernels.generators import draw, normal_pair, one_to_two, symmetric
from lfmc.kernels.lanes import aligned, broadcast, inlined, kernel, load, select, store
from lfmc.kernels.mathematics import log_positive
from lfmc.kernels.theory import action_change, measure, slope
from lfmc.kernels.tuples import select_each, store_each
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

FAR = 1e300
WINDOW = 0.5  # of random lengths


class HmcParameters(NamedTuple):
    """length: of a trajectory, in units of simulation time; steps: of the leapfrog.

    window: lengths are uniform in length (1 - window) ... length (1 + window); None: fixed.
    """

    length: float
    steps: int
    window: float | None = None

    @property
    def forces_per_update(self) -> int:
        return self.steps + 1


def length_window(settings: Hmc) -> float | None:
    """What `samplers.hmc.length` means."""
    return WINDOW if settings.length == "random" else None


def sample_hmc(
    state: State, theory: Theory, parameters: HmcParameters, updates: int, save_every: int
) -> tuple[State, Info]:
    """Advance every chain by `updates` trajectories; extra: dH = H(end) - H(start)."""
    new = copied(state)
    records = buffers(state, theory, updates, save_every)
    near, work = theory.geometry(), aligned((2, *state.phi.shape[1:]))
    _run(
        new.phi, new.streams, near, *parameters, theory.couplings(), *records, save_every, 1.0, work
    )
    return new, info(new, theory, records, "dH")


def leapfrog(
    phi: np.ndarray, momenta: np.ndarray, theory: Theory, parameters: HmcParameters
) -> tuple[np.ndarray, np.ndarray]:
    """The same trajectory on blocks (blocks, volume, LANES): (phi, momenta) at its end."""
    p, end = momenta.copy(), np.empty_like(phi)
    length, steps = parameters.length, parameters.steps
    _trajectories(phi, p, end, theory.geometry(), length, steps, theory.couplings())
    return end, p


@inlined
def _kick(value, phi, p, x, near, couplings, epsilon):
    """Momentum of site x, whose field is `value`, after a kick of size epsilon."""
    return load(p, x) - epsilon * slope(value, phi, near, x, couplings)


@inlined
def _first_step(phi, p, moved, near, couplings, kick, drift):
    """Kick every site, then drift it into `moved`, in one pass over the lattice."""
    for x in range(near.shape[0]):
        value = load(phi, x)
        momentum = _kick(value, phi, p, x, near, couplings, kick)
        store(p, x, momentum)
        store(moved, x, value + drift * momentum)


@inlined
def _drift(phi, p, begin, end, epsilon):
    for x in range(begin, end):
        store(phi, x, load(phi, x) + epsilon * load(p, x))


@inlined
def _step(phi, p, near, couplings, epsilon):
    """Kick every site, then drift it, in place and in one pass: two arrays instead of three.

    A site may drift when it and its neighbours are kicked: one slab of the first axis behind.
    The first and the last slab, which see each other around the lattice, drift at the end.
    """
    sites, slab = near.shape[0], near[0, 0]
    for x in range(2 * slab):
        store(p, x, _kick(load(phi, x), phi, p, x, near, couplings, epsilon))
    for x in range(2 * slab, sites):
        store(p, x, _kick(load(phi, x), phi, p, x, near, couplings, epsilon))
        store(phi, x - slab, load(phi, x - slab) + epsilon * load(p, x - slab))
    _drift(phi, p, sites - slab, sites, epsilon)
    _drift(phi, p, 0, slab, epsilon)


@inlined
def _trajectory(phi, p, end, near, length, steps, couplings):
    """Leave phi alone; the fields and momenta before the last half kick are in `end` and `p`."""
    epsilon = length / steps
    _first_step(phi, p, end, near, couplings, 0.5 * epsilon, epsilon)
    for _ in range(1, steps):
        _step(end, p, near, couplings, epsilon)


@inlined
def _last_kick(phi, p, near, couplings, epsilon):
    """The closing half kick: kinetic energy sum p^2 / 2."""
    kinetic = broadcast(0.0)
    for x in range(near.shape[0]):
        momentum = _kick(load(phi, x), phi, p, x, near, couplings, epsilon)
        store(p, x, momentum)
        kinetic = kinetic + momentum * momentum
    return 0.5 * kinetic


@inlined
def draw_momenta(p, state):
    """(kinetic energy, new stream state); p is filled with N(0, 1)."""
    kinetic, sites = broadcast(0.0), p.shape[0]
    for x in range(0, sites - 1, 2):
        one, two, state = normal_pair(state)
        store(p, x, one)
        store(p, x + 1, two)
        kinetic = kinetic + (one * one + two * two)
    if sites % 2:  # the second number of the last pair has no site
        one, two, state = normal_pair(state)
        store(p, sites - 1, one)
        kinetic = kinetic + one * one
    return 0.5 * kinetic, state


@inlined
def drawn_length(length, window, state):
    """(length of this trajectory, new stream state); nothing is drawn if it is fixed."""
    if window is None:  # decided by its type, when compiled
        return broadcast(length), state
    value, state = symmetric(state)
    return length * (1.0 + window * value), state


@inlined
def metropolis(change, sign, state):
    """dH with what is no number as infinity, whether it is accepted, and the new stream state.

    `sign` is 1; the tests set it to -1 to see that their checks notice.
    """
    change = select(change < FAR, change, broadcast(np.inf))  # NaN becomes infinity
    change = select(change < -FAR, broadcast(np.inf), change)
    word, state = draw(state)
    return change, log_positive(2.0 - one_to_two(word)) < -sign * change, state


@inlined
def end_update(field, end, accept, new, old, change, k, records, save_every):
    """Take the end of trajectory k where it is accepted, and record; its scalars.

    records: of a block: scalars, saved fields, accepted, dH.
    """
    scalars, saved, accepted, energy = records
    for x in range(field.shape[0]):
        store(field, x, select(accept, load(end, x), load(field, x)))
    old = select_each(accept, new, old)
    store(accepted, k, select(accept, broadcast(1.0), broadcast(0.0)))
    store(energy, k, change)
    store_each(scalars, k * len(old), old)
    if (k + 1) % save_every == 0:
        save_field(saved, field, k // save_every)
    return old


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
    sign,
    work,
):
    updates = accepted.shape[1]
    p, end = work[0], work[1]
    for b in range(phi.shape[0]):
        field = phi[b]
        state = load_streams(streams[b])
        old = measure(field, near, couplings)
        for k in range(updates):
            start, state = draw_momenta(p, state)
            drawn, state = drawn_length(length, window, state)
            _trajectory(field, p, end, near, drawn, steps, couplings)
            kinetic = _last_kick(end, p, near, couplings, 0.5 * drawn / steps)
            new = measure(end, near, couplings)
            change = (kinetic - start) + action_change(new, old, near, couplings)
            change, accept, state = metropolis(change, sign, state)
            records = scalars[b], saved[b], accepted[b], energy[b]
            old = end_update(field, end, accept, new, old, change, k, records, save_every)
        store_streams(streams[b], state)


@kernel
def _trajectories(phi, p, end, near, length, steps, couplings):
    """One trajectory of every block."""
    for b in range(phi.shape[0]):
        _trajectory(phi[b], p[b], end[b], near, length, steps, couplings)
        _last_kick(end[b], p[b], near, couplings, 0.5 * length / steps)


def _parameters(settings: Hmc, length: float) -> HmcParameters:
    return HmcParameters(length, settings.steps, length_window(settings))


HMC = SamplerKind(sample_hmc, _parameters, forces=lambda parameters: parameters.forces_per_update)
