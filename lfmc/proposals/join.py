"""The parts of all ranks as one file without a copy: virtual data sets, and a checksum per block.

The cost of joining grows with the number of parts, not with that of proposals.
"""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from lfmc.clock import Spent
from lfmc.errors import LfmcError
from lfmc.proposals.blocks import CHECKSUM
from lfmc.proposals.generate import ProposalTask, columns, first_row
from lfmc.proposals.parts import Made, part_names, row_in_part


def join(
    task: ProposalTask, file: h5py.File, folder: str, made: list[Made]
) -> tuple[Spent, set[str]]:
    """Write all blocks as virtual data sets over their parts.

    Args:
        file: the new file, beside `folder`.
        folder: name of the folder of the parts.
        made: every block at least once.

    Returns:
        The total cost of the blocks, and the names of the parts that are used.

    Raises:
        LfmcError: a block is missing.
    """
    chosen = {entry.block: entry for entry in sorted(made, reverse=True)}
    missing = [block for block in range(task.blocks) if block not in chosen]
    if missing:
        raise LfmcError(f"{folder}: block {missing[0]} is missing; run propose again")
    runs = list(_runs(chosen))
    for name, column in columns(task).items():
        shape = (first_row(task, name, task.blocks), *column.shape)
        # As h5py.VirtualLayout does, without its copies: ten thousand parts are joined in seconds.
        mapped = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        for part, first, begin, end in runs:
            to, of = first_row(task, name, begin), row_in_part(task, name, begin, first)
            count = row_in_part(task, name, end, begin)
            if count:
                target = _rows_selected(shape, to, count)
                source = _rows_selected((of + count, *column.shape), of, count)
                mapped.set_virtual(target, f"{folder}/{part}".encode(), name.encode(), source)
        # The rows of a lost part read as this value, and not as zeros.
        fill = np.nan if np.dtype(column.dtype).kind == "f" else -1
        file.create_dataset(name, shape, column.dtype, dcpl=mapped, fillvalue=fill)
    digests = b"".join(chosen[block].checksum for block in range(task.blocks))
    file[CHECKSUM] = np.frombuffer(digests, np.uint8).reshape(task.blocks, -1)
    used = {entry.part for entry in chosen.values()}
    return sum((chosen[block].spent for block in range(task.blocks)), Spent(0.0, 0.0)), used


def discard_others(folder: Path, used: set[str]) -> None:
    """Remove the parts of other tasks, and those of which nothing is used."""
    for name in set(part_names(folder)) - used:
        (folder / name).unlink(missing_ok=True)


def _rows_selected(shape: tuple[int, ...], first: int, count: int) -> h5py.h5s.SpaceID:
    """Rows first ... first + count - 1 of a data set."""
    space = h5py.h5s.create_simple(shape)
    space.select_hyperslab((first, *[0] * len(shape[1:])), (count, *shape[1:]))
    return space


def _runs(chosen: dict[int, Made]) -> Iterator[tuple[str, int, int, int]]:
    """Part, its first block, and a range of blocks that it holds, for all blocks in order."""
    last: tuple[str, int, int, int] | None = None
    for block in sorted(chosen):
        part, first = chosen[block].part, chosen[block].first
        if last is not None and last[0] == part:
            last = (part, first, last[2], block + 1)
            continue
        if last is not None:
            yield last
        last = (part, first, block, block + 1)
    if last is not None:
        yield last
