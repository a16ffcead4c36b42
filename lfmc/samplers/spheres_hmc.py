"""Hybrid Monte Carlo of O(N) spins, N >= 2, on the spheres themselves.

Momenta p_x are normals in the tangent plane of n_x, H = sum p^2/2 + S. Kicks project the force onto
the tangent plane; drifts follow great circles exactly, with w = |p|,

    n -> n cos(w e) + (p/w) sin(w e),     p -> p cos(w e) - w n sin(w e),

so the leapfrog is reversible and keeps the area of phase space. Steps, lengths and the accept step
are those of `lfmc.samplers.hmc`. H is of unit mass: the kinetic energy has N - 1 numbers per site.
"""

from math import pi

from lfmc.kernels.lanes import aligned, broadcast, inlined, kernel, load, select, square_root, store
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
from lfmc.theories.spheres.kernels import neighbour_component

_TURN = 0.5 / pi


def sample_spheres_hmc(
    state: State, theory: Theory, parameters: HmcParameters, updates: int, save_every: int
) -> tuple[State, Info]:
    """Advance every chain by `updates` trajectories; extra: dH = H(end) - H(start)."""
    new = copied(state)
    records = buffers(state, theory, updates, save_every)
    near, work = theory.geometry(), aligned((2, *state.phi.shape[1:]))
    _run(
        *(new.phi, new.streams, near, *parameters, theory.couplings(), *records),
        *(save_every, work),
    )
    return new, info(new, theory, records, "dH")


@inlined
def _dot(one, two, x, n):
    """Product of the vectors of site x."""
    total = broadcast(0.0)
    for a in range(n):
        total = total + load(one, x * n + a) * load(two, x * n + a)
    return total


@inlined
def _project(phi, p, sites, n):
    """Momenta lose their part along the vectors; returns the kinetic energy."""
    kinetic = broadcast(0.0)
    for x in range(sites):
        along = _dot(phi, p, x, n)
        for a in range(n):
            value = load(p, x * n + a) - along * load(phi, x * n + a)
            store(p, x * n + a, value)
            kinetic = kinetic + value * value
    return 0.5 * kinetic


@inlined
def _kick(phi, p, near, n, size):
    """p + size (h - (n.h) n), `size` being beta times the step; returns the kinetic energy."""
    for x in range(near.shape[0]):
        for a in range(n):
            h = neighbour_component(phi, near, x, a, n)
            store(p, x * n + a, load(p, x * n + a) + size * h)
    return _project(phi, p, near.shape[0], n)


@inlined
def _drift(phi, p, sites, n, epsilon):
    """Vectors and momenta along great circles; vectors are brought back to length one."""
    for x in range(sites):
        w = square_root(_dot(p, p, x, n))
        sine, cosine = sincos_turns(w * (epsilon * _TURN))
        still = w < 1e-150
        over = select(still, 0.0, sine / select(still, 1.0, w))
        square = broadcast(0.0)
        for a in range(n):
            spin, momentum = load(phi, x * n + a), load(p, x * n + a)
            new = spin * cosine + momentum * over
            store(phi, x * n + a, new)
            store(p, x * n + a, momentum * cosine - spin * (w * sine))
            square = square + new * new
        length = 1.0 / square_root(square)
        for a in range(n):
            store(phi, x * n + a, load(phi, x * n + a) * length)


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
):
    p, end = work[0], work[1]
    beta, n, sites = couplings[0], len(couplings[1]), near.shape[0]
    for b in range(phi.shape[0]):
        field = phi[b]
        state = load_streams(streams[b])
        old = measure(field, near, couplings)
        for k in range(accepted.shape[1]):
            _, state = draw_momenta(p, state)
            start = _project(field, p, sites, n)
            drawn, state = drawn_length(length, window, state)
            epsilon = drawn / steps
            for row in range(field.shape[0]):
                store(end, row, load(field, row))
            _kick(end, p, near, n, 0.5 * beta * epsilon)
            for _ in range(1, steps):
                _drift(end, p, sites, n, epsilon)
                _kick(end, p, near, n, beta * epsilon)
            _drift(end, p, sites, n, epsilon)
            kinetic = _kick(end, p, near, n, 0.5 * beta * epsilon)
            new = measure(end, near, couplings)
            change = (kinetic - start) + action_change(new, old, near, couplings)
            change, accept, state = metropolis(change, 1.0, state)
            records = scalars[b], saved[b], accepted[b], energy[b]
            old = end_update(field, end, accept, new, old, change, k, records, save_every)
        store_streams(streams[b], state)


SPHERES_HMC = HMC._replace(sample=sample_spheres_hmc)
