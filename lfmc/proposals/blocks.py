"""The rows of a block of proposals in a file, and the checksum of the block."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from lfmc.config import Config
from lfmc.errors import LfmcError
from lfmc.seal import Broken
from lfmc.store import checksum

CHECKSUM = "blocks/checksum"
SLAB = 64  # blocks in memory at a time
IN_CACHE, FEWEST_ROWS = 2**16, 16  # numbers that are evaluated at once, and fields


class Layout(NamedTuple):
    """The division of proposals into blocks.

    Attributes:
        total: number of proposals.
        size: proposals per block; the last block may be shorter.
        keep: the whole field of every `keep`-th proposal is stored.
    """

    total: int
    size: int
    keep: int

    @property
    def blocks(self) -> int:
        return -(-self.total // self.size)

    def first_row(self, name: str, block: int) -> int:
        """Return the number of rows of a data set before a block; for `blocks`, of all rows."""
        proposals = min(block * self.size, self.total)
        return -(-proposals // self.keep) if name.startswith("fields/") else proposals


def layout(config: Config) -> Layout:
    """Return the division of the proposals of a run."""
    keep = max(1, config.proposals // config.statistics.keep_fields)
    return Layout(config.proposals, config.propose.block, keep)


def slabs(part: slice, numbers: int) -> Iterator[slice]:
    """Pieces of a part of fields in which S and scalars are evaluated while they are in the cache.

    Parts of small fields are left whole: there the calls would cost more.

    Args:
        numbers: of one field.
    """
    rows = part.stop - part.start
    if rows * numbers > IN_CACHE:
        rows = max(FEWEST_ROWS, IN_CACHE // (2 * numbers))
    for begin in range(part.start, part.stop, rows):
        yield slice(begin, min(begin + rows, part.stop))


def block_checksum(block: int, arrays: dict[str, NDArray[Any]]) -> bytes:
    """Return the sha256 of a block's number and content."""
    return bytes.fromhex(checksum(str(block), arrays))


def require_blocks(path: Path, file: h5py.File, of: Layout) -> None:
    """Compare all proposals of a file with the checksums of their blocks, SLAB blocks at a time.

    Raises:
        LfmcError: another number of blocks or rows.
        Broken: a block that does not have its checksum.
    """
    digests = file[CHECKSUM][()] if CHECKSUM in file else np.zeros((0, 32), np.uint8)
    if digests.shape != (of.blocks, 32) or digests.dtype != np.uint8:
        raise LfmcError(
            f"{path}: checksums of {len(digests)} blocks, {of.blocks} expected; run propose again"
        )
    names = [name for name in data_sets(file) if name != CHECKSUM]
    for name in names:
        if len(file[name]) != of.first_row(name, of.blocks):
            raise LfmcError(f"{path}: {name} has {len(file[name])} rows; run propose again")
    for begin in range(0, of.blocks, SLAB):
        end = min(begin + SLAB, of.blocks)
        row = {name: of.first_row(name, begin) for name in names}
        slab = {name: file[name][row[name] : of.first_row(name, end)] for name in names}
        for block in range(begin, end):
            arrays = {}
            for name in names:
                first, last = (of.first_row(name, at) - row[name] for at in (block, block + 1))
                arrays[name] = slab[name][first:last]
            if digests[block].tobytes() != block_checksum(block, arrays):
                raise Broken(f"{path}: block {block} is damaged; run propose again")


def data_sets(file: h5py.File) -> list[str]:
    """Return the paths of all data sets of a file."""
    found: list[str] = []

    def visit(name: str, item: Any) -> None:  # visititems stops at anything but None
        if isinstance(item, h5py.Dataset):
            found.append(name)

    file.visititems(visit)
    return found
