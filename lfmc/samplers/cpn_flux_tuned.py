"""Moves of CP^(N-1) models that turn the flux of one plaquette through pi, in a trained program.

s is drawn on all bonds as in `lfmc.samplers.cpn_flux`, and F_p in (-pi, pi] is the phase of the
product of s around plaquette p. A move

- draws a core p with probability w(F_p)/Z, w = exp(|F_p|/width), Z = sum of w,
- drives F_p to -F_p through pi, by bonds of a disc about p, while vectors there are reflected
  (`lfmc.samplers.flux_program`); every other plaquette of the disc takes its part of -2 (pi - |F|),
- accepts with min(1, exp(H' - H) Z/Z').

The move is its own inverse: at -F_p the same program runs with the opposite flux. The map keeps the
measure: reflections do, and a shift of the phases of s by c(F_p) has the Jacobian |1 + c'| = 1,
as c = 2 (pi - |F_p|) sign(F_p). w(-F) = w(F), so what is left of the choice of p is Z/Z'. A core
whose flux is near pi, where Q changes, has little to drive, so little work is lost; the program
is trained (`lfmc.samplers.flux_training`).
"""

from math import pi
from typing import NamedTuple

import numpy as np

from lfmc.errors import LfmcError
from lfmc.kernels.angles import angle_of, nearest
from lfmc.kernels.generators import draw, one_to_two, uniform
from lfmc.kernels.lanes import (
    LANES,
    aligned,
    broadcast,
    inlined,
    kernel,
    load,
    select,
    store,
)
from lfmc.kernels.mathematics import exp_negative, log_positive, size
from lfmc.kernels.theory import measure
from lfmc.kernels.tuples import store_each
from lfmc.samplers.cpn_heatbath import draw_bonds, update
from lfmc.samplers.flux_disc import read_disc, read_fluxes, write_disc, write_fluxes
from lfmc.samplers.flux_drive import drive, exponent
from lfmc.samplers.flux_program import fits, program
from lfmc.samplers.state import (
    Floats,
    Info,
    State,
    buffers,
    chains_first,
    copied,
    info,
    load_streams,
    save_field,
    store_streams,
)
from lfmc.theories.base import Theory
from lfmc.theories.cpn.auxiliary import CPNAuxiliary


class FluxTunedParameters(NamedTuple):
    """Of one update: overrelaxation as `HeatbathParameters`, then moves.

    Attributes:
        width: of the choice of cores, in radians.
        radius, steps, density, ease: of the program (`lfmc.samplers.flux_program.program`).
    """

    sweeps: int
    reflections: int
    moves: int
    width: float
    radius: float
    steps: int
    density: float
    ease: float


def sample_flux_tuned(
    state: State, theory: Theory, parameters: FluxTunedParameters, updates: int, save_every: int
) -> tuple[State, Info]:
    """Advance every chain; accepted is the fraction of moves.

    Raises:
        LfmcError: a disc that does not fit into the lattice.
    """
    return _advanced(state, theory, parameters, updates, save_every, 1)[:2]


def gains_of_moves(
    state: State, theory: Theory, parameters: FluxTunedParameters, updates: int
) -> tuple[State, Info, Floats]:
    """The same, with log acceptance ratios of all moves, (chains, updates * moves)."""
    moves = updates * parameters.moves
    new, found, gains = _advanced(state, theory, parameters, updates, updates, moves)
    return new, found, chains_first(gains, state.chains)


def _advanced(
    state: State,
    theory: Theory,
    parameters: FluxTunedParameters,
    updates: int,
    save_every: int,
    kept: int,
) -> tuple[State, Info, Floats]:
    """New state, records, and the last `kept` gains."""
    radius = parameters.radius
    if not fits(theory.shape, radius):
        raise LfmcError(
            f"flux-tuned: a disc of radius {radius:g} does not fit into {list(theory.shape)}; "
            f"extents must be at least {2 * int(radius) + 2}"
        )
    moves = program(*parameters[4:])
    new, gains = copied(state), aligned((len(state.phi), kept, LANES))
    records = buffers(state, theory, updates, save_every)
    _run(
        *(new.phi, new.streams, theory.geometry(), np.array(theory.shape)),
        *(*moves, *parameters[:3], 1 / parameters.width),
        *(theory.couplings(), isinstance(theory, CPNAuxiliary), *records[:3], gains, save_every),
    )
    return new, info(new, theory, records), gains


