"""The proposals of one ensemble and model, by any number of ranks: find, share, make, join.

Nothing waits for a master: every rank checks its share of the parts that earlier runs left and
fills one part of its own. At the end the parts stay where they are, and one small file of virtual
data sets shows them as a whole: joining costs the same for any number of proposals.
"""

import json
from collections.abc import Callable
from pathlib import Path

from lfmc.clock import CPU
from lfmc.config import stage_settings
from lfmc.mpi.ranks import Ranks
from lfmc.proposals.generate import Job, timed_block
from lfmc.proposals.join import discard_others, join
from lfmc.proposals.parts import (
    Made,
    Part,
    next_start,
    part_names,
    read_part,
    reserved_part,
)
from lfmc.provenance import file_hash, stamp
from lfmc.seal import file_digest
from lfmc.store import small_hdf5

Report = Callable[[int, int], None]
Stop = Callable[[], bool]


def propose(task: Job, output: Path, mpi: Ranks, report: Report, stop: Stop) -> bool:
    """Make what is missing and publish `output`; False if `stop` asked before the end.

    Args:
        output: propose/ENSEMBLE/SAMPLER.h5; its parts lie beside it, in the folder SAMPLER.
        report: called with (blocks done, blocks in all) of this rank.

    Raises:
        LfmcError: a disk that is full, a proposal that is not finite.
    """
    folder = output.with_suffix("")
    names: list[str] = mpi.broadcast(part_names(folder) if mpi.rank == 0 else [])
    mark = _stamp(task)
    kept: list[Made] = []
    for name in names[mpi.rank :: mpi.size]:
        if stop():
            break
        kept += read_part(task, folder / name, stop)
    have = set(mpi.union([entry.block for entry in kept]))
    missing = [block for block in range(task.blocks) if block not in have]
    # Neighbours, so that a rank fills one range of one file.
    mine = [missing[place] for place in mpi.share(len(missing))]
    made: list[Made] = []
    if mine and not stop():
        path = reserved_part(folder, next_start(names), mpi.rank)
        made = fill(task, path, mine, mark, report, stop)
    if not mpi.all_agree(len(made) == len(mine)):  # asked to stop while it waits, a rank waits on
        return False
    everything = mpi.gather(kept + made)
    here = sorted({entry.part for entry in kept + made})
    digests = mpi.gather([(name, file_digest(folder / name)) for name in here])
    if mpi.rank == 0:
        publish(task, output, everything, mark, dict(digests))
    return True


def fill(
    task: Job, path: Path, blocks: list[int], mark: str, report: Report, stop: Stop
) -> list[Made]:
    """Make the given blocks in one part; fewer come back if `stop` asked before the end."""
    made: list[Made] = []
    if not blocks or stop():
        return made
    with Part(task, path, range(blocks[0], blocks[-1] + 1), mark) as part:
        for block in blocks:
            report(len(made), len(blocks))
            if stop():
                break
            made.append(part.write(block, *timed_block(task, block)))
    return made


def publish(task: Job, output: Path, made: list[Made], mark: str, digests: dict[str, str]) -> None:
    """The file that everything after it reads, and no part that it does not need.

    Args:
        digests: name of a part -> sha256 of the file; those used are noted in the provenance.
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
        file.attrs["device"] = task.device.type
        file.attrs["seconds"], file.attrs["seconds_measure"] = spent
        file.attrs["clock"] = CPU
        file.attrs["settings"] = json.dumps(_settings(task))
    discard_others(folder, used)


def _settings(task: Job) -> dict[str, object]:
    return stage_settings(task.config, "propose", task.ensemble, task.sampler)


def _stamp(task: Job) -> str:
    return stamp(_settings(task), (task.model,))
