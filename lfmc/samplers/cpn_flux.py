"""Moves of CP^(N-1) models that drive a unit of flux through the lattice, beside overrelaxation.

With s on the bonds (`lfmc.samplers.cpn_heatbath`), exp(H(z, s)) du(z) d^2s with

    H(z, s) = c sum_b Re(conj(s_b) w_b)

is the joint density up to factors of |s|. A move draws s given z and then drives
s_b(t) = s_b exp(+-i t a_b) from t = 0 to 1 in an odd number m of steps, while the vectors follow:
step k = 0 ... m - 1 reflects those of the even sites (k even) or odd sites (k odd) about their
fields at t = (k + 1/2)/m. The angles a have the flux 2 pi/V through every plaquette but one, which
has 2 pi/V - 2 pi. At t = 1 the 2 pi are no flux, the whole lattice has one unit more, and Q has
changed by +-1 with few exceptions. On the way the vectors pass the barrier between sectors.

The map (z, s) -> (z', s') is deterministic and keeps the measure: reflections and rotations of s.
Sites of one kind are not neighbours, and m is odd, so the same move with the other sign is its
inverse. Either sign is drawn with probability 1/2; accepting with min(1, exp(H(z', s') - H(z, s)))
satisfies detailed balance, for any a and m. A slow drive loses little: <H' - H> is about -1/m.
"""

from math import pi
from typing import NamedTuple

import numpy as np

from lfmc.kernels.generators import draw, one_to_two, symmetric
from lfmc.kernels.lanes import LANES, broadcast, inlined, kernel, load, select, store
from lfmc.kernels.mathematics import log_positive
from lfmc.kernels.theory import measure
from lfmc.kernels.tuples import store_each
from lfmc.lattice import FloatArray, Shape, khat2, parity, require_even, volume
from lfmc.samplers.cpn_heatbath import draw_bonds, field_of, reflect, update
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
from lfmc.theories.cpn.auxiliary import CPNAuxiliary
from lfmc.theories.cpn.kernels import overlap


class FluxParameters(NamedTuple):
    """Of one update: overrelaxation as `HeatbathParameters`, then moves.

    Attributes:
        steps: sweeps of a move, per component of the vectors; m = 2 N steps + 1.
    """

    sweeps: int
    reflections: int
    moves: int
    steps: int


def sample_flux(
    state: State, theory: Theory, parameters: FluxParameters, updates: int, save_every: int
) -> tuple[State, Info]:
    """Advance every chain; accepted is the fraction of moves.

    Raises:
        LfmcError: an odd extent, on which sites of one kind would be neighbours.
    """
    require_even(theory.shape)
    new = copied(state)
    records = buffers(state, theory, updates, save_every)
    components = theory.numbers // (2 * volume(theory.shape))
    steps = 2 * parameters.steps * components + 1
    halves = np.argsort(parity(theory.shape), kind="stable").reshape(2, -1)
    angle = flux_angles(theory.shape) / steps
    turns = np.exp(1j * np.stack([angle, angle / 2])).view(np.float64)
    _run(
        *(new.phi, new.streams, theory.geometry(), turns, halves, steps, *parameters[:3]),
        *(theory.couplings(), isinstance(theory, CPNAuxiliary), *records[:3], save_every),
    )
    return new, info(new, theory, records)


def flux_angles(shape: Shape) -> FloatArray:
    """The angles a of a unit of flux, by bond 2 x + mu, (2V,), of smallest sum of squares.

    a_0(x) + a_1(x+0) - a_0(x+1) - a_1(x) is 2 pi/V, and 2 pi/V - 2 pi at the first site; the
    lattice divergence is zero.
    """
    flux = np.full(shape, 2 * pi / volume(shape))
    flux[0, 0] -= 2 * pi
    laplacian = -khat2(shape).reshape(shape)
    laplacian[0, 0] = 1.0  # of the zero mode, which is not in the flux
    potential = np.fft.ifft2(np.fft.fft2(flux) / laplacian).real
    found = np.stack([np.roll(potential, 1, 1) - potential, potential - np.roll(potential, 1, 0)])
    return np.ascontiguousarray(np.moveaxis(found, 0, 2)).ravel()


