"""Proposals in fixed-size blocks, each from its own stream, by any number of ranks.

A block is a pure function of (seed, ensemble, sampler, model file, block index): bit-identical for
every number of ranks and for interrupted and resumed runs. Ranks take the missing blocks in turn,
without a master; a finished block is renamed into place; a missing or damaged one is made again.

Layout of propose/ENSEMBLE/SAMPLER.h5, N proposals, K orbits of separations, F kept fields:
    /log_q, /S           float64 (N,)   exact density of the map, and action
    /scalars/{m,phi2,phi4,E}  float32 (N,)   observables.Scalars
    /two_point           float32 (N, K)  orbit-averaged G(x) of each proposal
    /fields/phi          float64 (F, V)  whole fields of proposals /fields/index (F,)
    /fields/prior        float64 (F, V)  the base normals they were made of
    attributes: kind="proposals", ensemble (JSON), sampler, model_sha256, block, seconds, provenance
"""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from lfmc.action import action_of
from lfmc.config import Config, settings_hash, stage_settings
from lfmc.errors import LfmcError
from lfmc.flows.base import Flow
from lfmc.flows.build import load_flow
from lfmc.observables import scalars, two_point
from lfmc.provenance import file_hash, stamp
from lfmc.store import checksum, create_hdf5, read_arrays, small_hdf5
from lfmc.streams import generator

log = logging.getLogger(__name__)

# The batch of one pass through the network. Matrix products round differently for different
# batches, so it is a constant, and the last pass of a block is as large as the others.
CHUNK = 256

Arrays = dict[str, NDArray]


