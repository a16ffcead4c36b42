"""What a chain leaves behind, besides its file, so that a longer run can continue it.

The whole fields that a chain file keeps are spread over its length, so a longer chain keeps others
in the same part. Those that 2, 4, 8 ... times as many configurations would keep are stored at once;
any other one is found again from the nearest state before it (`Walk`).

Layout of work/SAMPLER/ENSEMBLE-end.h5, R replicas, U updates, F fields, C states of B blocks:
    /counts          unsigned (R, U)   accepted proposals of every update
    /replica, /when  int64 (F,)        chain and saved configuration of each further field
    /phi             float64 (F, V)    the fields, flat C order
    /at              int64 (C,)        saved configurations before each state; the last is the end
    /states/phi      float64 (C, B, V, LANES)
    /states/streams  uint64 (C, B, 4, LANES)
    attribute chain: sha256 of the chain file that it belongs to
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from lfmc.kernels.lanes import LANES
from lfmc.samplers.method import Method
from lfmc.samplers.plan import CHUNK_VALUES, Plan
from lfmc.samplers.state import Info, State
from lfmc.store import create_hdf5
from lfmc.theories.base import Theory

STATES = 64  # states stored of a run, about; each is as large as R fields
DOUBLINGS = 10  # of the configurations, whose fields are stored

# Data sets of a trail, and the axis along which its pieces are joined.
AXES = {"counts": 1, "replica": 0, "when": 0, "phi": 0, "at": 0}
AXES |= {"states/phi": 0, "states/streams": 0}

Arrays = dict[str, NDArray]


def foreseen(division: Plan, configurations: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(replica, saved configuration) of the fields that the doublings of this run keep of it."""
    pairs = []
    for doubling in range(1, DOUBLINGS + 1):
        saved = -(-configurations * 2**doubling // division.replicas)
        pairs.append(division._replace(saved=saved).kept_fields())
    replica, when = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    inside = when < division.saved
    when, replica = np.unique(np.stack([when[inside], replica[inside]]), axis=1)
    return replica, when


class Recorder:
    """Collects the trail of a segment, chunk by chunk."""

    def __init__(self, division: Plan, configurations: int, proposals: int) -> None:
        """Args:
        configurations: of the run, as its settings have them.
        proposals: accept decisions in one update of one chain.
        """
        self.division, self.proposals = division, proposals
        self.replica, self.when = foreseen(division, configurations)
        self.pieces: list[Arrays] = []

    def note(self, begin: int, end: int, before: State, info: Info) -> None:
        """Note the saved configurations from `begin` up to `end`, and the state before them."""
        here = (self.when >= begin) & (self.when < end)
        replica, when = self.replica[here], self.when[here]
        due = STATES * begin // self.division.saved
        previous = STATES * (begin - self.division.chunk) // self.division.saved
        marked = slice(0, 1 if begin == 0 or due != previous else 0)
        self.pieces.append(
            {
                "counts": accepted_counts(info, self.proposals),
                "replica": replica,
                "when": when,
                "phi": info.saved[replica, when - begin],
                "at": np.array([begin])[marked],
                "states/phi": before.phi[np.newaxis][marked],
                "states/streams": before.streams[np.newaxis][marked],
            }
        )

    def arrays(self) -> Arrays:
        """The trail of all chunks so far."""
        return joined(self.pieces)


def accepted_counts(info: Info, proposals: int) -> NDArray[np.unsignedinteger]:
    """Accepted ones of the `proposals` of every update, (chains, updates)."""
    counts: NDArray = np.rint(info.accepted * proposals)
    return counts.astype(np.min_scalar_type(proposals))


def joined(pieces: list[Arrays]) -> Arrays:
    """Trails of successive parts of a run as one."""
    return {k: np.concatenate([piece[k] for piece in pieces], axis=AXES[k]) for k in AXES}


def ended(trail: Arrays, saved: int, state: State) -> Arrays:
    """A trail with its last state."""
    last = {"at": np.array([saved]), "states/phi": state.phi[np.newaxis]}
    last["states/streams"] = state.streams[np.newaxis]
    return trail | {k: np.concatenate([trail[k], last[k]]) for k in last}


def shortened(trail: Arrays, saved: int, save_every: int) -> Arrays:
    """The trail of the first `saved` configurations, with the states up to their end."""
    fields, states = trail["when"] < saved, trail["at"] <= saved
    found = {k: trail[k][fields] for k in ("replica", "when", "phi")}
    found |= {k: trail[k][states] for k in ("at", "states/phi", "states/streams")}
    return found | {"counts": trail["counts"][:, : saved * save_every]}


def accepted(division: Plan, counts: NDArray, proposals: int) -> float:
    """The sum of accepted fractions, added up in the order of an uninterrupted run."""
    unit, every, total = 1.0 / proposals, division.save_every, 0.0
    for index in range(division.segments):
        (first, last), of_segment = division.bounds(index), 0.0
        for begin in range(first, last, division.chunk):
            end = min(begin + division.chunk, last)
            of_segment += float((counts[:, begin * every : end * every] * unit).sum())
        total += of_segment
    return total


class Walk(NamedTuple):
    """Leads blocks of chains from stored states to any saved configuration of the past.

    Attributes:
        pause: called several times per second; may raise to leave it all.
    """

    theory: Theory
    method: Method
    trail: Arrays
    pause: Callable[[], None] = lambda: None

    def state(self, saved: int, chains: int) -> State:
        """All chains after `saved` saved configurations."""
        blocks = range(self.trail["states/phi"].shape[1])
        parts = [self._led(block, saved, None)[1] for block in blocks]
        phi = np.concatenate([part.phi for part in parts])
        return State(phi, np.concatenate([part.streams for part in parts]), chains)

    def fields(self, replica: NDArray[np.int64], when: NDArray[np.int64]) -> NDArray[np.float64]:
        """Fields of chains at saved configurations, (fields, numbers); known ones are looked up."""
        names = zip(self.trail["replica"].tolist(), self.trail["when"].tolist(), strict=True)
        known = dict(zip(names, self.trail["phi"], strict=True))
        wanted = list(zip(replica.tolist(), when.tolist(), strict=True))
        reached: dict[int, tuple[int, State]] = {}
        for chain, time in sorted(set(wanted) - known.keys(), key=lambda pair: pair[1]):
            block = chain // LANES
            reached[block] = self._led(block, time + 1, reached.get(block))
            known[chain, time] = reached[block][1].phi[0, :, chain % LANES].copy()
        found = np.empty((len(wanted), self.theory.numbers))
        for row, pair in enumerate(wanted):
            found[row] = known[pair]
        return found

    def _led(self, block: int, saved: int, reached: tuple[int, State] | None) -> tuple[int, State]:
        """A block after `saved` saved configurations, from a stored state or from `reached`."""
        nearest = int(np.searchsorted(self.trail["at"], saved, "right")) - 1
        at, one = int(self.trail["at"][nearest]), slice(block, block + 1)
        if reached is None or at > reached[0]:
            phi, streams = (self.trail[f"states/{k}"][nearest, one] for k in ("phi", "streams"))
            at, state = at, State(phi, streams, LANES)
        else:
            at, state = reached
        longest = max(1, CHUNK_VALUES // (LANES * self.theory.numbers))
        while at < saved:
            self.pause()
            count = min(longest, saved - at)
            updates = count * self.method.save_every
            state, _ = self.method.advance(state, self.theory, updates, updates)
            at += count
        return at, state


def write_trail(path: Path, stamp: str, trail: Arrays, chain: str) -> None:
    """Write a trail atomically; `chain` is the sha256 of its chain file."""
    with create_hdf5(path, stamp) as file:
        file.attrs["kind"], file.attrs["chain"] = "end", chain
        for name, array in trail.items():
            file[name] = array


def read_trail(file: h5py.File) -> Arrays:
    """The arrays of a trail's file."""
    return {name: file[name][()] for name in AXES}