@inlined
def _turn(bonds, turns, sign):
    """s of every bond by its angle, times the sign."""
    for link in range(bonds.shape[0] >> 1):
        p, q = load(bonds, 2 * link), load(bonds, 2 * link + 1)
        c, s = turns[2 * link], sign * turns[2 * link + 1]
        store(bonds, 2 * link, c * p - s * q)
        store(bonds, 2 * link + 1, c * q + s * p)


@inlined
def _exponent(phi, bonds, near, scale, n):
    """H of vectors and s."""
    total = broadcast(0.0)
    for link in range(2 * near.shape[0]):
        real, imaginary = overlap(phi, link >> 1, near[link >> 1, 2 * (link & 1)], n)
        total = total + (load(bonds, 2 * link) * real + load(bonds, 2 * link + 1) * imaginary)
    return scale * total


@inlined
def _move(phi, bonds, near, turns, halves, steps, scale, n, around, kept, state):
    """One move, after s is drawn: (1 where it was accepted, else 0; new stream state)."""
    rows = phi.shape[0]
    for row in range(rows):
        store(kept, row, load(phi, row))
    before = _exponent(phi, bonds, near, scale, n)
    u, state = symmetric(state)
    sign = select(u < 0.0, broadcast(-1.0), broadcast(1.0))
    _turn(bonds, turns[1], sign)
    for k in range(steps):
        if k > 0:
            _turn(bonds, turns[0], sign)
        for x in halves[k & 1]:
            field_of(phi, bonds, near, x, scale, n, around)
            reflect(phi, 2 * n * x, around, 2 * n)
    _turn(bonds, turns[1], sign)
    word, state = draw(state)
    gain = _exponent(phi, bonds, near, scale, n) - before
    accept = log_positive(2.0 - one_to_two(word)) < gain
    for row in range(rows):
        store(phi, row, select(accept, load(phi, row), load(kept, row)))
    return select(accept, broadcast(1.0), broadcast(0.0)), state


@kernel
def _run(
    phi,
    streams,
    near,
    turns,
    halves,
    steps,
    sweeps,
    reflections,
    moves,
    couplings,
    phases,
    scalars,
    saved,
    accepted,
    save_every,
):
    strength, n = couplings[0], len(couplings[1])
    scale = 2.0 * strength if phases else 2.0 * np.sqrt(strength)
    work, bonds = np.empty((4 * n, LANES)), np.empty((4 * near.shape[0], LANES))
    around, normals, kept = work[: 2 * n], work[2 * n :], np.empty((phi.shape[1], LANES))
    for b in range(phi.shape[0]):
        field = phi[b]
        state = load_streams(streams[b])
        for k in range(accepted.shape[1]):
            state = update(
                *(field, bonds, near, sweeps, reflections, strength, phases, n),
                *(around, normals, state),
            )
            count = broadcast(0.0)
            for _ in range(moves):
                state = draw_bonds(field, bonds, near, strength, phases, n, state)
                done, state = _move(
                    field, bonds, near, turns, halves, steps, scale, n, around, kept, state
                )
                count = count + done
            store(accepted[b], k, (1.0 / moves) * count)
            seen = measure(field, near, couplings)
            store_each(scalars[b], k * len(seen), seen)
            if (k + 1) % save_every == 0:
                save_field(saved[b], field, k // save_every)
        store_streams(streams[b], state)


FLUX = SamplerKind(
    sample_flux,
    lambda settings, _: FluxParameters(
        settings.sweeps, settings.reflections, settings.moves, settings.steps
    ),
    decisions=lambda parameters, numbers: parameters.moves,
)
