"""Finished blocks of proposals on disk: each rank fills a part of its own.

A rank lays out its part, a file as long as the range of blocks it is to make, and writes every
block into its place: no file has two writers, none is written twice, and there are as many files
as ranks, whatever the number of blocks. A block counts when the sha256 beside it is that of its
content: a process killed at any moment loses the block it was writing, and a damaged block is made
again in another part.

Layout of propose/ENSEMBLE/SAMPLER/part-START-RANK.h5: the data sets of
`proposals.generate.columns`, their rows those of the part's range of blocks, and
    /blocks/checksum     uint8 (B, 32)   sha256 of each block; zero: not made (here)
    /blocks/seconds      float64 (B,)    CPU seconds that each took to draw
    /blocks/seconds_measure  float64 (B,)    and to measure
    attributes: kind="part", key, first (block), provenance
`lfmc.proposals.join` shows all parts as one file.
"""

import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from lfmc.clock import Spent
from lfmc.errors import LfmcError
from lfmc.proposals.blocks import CHECKSUM, block_checksum
from lfmc.proposals.generate import Arrays, Column, Job, columns, first_row
from lfmc.seal import EMPTY
from lfmc.store import create_hdf5

log = logging.getLogger(__name__)

SYNC_SECONDS = 5.0
SECONDS, MEASURE = "blocks/seconds", "blocks/seconds_measure"
OF_BLOCKS = {CHECKSUM: Column("u1", (32,)), SECONDS: Column("f8", ()), MEASURE: Column("f8", ())}


class Made(NamedTuple):
    """A finished block: its number, its checksum, what it took, and the part that holds it.

    Attributes:
        first: the first block of the part.
    """

    block: int
    checksum: bytes
    spent: Spent
    part: str
    first: int


class Part:
    """A part that this process alone fills.

    The file is complete as HDF5 before the first block; blocks are then written straight to their
    bytes, so that no library holds anything that a kill could tear.
    """

    def __init__(self, task: Job, path: Path, blocks: range, stamp: str) -> None:
        """Lay the file out for a range of blocks; only what is written takes space on disk.

        Raises:
            LfmcError: the folder cannot be written or the disk is full.
        """
        self.task, self.path, self.blocks = task, path, blocks
        self.columns = columns(task) | OF_BLOCKS
        self.at: dict[str, int] = {}
        # Blocks follow after it is published: the file that joins the parts holds their checksums.
        with create_hdf5(path, stamp.replace(EMPTY, "")) as file:
            file.attrs["kind"] = "part"
            file.attrs["key"] = task.key
            file.attrs["first"] = blocks.start
            # Room for all rows at once, without writing them: their addresses are then known.
            plain = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plain.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            plain.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            for name, column in self.columns.items():
                length = row_in_part(task, name, blocks.stop, blocks.start)
                shape = (length, *column.shape)
                data = file.create_dataset(name, shape, column.dtype, dcpl=plain)
                self.at[name] = data.id.get_offset() or 0  # none for a data set without rows
        self.stream, self.synced = os.open(path, os.O_WRONLY), monotonic()

    def write(self, block: int, arrays: Arrays, spent: Spent) -> Made:
        """Put a block where it belongs, and then its checksum.

        Both survive any end of this process at once, and that of the machine after SYNC_SECONDS.

        Raises:
            LfmcError: the disk is full.
        """
        digest = block_checksum(block, arrays)
        with self._on_disk():
            for name, values in arrays.items():
                self._put(name, block, values)
            self._put(SECONDS, block, np.array([spent.sampling]))
            self._put(MEASURE, block, np.array([spent.measure]))
            self._put(CHECKSUM, block, np.frombuffer(digest, np.uint8))
            if monotonic() - self.synced > SYNC_SECONDS:
                os.fdatasync(self.stream)
                self.synced = monotonic()
        return Made(block, digest, spent, self.path.name, self.blocks.start)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            with self._on_disk():
                os.fdatasync(self.stream)
        finally:
            os.close(self.stream)

    @contextmanager
    def _on_disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise LfmcError(f"{self.path}: cannot be written ({reason})") from None

    def _put(self, name: str, block: int, values: NDArray) -> None:
        column = self.columns[name]
        width = np.dtype(column.dtype).itemsize * math.prod(column.shape)
        at = self.at[name] + row_in_part(self.task, name, block, self.blocks.start) * width
        data = memoryview(np.ascontiguousarray(values, column.dtype).tobytes())
        while data:
            done = os.pwrite(self.stream, data, at)
            data, at = data[done:], at + done


def read_part(task: Job, path: Path, stop: Callable[[], bool] = lambda: False) -> list[Made]:
    """The good blocks of a part, each checked; none if it is another job's or unreadable.

    Args:
        stop: asked before every block; when true, the others are left unread.
    """
    found: list[Made] = []
    try:
        if path.stat().st_size == 0:  # its process ended before it began
            return []
        with h5py.File(path, "r") as file:
            if file.attrs["key"] != task.key:
                return []
            first, digests = int(file.attrs["first"]), file[CHECKSUM][()]
            seconds = file[SECONDS][()]
            # Parts of earlier versions say one number for both, in wall seconds.
            measure = file[MEASURE][()] if MEASURE in file else np.zeros_like(seconds)
            for slot in np.flatnonzero(digests.any(1)).tolist():
                if stop():
                    break
                block, digest = first + slot, digests[slot].tobytes()
                if digest == block_checksum(block, read_block(task, file, block, first)):
                    spent = Spent(float(seconds[slot]), float(measure[slot]))
                    found.append(Made(block, digest, spent, path.name, first))
                else:
                    log.warning("%s: block %d is damaged; it is made again", path, block)
    except (OSError, KeyError, RuntimeError, ValueError):
        log.warning("%s is damaged; its blocks are made again", path)
        return []
    return found


def read_block(task: Job, data: Any, block: int, first: int) -> Arrays:
    """Data sets of one block out of those (on disk or in memory) that begin with block `first`."""
    found = {}
    for name in columns(task):
        begin, end = (row_in_part(task, name, at, first) for at in (block, block + 1))
        found[name] = data[name][begin:end]
    return found


def part_names(folder: Path) -> list[str]:
    """Parts that are there, in order of name."""
    return sorted(path.name for path in folder.glob("part-*.h5"))


def next_start(names: Iterable[str]) -> int:
    """Number of this start of the job, the first being 1: parts of earlier ones are kept."""
    return max((int(name.split("-")[1]) for name in names), default=0) + 1


def reserved_part(folder: Path, start: int, rank: int) -> Path:
    """An unused name for the part that a rank fills, by an empty file: no other process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        path = part_path(folder, start, rank)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            start += 1
        except OSError as error:
            raise LfmcError(
                f"{path}: cannot be written ({os.strerror(error.errno or 0)})"
            ) from None
        else:
            return path


def part_path(folder: Path, start: int, rank: int) -> Path:
    """Name of a part; the first is part-001-00000.h5."""
    return folder / f"part-{start:03d}-{rank:05d}.h5"


def row_in_part(task: Job, name: str, block: int, first: int) -> int:
    """First row of a block in a data set that begins with block `first`."""
    if name in OF_BLOCKS:
        return block - first
    return first_row(task, name, block) - first_row(task, name, first)
