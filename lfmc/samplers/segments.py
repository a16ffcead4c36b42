"""Finished pieces of a chain on disk: whole, checked and tied to the settings that made them.

A segment file holds the records of some updates and the complete state after them. It is valid if
its key (hash of settings and tuned parameters) is the run's and its checksum is right; an invalid
one and all later ones are made again.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import h5py
from numpy.typing import NDArray

from lfmc.clock import Spent
from lfmc.errors import LfmcError
from lfmc.samplers.state import State
from lfmc.store import checksum, read_arrays, small_hdf5

log = logging.getLogger(__name__)


class Segment(NamedTuple):
    """What a segment leaves behind.

    Attributes:
        records: path in the chain file -> array; axis 1 is time, but for /fields axis 0.
        state: of all chains after the last update.
        spent: CPU seconds in the kernels, and in the measurement of saved fields.
        accepted: sum over chains and updates of the accepted fraction of proposals.
        setup: CPU seconds of the thermalisation before it.
        trail: what a continuation of the chain needs of it; see `lfmc.samplers.trail`.
    """

    records: dict[str, NDArray]
    state: State
    spent: Spent
    accepted: float
    setup: float = 0.0
    trail: Mapping[str, NDArray] = MappingProxyType({})


def segment_path(folder: Path, index: int) -> Path:
    """Name of a segment; the first is segment-0001.h5."""
    return folder / f"segment-{index + 1:04d}.h5"


def write_segment(folder: Path, index: int, key: str, stamp: str, segment: Segment) -> None:
    """Write one segment atomically."""
    arrays = {**segment.records, "state/phi": segment.state.phi}
    arrays["state/streams"] = segment.state.streams
    arrays |= {f"trail/{name}": array for name, array in segment.trail.items()}
    header = {
        "key": key,
        "index": index,
        "chains": segment.state.chains,
        "seconds": segment.spent.sampling,
        "seconds_measure": segment.spent.measure,
        "seconds_setup": segment.setup,
        "accepted": segment.accepted,
    }
    with small_hdf5(segment_path(folder, index), stamp) as file:
        for name, array in arrays.items():
            file[name] = array
        file.attrs["header"] = json.dumps(header, sort_keys=True)
        file.attrs["checksum"] = checksum(file.attrs["header"], arrays)


def read_segment(folder: Path, index: int, key: str) -> Segment | None:
    """A segment, or None if it is missing, damaged or of other settings."""
    path = segment_path(folder, index)
    if not path.exists():
        return None
    try:
        with h5py.File(path, "r") as file:
            text, arrays = str(file.attrs["header"]), read_arrays(file)
            wanted = str(file.attrs["checksum"])
        header: dict[str, Any] = json.loads(text)
        good = wanted == checksum(text, arrays)
    except (OSError, KeyError, ValueError, RuntimeError):
        good = False
    if not good:
        log.warning("%s is damaged; it and what follows is sampled again", path)
        return None
    if header["key"] != key or header["index"] != index:
        log.warning("%s belongs to other settings; sampling starts anew", path)
        return None
    state = State(arrays.pop("state/phi"), arrays.pop("state/streams"), header["chains"])
    spent = Spent(header["seconds"], header["seconds_measure"])
    trail = {k.removeprefix("trail/"): arrays.pop(k) for k in list(arrays) if k[:6] == "trail/"}
    if "counts" in trail:  # segments of earlier versions lack those of several proposals
        arrays.setdefault("extra/accepted", trail["counts"])
    setup = header.get("seconds_setup", 0.0)
    return Segment(arrays, state, spent, header["accepted"], setup, trail)


def finished_segments(folder: Path, key: str, wanted: int) -> tuple[int, State | None]:
    """How many segments from the first are good, and the state after the last of them."""
    state = None
    for index in range(wanted):
        segment = read_segment(folder, index, key)
        if segment is None:
            return index, state
        state = segment.state
    return wanted, state


def required_segment(folder: Path, index: int, key: str) -> Segment:
    """A segment that must be there.

    Raises:
        LfmcError: it is not, or it was damaged since it was written.
    """
    path = segment_path(folder, index)
    if not path.exists():
        raise LfmcError(f"{path}: gone since it was written; another run is or was at work here")
    segment = read_segment(folder, index, key)
    if segment is None:
        raise LfmcError(f"{path}: damaged after it was written; run the command again to redo it")
    return segment