class Job(NamedTuple):
    """One ensemble's proposals by one model.

    Attributes:
        key: hash of everything that the bits depend on.
        keep: every `keep`-th proposal leaves its whole field.
    """

    config: Config
    ensemble: str
    sampler: str
    flow: Flow
    model: Path
    key: str
    keep: int

    @property
    def size(self) -> int:
        return self.config.propose.block

    @property
    def blocks(self) -> int:
        return -(-self.config.proposals // self.size)


def job(config: Config, ensemble: str, sampler: str, model: Path) -> Job:
    """Load the model and fix what is to be done."""
    torch.set_num_threads(1)
    flow = load_flow(model, config.ensemble(ensemble))
    settings = stage_settings(config, "propose", ensemble, sampler)
    key = settings_hash({**settings, "model": file_hash(model), "chunk": CHUNK})
    keep = max(1, config.proposals // config.statistics.keep_fields)
    return Job(config, ensemble, sampler, flow, model, key, keep)


def make_block(task: Job, index: int) -> Arrays:
    """All data sets of one block.

    Raises:
        LfmcError: a proposal whose log q or S is not finite.
    """
    config = task.config
    random = generator(config.seed, "propose", task.ensemble, task.sampler, index)
    padded = -(-task.size // CHUNK) * CHUNK
    z = random.standard_normal((padded, task.flow.sites))
    fields, log_q = np.empty_like(z), np.empty(padded)
    with torch.no_grad():
        for begin in range(0, padded, CHUNK):
            part = slice(begin, begin + CHUNK)
            draw = task.flow(torch.from_numpy(z[part]))
            fields[part], log_q[part] = draw.phi.numpy(), draw.log_q.numpy()
    first = index * task.size
    count = min(task.size, config.proposals - first)
    fields, log_q, z = fields[:count], log_q[:count], z[:count]
    action = action_of(config.ensemble(task.ensemble))
    s = action.evaluate(fields)
    bad = np.flatnonzero(~(np.isfinite(log_q) & np.isfinite(s)))
    if len(bad):
        raise LfmcError(
            f"proposal {first + bad[0]} of {task.ensemble} {task.sampler}: log q = "
            f"{log_q[bad[0]]}, S = {s[bad[0]]}; the model is broken, train again"
        )
    kept = np.flatnonzero((first + np.arange(count)) % task.keep == 0)
    arrays: Arrays = {"log_q": log_q, "S": s}
    for name, values in scalars(fields, action.shape)._asdict().items():
        arrays[f"scalars/{name}"] = values.astype(np.float32)
    arrays["two_point"] = two_point(fields, action.shape).astype(np.float32)
    arrays["fields/index"] = first + kept
    arrays["fields/phi"] = fields[kept]
    arrays["fields/prior"] = z[kept]
    return arrays


def block_path(work: Path, index: int) -> Path:
    """Name of a block; the first is block-000000.h5."""
    return work / f"block-{index:06d}.h5"


def write_block(task: Job, work: Path, index: int) -> None:
    """Make one block and rename it into place."""
    began = perf_counter()
    arrays = make_block(task, index)
    seconds = perf_counter() - began
    with small_hdf5(block_path(work, index), "") as file:
        for name, values in arrays.items():
            file[name] = values
        file.attrs["key"] = task.key
        file.attrs["seconds"] = seconds
        file.attrs["checksum"] = checksum(task.key, arrays)


def read_block(task: Job, work: Path, index: int) -> tuple[Arrays, float] | None:
    """Data sets and seconds of a finished block; None if missing, damaged or of another job."""
    path = block_path(work, index)
    if not path.exists():
        return None
    try:
        with h5py.File(path, "r") as file:
            if file.attrs["key"] != task.key:
                return None
            arrays = read_arrays(file)
            seconds = float(file.attrs["seconds"])
            good = file.attrs["checksum"] == checksum(task.key, arrays)
    except (OSError, KeyError, RuntimeError):
        good = False
    if not good:
        log.warning("%s is damaged; it is made again", path)
        return None
    return arrays, seconds


def missing_blocks(task: Job, work: Path, rank: int = 0, ranks: int = 1) -> list[int]:
    """Blocks of every `ranks`-th that are not there, whole and of this job.

    All ranks check, for it means reading every byte that an interrupted run left.
    """
    mine = range(rank, task.blocks, ranks)
    return [i for i in mine if read_block(task, work, i) is None]


def fill(
    task: Job,
    work: Path,
    missing: list[int],
    rank: int,
    ranks: int,
    report: Callable[[int, int], None],
    stop: Callable[[], bool],
) -> bool:
    """Make this rank's share of the missing blocks; False if `stop` asked before the end."""
    share = missing[rank::ranks]
    for done, index in enumerate(share):
        report(done, len(share))
        if stop():
            return False
        write_block(task, work, index)
    return True


def merge(task: Job, work: Path, output: Path) -> None:
    """All blocks as one file, one block in memory at a time."""
    ensemble = task.config.ensemble(task.ensemble)
    settings = stage_settings(task.config, "propose", task.ensemble, task.sampler)
    total = 0.0
    with create_hdf5(output, stamp(settings, (task.model,))) as file:
        for index in range(task.blocks):
            block = read_block(task, work, index)
            if block is None:
                raise LfmcError(f"{block_path(work, index)}: vanished; run propose again")
            arrays, seconds = block
            total += seconds
            for name, values in arrays.items():
                _append(file, name, values)
        file.attrs["kind"] = "proposals"
        file.attrs["ensemble"] = ensemble.model_dump_json()
        file.attrs["sampler"] = task.sampler
        file.attrs["model_sha256"] = file_hash(task.model)
        file.attrs["block"] = task.size
        file.attrs["seconds"] = total
        file.attrs["settings"] = json.dumps(settings)


def _append(file: h5py.File, name: str, values: NDArray) -> None:
    if name not in file:
        shape = values.shape[1:]
        chunk = max(1, min(4096, 2**20 // max(values[:1].nbytes, 1)))
        file.create_dataset(
            name, (0, *shape), values.dtype, maxshape=(None, *shape), chunks=(chunk, *shape)
        )
    data = file[name]
    data.resize(len(data) + len(values), axis=0)
    data[len(data) - len(values) :] = values
