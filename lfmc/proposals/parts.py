"""Finished blocks of proposals on disk: each rank writes one part.

A part is a file with space for the range of blocks that a rank makes, and every block is written to
its place in it. So no file has two writers, no block is written twice, and there is one file per
rank whatever the number of blocks. A block counts if the sha256 stored with it is that of its
content: a process that is killed loses only the block that it was writing, and a damaged block is
made again in another part.

Layout of propose/ENSEMBLE/SAMPLER/part-START-RANK.h5: the data sets of
`proposals.generate.columns`, their rows those of the part's range of blocks, and
    /blocks/checksum     uint8 (B, 32)   sha256 of each block; zero if it is not in this part
    /blocks/seconds      float64 (B,)    CPU seconds of drawing each block
    /blocks/seconds_measure  float64 (B,)    CPU seconds of measuring it
    attributes: kind="part", key, first (block), provenance
`lfmc.proposals.join` presents all parts as one file.
"""

import logging
import math
import os
from collections.abc import Callable, Container, Iterable, Iterator
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
from lfmc.proposals.drawn import Arrays
from lfmc.proposals.generate import Column, ProposalTask, columns, first_row
from lfmc.seal import EMPTY
from lfmc.store import create_hdf5

log = logging.getLogger(__name__)

SYNC_SECONDS = 5.0
SECONDS, MEASURE = "blocks/seconds", "blocks/seconds_measure"
OF_BLOCKS = {CHECKSUM: Column("u1", (32,)), SECONDS: Column("f8", ()), MEASURE: Column("f8", ())}


class Made(NamedTuple):
    """A finished block: its number, its checksum, its cost, and the part that contains it.

    Attributes:
        first: the first block of the part.
    """

    block: int
    checksum: bytes
    spent: Spent
    part: str
    first: int


class Part:
    """A part that only this process writes.

    The HDF5 file is complete before the first block. The bytes of the blocks are then written
    directly, without the buffers of a library, so that a kill cannot corrupt the file.
    """

    def __init__(self, task: ProposalTask, path: Path, blocks: range, stamp: str) -> None:
        """Create the file for a range of blocks; only what is written takes space on disk.

        Raises:
            LfmcError: the folder cannot be written or the disk is full.
        """
        self.task, self.path, self.blocks = task, path, blocks
        self.columns = columns(task) | OF_BLOCKS
        self.at: dict[str, int] = {}
        # Blocks are written later, so the part has no seal; the joined file has their checksums.
        with create_hdf5(path, stamp.replace(EMPTY, "")) as file:
            file.attrs["kind"] = "part"
            file.attrs["key"] = task.key
            file.attrs["first"] = blocks.start
            # Allocate all rows at once, without writing them, so that their addresses are known.
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
        """Write a block to its place, and then its checksum.

        Both survive any end of this process, and a crash of the machine after SYNC_SECONDS.

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


def read_part(
    task: ProposalTask,
    path: Path,
    stop: Callable[[], bool] = lambda: False,
    wanted: Container[int] | None = None,
) -> list[Made]:
    """Return the intact blocks of a part; none if it is unreadable or belongs to another task.

    Args:
        stop: called before every block; if true, the remaining blocks are not read.
        wanted: blocks to look for; None for all.
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
            # Parts of earlier versions have one number for both, in wall-clock seconds.
            measure = file[MEASURE][()] if MEASURE in file else np.zeros_like(seconds)
            for place in np.flatnonzero(digests.any(1)).tolist():
                if stop():
                    break
                if wanted is not None and first + place not in wanted:
                    continue
                block, digest = first + place, digests[place].tobytes()
                if digest == block_checksum(block, read_block(task, file, block, first)):
                    spent = Spent(float(seconds[place]), float(measure[place]))
                    found.append(Made(block, digest, spent, path.name, first))
                else:
                    log.warning("%s: block %d is damaged; it is made again", path, block)
    except (OSError, KeyError, RuntimeError, ValueError):
        log.warning("%s is damaged; its blocks are made again", path)
        return []
    return found


def read_block(task: ProposalTask, data: Any, block: int, first: int) -> Arrays:
    """Return the data sets of one block from data (on disk or in memory) that begin at `first`."""
    found = {}
    for name in columns(task):
        begin, end = (row_in_part(task, name, at, first) for at in (block, block + 1))
        found[name] = data[name][begin:end]
    return found


def part_names(folder: Path) -> list[str]:
    """Return the names of the parts in a folder, sorted."""
    return sorted(path.name for path in folder.glob("part-*.h5"))


def next_start(names: Iterable[str]) -> int:
    """Return the number of this start of the task, from 1 on; parts of earlier starts are kept."""
    return max((int(name.split("-")[1]) for name in names), default=0) + 1


def reserved_part(folder: Path, start: int, rank: int) -> Path:
    """Reserve an unused name for the part of a rank by creating an empty file exclusively."""
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
    """Return the name of a part; the first one is part-001-00000.h5."""
    return folder / f"part-{start:03d}-{rank:05d}.h5"


def row_in_part(task: ProposalTask, name: str, block: int, first: int) -> int:
    """Return the first row of a block in a data set that begins with block `first`."""
    if name in OF_BLOCKS:
        return block - first
    return first_row(task, name, block) - first_row(task, name, first)