@inlined
def _fluxes(bonds, near, flux):
    """Phases of s around all plaquettes, one row each."""
    for x in range(near.shape[0]):
        right, up = near[x, 0], near[x, 2]
        p, q = broadcast(1.0), broadcast(0.0)
        for k in range(4):
            link = (2 * x, 2 * right + 1, 2 * up, 2 * x + 1)[k]
            c, s = load(bonds, 2 * link), load(bonds, 2 * link + 1)
            s = s if k < 2 else -s
            p, q = p * c - q * s, p * s + q * c
        store(flux, x, angle_of(q, p))


@inlined
def _weight(flux, rate):
    """w of a plaquette, 1 at pi."""
    return exp_negative(rate * (size(flux) - pi))


@inlined
def _chosen(flux, rate, weights, state):
    """Core of every chain, as lanes, with Z and the new stream state."""
    total = broadcast(0.0)
    for x in range(flux.shape[0]):
        total = total + _weight(load(flux, x), rate)
        store(weights, x, total)
    u, state = uniform(state)
    target, core = u * total, broadcast(0.0)
    for x in range(flux.shape[0]):
        core = core + select(target < load(weights, x), 0.0, 1.0)
    return core, total, state


@inlined
def _shifted(inside, change, rate):
    """Fluxes of the disc after a move, in place; returns by how much Z changes."""
    gain = broadcast(0.0)
    share = change * (-1.0 / (inside.shape[0] - 1))
    store(inside, 0, -load(inside, 0))
    for p in range(1, inside.shape[0]):
        old = load(inside, p)
        new = old + share
        new = new - (2 * pi) * nearest(new * (0.5 / pi))
        store(inside, p, new)
        gain = gain + (_weight(new, rate) - _weight(old, rate))
    return gain


@kernel
def _run(
    phi,
    streams,
    near,
    extents,
    places,
    beside,
    links,
    joins,
    ends,
    plaquettes,
    visits,
    turns,
    last,
    sweeps,
    reflections,
    moves,
    rate,
    couplings,
    phases,
    scalars,
    saved,
    accepted,
    gains,
    save_every,
):
    strength, n = couplings[0], len(couplings[1])
    scale, sites = 2.0 * strength if phases else 2.0 * np.sqrt(strength), near.shape[0]
    rows, bonds = np.empty((4 * n, LANES)), np.empty((4 * sites, LANES))
    around, normals = rows[: 2 * n], rows[2 * n :]
    flux, weights = np.empty((sites, LANES)), np.empty((sites, LANES))
    work, s = np.empty((2 * n * len(places), LANES)), np.empty((2 * len(joins), LANES))
    inside, cores = np.empty((len(plaquettes), LANES)), np.empty(LANES, np.int64)
    done = np.empty((1, LANES))
    moved = len(beside)
    for b in range(phi.shape[0]):
        field = phi[b]
        state = load_streams(streams[b])
        for k in range(accepted.shape[1]):
            state = update(
                *(field, bonds, near, sweeps, reflections, strength, phases, n),
                *(around, normals, state),
            )
            state = draw_bonds(field, bonds, near, strength, phases, n, state)
            _fluxes(bonds, near, flux)
            count = broadcast(0.0)
            for move in range(moves):
                core, total, state = _chosen(flux, rate, weights, state)
                store(done, 0, core)
                for lane in range(LANES):
                    cores[lane] = int(done[0, lane])
                read_disc(field, bonds, work, s, cores, extents, places, joins, 2 * n)
                read_fluxes(flux, inside, cores, extents, plaquettes)
                old = load(inside, 0)
                change = 2.0 * (pi - size(old))
                change = select(old < 0.0, -change, change)
                gain = _shifted(inside, change, rate)
                before = exponent(work, s, ends, n)
                drive(work, s, beside, links, visits, turns, last, change, n, around)
                gain = scale * (exponent(work, s, ends, n) - before) - log_positive(
                    1.0 + gain / total
                )
                word, state = draw(state)
                accept = log_positive(2.0 - one_to_two(word)) < gain
                store(done, 0, select(accept, broadcast(1.0), broadcast(0.0)))
                write_disc(field, bonds, work, s, cores, extents, places, joins, moved, 2 * n, done)
                write_fluxes(flux, inside, cores, extents, plaquettes, done)
                count = count + load(done, 0)
                store(gains[b], (k * moves + move) % gains.shape[1], gain)
            store(accepted[b], k, (1.0 / moves) * count)
            seen = measure(field, near, couplings)
            store_each(scalars[b], k * len(seen), seen)
            if (k + 1) % save_every == 0:
                save_field(saved[b], field, k // save_every)
        store_streams(streams[b], state)
