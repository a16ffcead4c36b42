"""Heat bath and overrelaxation of O(N) spins.

A heat-bath sweep draws every vector from its conditional law, of density exp(beta h.n) with h the
sum of its neighbours, by a fixed number of uniforms (`lfmc.theories.spheres.law_kernels`).
A reflection

    n -> 2 (n.h) h / h^2 - n

keeps the energy and is far from where it was: sweeps of it alone are not ergodic, but between heat
baths they speed up slow modes (Creutz, Phys. Rev. D 36 (1987) 515). Sites in a fixed order.
"""

from typing import NamedTuple

import numpy as np

from lfmc.kernels.generators import uniform
from lfmc.kernels.lanes import LANES, broadcast, inlined, kernel, load, select, store
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
from lfmc.theories.spheres.kernels import neighbour_component
from lfmc.theories.spheres.spin_kernels import draw_spin, strength, uniforms_of


class HeatbathParameters(NamedTuple):
    """sweeps of the heat bath, and of reflections before them, of one update."""

    sweeps: int
    reflections: int = 0


def sample_heatbath(
    state: State, theory: Theory, parameters: HeatbathParameters, updates: int, save_every: int
) -> tuple[State, Info]:
    """Advance every chain; everything is accepted."""
    new = copied(state)
    records = buffers(state, theory, updates, save_every)
    _run(
        *(new.phi, new.streams, theory.geometry(), *parameters, theory.couplings()),
        *(*records[:3], save_every),
    )
    return new, info(new, theory, records)


@inlined
def _reflect(phi, near, x, n, around):
    """Reflect the vector of site x about the sum of its neighbours; `around` has N rows."""
    along, square = broadcast(0.0), broadcast(0.0)
    for a in range(n):
        h = neighbour_component(phi, near, x, a, n)
        store(around, a, h)
        along = along + h * load(phi, x * n + a)
        square = square + h * h
    free = square < 1e-20  # no field: every reflection keeps the energy, this one moves nothing
    factor = select(free, 0.0, 2.0 * along / select(free, 1.0, square))
    for a in range(n):
        old = load(phi, x * n + a)
        store(phi, x * n + a, select(free, old, factor * load(around, a) - old))


@inlined
def _heat(phi, near, x, n, beta, around, uniforms, state):
    """Draw the vector of site x; returns the new stream state."""
    for a in range(n):
        store(around, a, beta * neighbour_component(phi, near, x, a, n))
    for i in range(uniforms_of(n)):
        value, state = uniform(state)
        store(uniforms, i, value)
    draw_spin(phi, x * n, around, strength(around, n), uniforms, 0, n)
    return state


@kernel
def _run(phi, streams, near, sweeps, reflections, couplings, scalars, saved, accepted, save_every):
    n = len(couplings[1])
    around, uniforms = np.empty((n, LANES)), np.empty((uniforms_of(n), LANES))
    for b in range(phi.shape[0]):
        field = phi[b]
        state = load_streams(streams[b])
        for k in range(accepted.shape[1]):
            for _ in range(reflections):
                for x in range(near.shape[0]):
                    _reflect(field, near, x, n, around)
            for _ in range(sweeps):
                for x in range(near.shape[0]):
                    state = _heat(field, near, x, n, couplings[0], around, uniforms, state)
            store(accepted[b], k, broadcast(1.0))
            seen = measure(field, near, couplings)
            store_each(scalars[b], k * len(seen), seen)
            if (k + 1) % save_every == 0:
                save_field(saved[b], field, k // save_every)
        store_streams(streams[b], state)


HEATBATH = SamplerKind(sample_heatbath, lambda settings, _: HeatbathParameters(settings.sweeps))
OVERRELAXATION = SamplerKind(
    sample_heatbath,
    lambda settings, _: HeatbathParameters(settings.sweeps, settings.reflections),
)
