"""Heat bath and overrelaxation of CP^(N-1) models, by auxiliary numbers on the bonds.

With w = z_x^+ z_y of a bond the two forms of the theory are averages over a complex number s:

    exp(N beta |w|^2) = 1/pi int d^2s exp(-|s|^2 + c Re(conj(s) w)),    c = 2 sqrt(N beta),
    I_0(2 N beta |w|) = average over |s| = 1 of exp(c Re(conj(s) w)),   c = 2 N beta.

An update draws every s given the vectors: a normal about sqrt(N beta) w, or a von Mises phase about
that of w. Given s, each vector is a unit vector of 2 N real components in the field

    h_x = c sum_y conj(s_xy) z_y  (s of bonds that end in x: not conjugated),

and so are its heat bath and its reflection about h, which keeps the energy; s is reflected about
its mean too, with the vectors held. The vectors alone are a Markov chain, as every update begins
with new s. Sites and bonds in a fixed order.
"""

import numpy as np

from lfmc.kernels.generators import normal_pair
from lfmc.kernels.lanes import LANES, broadcast, inlined, kernel, load, select, square_root, store
from lfmc.kernels.theory import measure
from lfmc.kernels.tuples import store_each
from lfmc.samplers.kind import SamplerKind
from lfmc.samplers.sphere_rejection import draw_in_field
from lfmc.samplers.spheres_heatbath import HeatbathParameters
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
from lfmc.samplers.u1_heatbath import SMALLEST, deviation
from lfmc.theories.base import Theory
from lfmc.theories.cpn.auxiliary import CPNAuxiliary
from lfmc.theories.cpn.kernels import overlap


def sample_heatbath(
    state: State, theory: Theory, parameters: HeatbathParameters, updates: int, save_every: int
) -> tuple[State, Info]:
    """Advance every chain; everything is accepted."""
    new = copied(state)
    records = buffers(state, theory, updates, save_every)
    phases = isinstance(theory, CPNAuxiliary)
    _run(
        *(new.phi, new.streams, theory.geometry(), *parameters, theory.couplings(), phases),
        *(*records[:3], save_every),
    )
    return new, info(new, theory, records)


@inlined
def _draw_bond(bonds, link, real, imaginary, strength, phases, state):
    """Draw s of a bond whose overlap is given."""
    if phases:
        size = square_root(real * real + imaginary * imaginary)
        tiny = size < 1e-150
        over = 1.0 / select(tiny, 1.0, size)
        c, s = select(tiny, 1.0, real * over), imaginary * over
        kappa = (2.0 * strength) * size
        sine, cosine, state = deviation(select(kappa < SMALLEST, SMALLEST, kappa), state)
        store(bonds, 2 * link, c * cosine - s * sine)
        store(bonds, 2 * link + 1, s * cosine + c * sine)
    else:
        one, two, state = normal_pair(state)
        root = np.sqrt(strength)
        store(bonds, 2 * link, root * real + np.sqrt(0.5) * one)
        store(bonds, 2 * link + 1, root * imaginary + np.sqrt(0.5) * two)
    return state


@inlined
def _reflect_bond(bonds, link, real, imaginary, strength, phases):
    """Reflect s about its mean, or a phase about that of the overlap."""
    p, q = load(bonds, 2 * link), load(bonds, 2 * link + 1)
    if phases:
        square = real * real + imaginary * imaginary
        free = square < 1e-280
        factor = 2.0 * (p * real + q * imaginary) / select(free, 1.0, square)
        store(bonds, 2 * link, select(free, p, factor * real - p))
        store(bonds, 2 * link + 1, select(free, q, factor * imaginary - q))
    else:
        root = 2.0 * np.sqrt(strength)
        store(bonds, 2 * link, root * real - p)
        store(bonds, 2 * link + 1, root * imaginary - q)


@inlined
def field_of(phi, bonds, near, x, scale, n, field):
    """Rows 0 ... 2 N - 1 of `field` become h of site x."""
    for a in range(2 * n):
        store(field, a, broadcast(0.0))
    for k in range(near.shape[1]):
        y = near[x, k]
        forward = k % 2 == 0
        link = 2 * (x if forward else y) + k // 2
        real, imaginary = scale * load(bonds, 2 * link), scale * load(bonds, 2 * link + 1)
        if forward:
            imaginary = -imaginary
        for a in range(n):
            p, q = load(phi, 2 * (n * y + a)), load(phi, 2 * (n * y + a) + 1)
            store(field, 2 * a, load(field, 2 * a) + (real * p - imaginary * q))
            store(field, 2 * a + 1, load(field, 2 * a + 1) + (real * q + imaginary * p))


@inlined
def reflect(phi, row, field, p):
    """Reflect the vector of p components in rows from `row` on about the field."""
    along, square = broadcast(0.0), broadcast(0.0)
    for a in range(p):
        h = load(field, a)
        along = along + h * load(phi, row + a)
        square = square + h * h
    free = square < 1e-20  # no field: every reflection keeps the energy, this one moves nothing
    factor = select(free, 0.0, 2.0 * along / select(free, 1.0, square))
    length = broadcast(0.0)
    for a in range(p):
        old = load(phi, row + a)
        new = select(free, old, factor * load(field, a) - old)
        length = length + new * new
        store(phi, row + a, new)
    inverse = 1.0 / square_root(length)  # rounding of many reflections
    for a in range(p):
        store(phi, row + a, inverse * load(phi, row + a))


@inlined
def draw_bonds(phi, bonds, near, strength, phases, n, state):
    """Draw s of every bond given the vectors; returns the new stream state."""
    for link in range(2 * near.shape[0]):
        real, imaginary = overlap(phi, link >> 1, near[link >> 1, 2 * (link & 1)], n)
        state = _draw_bond(bonds, link, real, imaginary, strength, phases, state)
    return state


@inlined
def _reflect_bonds(phi, bonds, near, strength, phases, n):
    for link in range(2 * near.shape[0]):
        real, imaginary = overlap(phi, link >> 1, near[link >> 1, 2 * (link & 1)], n)
        _reflect_bond(bonds, link, real, imaginary, strength, phases)


@inlined
def update(phi, bonds, near, sweeps, reflections, strength, phases, n, around, normals, state):
    """One update of all vectors; returns the new stream state.

    Args:
        bonds: work for s, two rows per bond; around, normals: 2 N rows each.
    """
    scale = 2.0 * strength if phases else 2.0 * np.sqrt(strength)
    for sweep in range(reflections + sweeps):
        heat = sweep >= reflections
        if heat or sweep == 0:
            state = draw_bonds(phi, bonds, near, strength, phases, n, state)
        else:
            _reflect_bonds(phi, bonds, near, strength, phases, n)
        for x in range(near.shape[0]):
            field_of(phi, bonds, near, x, scale, n, around)
            if heat:
                state = draw_in_field(phi, 2 * n * x, around, 2 * n, normals, state)
            else:
                reflect(phi, 2 * n * x, around, 2 * n)
    return state


@kernel
def _run(
    phi, streams, near, sweeps, reflections, couplings, phases, scalars, saved, accepted, save_every
):
    strength, n = couplings[0], len(couplings[1])
    work, bonds = np.empty((4 * n, LANES)), np.empty((2 * near.shape[0] * 2, LANES))
    around, normals = work[: 2 * n], work[2 * n :]
    for b in range(phi.shape[0]):
        field = phi[b]
        state = load_streams(streams[b])
        for k in range(accepted.shape[1]):
            state = update(
                *(field, bonds, near, sweeps, reflections, strength, phases, n),
                *(around, normals, state),
            )
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
