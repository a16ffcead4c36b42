"""What all classical samplers share: the state of their chains and the record of an update.

Chains live in blocks of LANES: the last block is filled up with chains that are not read, so every
chain passes through the same instructions whatever the number of chains.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.errors import LfmcError
from lfmc.kernels.generators import normal_pair, uniform
from lfmc.kernels.lanes import LANES, aligned, inlined, kernel, load, store
from lfmc.streams import chain_words
from lfmc.theories.base import Theory

Floats = NDArray[np.floating]


class State(NamedTuple):
    """Many chains between two updates.

    Attributes:
        phi: fields, float64 (blocks, numbers, LANES); chain c is block c // LANES, lane c % LANES.
        streams: xoshiro256++ words of every chain, uint64 (blocks, 4, LANES).
        chains: number of chains that are read; the rest fill the last block.
    """

    phi: NDArray[np.float64]
    streams: NDArray[np.uint64]
    chains: int


class Info(NamedTuple):
    """What a number of updates did, chains first.

    Attributes:
        scalars: of every update, name -> (chains, updates); see `Theory.scalars`.
        saved: fields after every `save_every` updates, (chains, saved, numbers).
        accepted: accepted fraction of each update's proposals, (chains, updates).
        extra: sampler's own records, name -> (chains, updates).
    """

    scalars: dict[str, Floats]
    saved: NDArray[np.float64]
    accepted: Floats
    extra: dict[str, Floats]


def cold_start(
    theory: Theory, seed: int, chains: range, stage: str, *names: str | int, width: float = 0.1
) -> State:
    """Fields made of normals of small width (`Theory.start`), each chain from its own stream.

    Small, because HMC from a hot start may never accept: its first trajectories fall down the
    quartic wall and dH is huge.
    """
    blocks = -(-len(chains) // LANES)
    filled = range(chains.start, chains.start + blocks * LANES)
    words = chain_words(seed, filled, stage, *names)
    streams = np.ascontiguousarray(words.reshape(4, blocks, LANES).swapaxes(0, 1))
    phi = aligned((blocks, theory.numbers, LANES))
    draw_normals(phi, streams, width)
    phi[:] = theory.start(phi)
    return State(phi, streams, len(chains))


def started_from(state: State, fields: Floats) -> State:
    """Chains at given fields (n, numbers); chain c at field c modulo n."""
    blocks, sites, lanes = state.phi.shape
    phi = aligned(state.phi.shape)
    chosen = fields[np.arange(blocks * lanes) % len(fields)]
    phi[:] = chosen.reshape(blocks, lanes, sites).swapaxes(1, 2)
    return State(phi, state.streams.copy(), state.chains)


def chains_first(rows: NDArray, count: int) -> NDArray:
    """(blocks, n, LANES) -> (count, n), a copy without the filling chains."""
    blocks, n, lanes = rows.shape
    return np.ascontiguousarray(rows.swapaxes(1, 2).reshape(blocks * lanes, n)[:count])


def fields(state: State) -> NDArray[np.float64]:
    """Fields of all chains, (chains, numbers)."""
    return chains_first(state.phi, state.chains)


def require_finite(state: State, sampler: str) -> None:
    """Raise LfmcError if a field holds NaN or infinity."""
    if not np.isfinite(state.phi).all():
        raise LfmcError(f"{sampler}: a field is not finite; check the couplings and the step size")


class Buffers(NamedTuple):
    """Arrays for the records of a number of updates, written by a kernel.

    Attributes:
        scalars: (blocks, updates * number of scalars, LANES), in the order of `Theory.scalars`.
        saved: (blocks, saved * numbers, LANES).
        accepted: (blocks, updates, LANES).
        extra: (blocks, updates, LANES).
    """

    scalars: NDArray[np.float64]
    saved: NDArray[np.float64]
    accepted: NDArray[np.float64]
    extra: NDArray[np.float64]


def buffers(state: State, theory: Theory, updates: int, save_every: int) -> Buffers:
    """Empty records for `updates` updates of which every `save_every`-th is saved."""
    blocks, numbers, _ = state.phi.shape
    rows = (updates * len(theory.scalars), updates // save_every * numbers, updates, updates)
    return Buffers(*(aligned((blocks, n, LANES)) for n in rows))


def info(state: State, theory: Theory, filled: Buffers, extra: str | None = None) -> Info:
    """Records of the chains that are read, chains first."""
    updates, numbers = filled.accepted.shape[1], state.phi.shape[1]
    saved = filled.saved.shape[1] // numbers
    shape = (state.chains, updates, len(theory.scalars))
    by_chain = np.moveaxis(chains_first(filled.scalars, state.chains).reshape(shape), 2, 0)
    return Info(
        dict(zip(theory.scalars, by_chain, strict=True)),
        chains_first(filled.saved, state.chains).reshape(state.chains, saved, numbers),
        chains_first(filled.accepted, state.chains),
        {extra: chains_first(filled.extra, state.chains)} if extra else {},
    )


def copied(state: State) -> State:
    """A state that a kernel may overwrite."""
    phi = aligned(state.phi.shape)
    phi[:] = state.phi
    return State(phi, state.streams.copy(), state.chains)


@inlined
def load_streams(streams):
    """The four rows of a block of streams (4, LANES)."""
    return load(streams, 0), load(streams, 1), load(streams, 2), load(streams, 3)


@inlined
def store_streams(streams, state):
    """Write the four rows back."""
    store(streams, 0, state[0])
    store(streams, 1, state[1])
    store(streams, 2, state[2])
    store(streams, 3, state[3])


@inlined
def save_field(saved, phi, index):
    """Copy a block's fields to place `index` of (saved * numbers, LANES)."""
    sites = phi.shape[0]
    for x in range(sites):
        store(saved, index * sites + x, load(phi, x))


@kernel
def draw_uniforms(rows: Any, streams: Any) -> None:
    """Fill rows (blocks, n, LANES) with uniforms in [0, 1) of each chain's stream."""
    for b in range(rows.shape[0]):
        row = rows[b]
        state = load_streams(streams[b])
        for x in range(row.shape[0]):
            value, state = uniform(state)
            store(row, x, value)
        store_streams(streams[b], state)


@kernel
def draw_normals(phi: Any, streams: Any, width: float) -> None:
    """Fill rows (blocks, n, LANES) with normals of each chain's stream."""
    for b in range(phi.shape[0]):
        field = phi[b]
        state = load_streams(streams[b])
        sites = field.shape[0]
        for x in range(0, sites - 1, 2):
            first, second, state = normal_pair(state)
            store(field, x, width * first)
            store(field, x + 1, width * second)
        if sites % 2:  # the second number of the last pair has no site
            first, second, state = normal_pair(state)
            store(field, sites - 1, width * first)
        store_streams(streams[b], state)
