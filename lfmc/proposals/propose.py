"""The proposals of one ensemble and model on any number of ranks.

Every rank checks its share of the parts of earlier runs and then writes one part with its share of
the missing blocks. There is no master process. At the end the parts stay where they are, and one
small file of virtual data sets joins them, at a cost that does not depend on the number of
proposals.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lfmc.clock import CPU
from lfmc.config import stage_settings
from lfmc.mpi.ranks import Ranks
from lfmc.proposals.generate import ProposalTask, timed_block
from lfmc.proposals.join import discard_others, join
from lfmc.proposals.parts import (
    Made,
    Part,
    next_start,
    part_names,
    read_part,
    reserved_part,
)
from lfmc.proposals.reuse import Reuse, earlier_task
from lfmc.provenance import file_hash, stamp
from lfmc.seal import file_digest
from lfmc.store import small_hdf5

Report = Callable[[int, int], None]
Stop = Callable[[], bool]


def propose(task: ProposalTask, output: Path, mpi: Ranks, report: Report, stop: Stop) -> bool:
    """Make the missing blocks and publish `output`; return False if `stop` ended it early.

    Args:
        output: propose/ENSEMBLE/SAMPLER.h5; its parts lie beside it, in the folder SAMPLER.
        report: called with (blocks done, blocks in all) of this rank.

    Raises:
        LfmcError: a disk that is full, a proposal that is not finite.
    """
    folder = output.with_suffix("")
    names: list[str] = mpi.broadcast(part_names(folder) if mpi.rank == 0 else [])
    old = mpi.broadcast(_lengths(earlier_task(task, output)) if mpi.rank == 0 else None)
    mark = _stamp(task)
    kept: list[Made] = []
    for name in names[mpi.rank :: mpi.size]:
        if stop():
            break
        kept += read_part(task, folder / name, stop)
    have = set(mpi.union([entry.block for entry in kept]))
    missing = [block for block in range(task.blocks) if block not in have]
    # Contiguous blocks, so that a rank writes one range of one file.
    mine = [missing[place] for place in mpi.share(len(missing))]
    made: list[Made] = []
    if mine and not stop():
        reuse = Reuse(task, old and task._replace(**old), folder)
        reuse.find(names, mine)
        path = reserved_part(folder, next_start(names), mpi.rank)
        made = fill(task, path, mine, mark, report, stop, reuse)
    if not mpi.all_agree(len(made) == len(mine)):  # a rank that waits here ignores `stop`
        return False
    everything = mpi.gather(kept + made)
    here = sorted({entry.part for entry in kept + made})
    digests = mpi.gather([(name, file_digest(folder / name)) for name in here])
    if mpi.rank == 0:
        publish(task, output, everything, mark, dict(digests))
    return True


def fill(
    task: ProposalTask,
    path: Path,
    blocks: list[int],
    mark: str,
    report: Report,
    stop: Stop,
    reuse: Reuse | None = None,
) -> list[Made]:
    """Make the given blocks in one part, or take them from `reuse`.

    Returns:
        Those made before `stop` was true.
    """
    made: list[Made] = []
    if not blocks or stop():
        return made
    with Part(task, path, range(blocks[0], blocks[-1] + 1), mark) as part:
        for block in blocks:
            report(len(made), len(blocks))
            if stop():
                break
            found = reuse.block(block) if reuse is not None else None
            made.append(part.write(block, *(found or timed_block(task, block))))
    return made


def publish(
    task: ProposalTask, output: Path, made: list[Made], mark: str, digests: dict[str, str]
) -> None:
    """Write the joined file, which all later stages read, and remove unused parts.

    Args:
        digests: name of a part -> sha256 of the file; the provenance lists those of used parts.
    """
    folder = output.with_suffix("")
    with small_hdf5(output, mark) as file:
        spent, used = join(task, file, folder.name, made)
        noted = {f"{folder.name}/{name}": digests[name] for name in sorted(used & digests.keys())}
        file.attrs["provenance"] = json.dumps(json.loads(mark) | {"parts": noted}, sort_keys=True)
        file.attrs["kind"] = "proposals"
        file.attrs["ensemble"] = task.config.ensemble(task.ensemble).model_dump_json()
        file.attrs["sampler"] = task.sampler
        file.attrs["model_sha256"] = file_hash(task.model)
        file.attrs["block"] = task.size
        if task.annealing is not None:
            file.attrs["fractions"] = task.annealing.fractions
            file.attrs["seconds_setup"] = task.annealing.seconds
        file.attrs["device"] = task.device.type
        file.attrs["seconds"], file.attrs["seconds_measure"] = spent
        file.attrs["clock"] = CPU
        file.attrs["settings"] = json.dumps(_settings(task))
    discard_others(folder, used)


def _lengths(old: ProposalTask | None) -> dict[str, Any] | None:
    """What distinguishes an earlier task, for all ranks."""
    return old and {"key": old.key, "keep": old.keep, "total": old.total}


def _settings(task: ProposalTask) -> dict[str, object]:
    return stage_settings(task.config, "propose", task.ensemble, task.sampler)


def _stamp(task: ProposalTask) -> str:
    return stamp(_settings(task), (task.model,))
