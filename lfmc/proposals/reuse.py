"""Blocks of proposals that were made for another number of proposals.

A block depends on the number of proposals only by which whole fields it keeps, and by its length if
it is the last one. So of another number of proposals everything is read but those fields, and they
are drawn again: a pass of the flow for every chunk that has one.
"""

import json
import logging
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from lfmc.clock import Spent
from lfmc.config import stage_settings
from lfmc.errors import LfmcError
from lfmc.made_for import leaves
from lfmc.proposals.blocks import block_checksum
from lfmc.proposals.drawn import CHUNK, Arrays
from lfmc.proposals.generate import ProposalTask, key_of
from lfmc.proposals.parts import Made, read_block, read_part
from lfmc.store import open_hdf5
from lfmc.streams import generator

log = logging.getLogger(__name__)

LENGTHS = ("keep_fields", "proposals")  # settings that leave the streams of the blocks alone


def earlier_task(task: ProposalTask, output: Path) -> ProposalTask | None:
    """The task that made `output`, if nothing but lengths differs; logs what else does."""
    settings = stage_settings(task.config, "propose", task.ensemble, task.sampler)
    try:
        if not output.exists():
            return None
        with open_hdf5(output, check=False) as file:
            made: dict[str, Any] = json.loads(str(file.attrs["settings"]))
        one, two = dict(leaves(made)), dict(leaves(json.loads(json.dumps(settings))))
        changed = sorted(k for k in one.keys() | two.keys() if one.get(k) != two.get(k))
        total, fields = int(made["proposals"]), int(made["keep_fields"])
    except (LfmcError, KeyError, ValueError, TypeError):
        log.warning("%s does not say what it was made with; proposals start anew", output)
        return None
    other = [key for key in changed if key not in LENGTHS]
    if other:
        old, new = one.get(other[0], "nothing"), two.get(other[0], "nothing")
        log.warning(
            "%s: made with %s = %s, now %s; proposals start anew", output, other[0], old, new
        )
    if other or not changed:
        return None
    keep = max(1, total // fields)
    return task._replace(key=key_of(task, made), keep=keep, total=total)


class Reuse:
    """The blocks that an earlier task left in the parts of a folder."""

    def __init__(self, task: ProposalTask, old: ProposalTask | None, folder: Path) -> None:
        self.task, self.old, self.folder = task, old, folder
        self.made: dict[int, Made] = {}

    def find(self, names: list[str], blocks: list[int]) -> None:
        """Look for blocks of full length in the parts of these names."""
        if self.old is None:
            return
        ends = min(self.old.layout.total, self.task.layout.total)
        whole = {block for block in blocks if (block + 1) * self.task.size <= ends}
        for name in names:
            found = read_part(self.old, self.folder / name, wanted=whole)
            self.made |= {entry.block: entry for entry in found}

    def block(self, index: int) -> tuple[Arrays, Spent] | None:
        """A block with the fields that the new task keeps; None if it has to be made."""
        if self.old is None or index not in self.made:
            return None
        entry = self.made[index]
        try:
            with h5py.File(self.folder / entry.part, "r") as file:
                arrays = read_block(self.old, file, index, entry.first)
        except (OSError, KeyError):
            return None
        if block_checksum(index, arrays) != entry.checksum:
            return None
        return (arrays, entry.spent) if _with_fields(self.task, index, arrays) else None


def _with_fields(task: ProposalTask, index: int, arrays: Arrays) -> bool:
    """Replace the whole fields of a block by those that the task keeps.

    Returns:
        False if the flow gives another log q than is stored, as on another kind of processor.
    """
    random = generator(task.config.seed, "propose", task.ensemble, task.sampler, index)
    z = task.flow.base.draw(random, -(-task.size // CHUNK) * CHUNK)
    first, count = index * task.size, len(arrays["log_q"])
    kept = np.flatnonzero((first + np.arange(count)) % task.keep == 0)
    fields, log_q = np.empty((len(kept), task.flow.numbers)), np.empty(len(kept))
    for chunk in np.unique(kept // CHUNK):
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        z[part] = task.annealed(index, int(chunk), z[part])[0]
        drawn, density = task.draw(z[part])
        here = kept // CHUNK == chunk
        fields[here], log_q[here] = drawn[kept[here] % CHUNK], density[kept[here] % CHUNK]
    signs = task.signs(index)
    if signs is not None:
        fields *= signs[kept, None]
    if not np.array_equal(log_q, arrays["log_q"][kept]):
        return False
    arrays["fields/index"], arrays["fields/phi"] = first + kept, fields
    arrays["fields/prior"] = z[kept]
    return True
