"""The segments of a run, after what there was of it before, as one chain file."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from lfmc.chains import write_header
from lfmc.clock import CPU, Spent
from lfmc.config import stage_settings
from lfmc.samplers.earlier import Earlier, records, trail_path
from lfmc.samplers.plan import Plan
from lfmc.samplers.segments import required_segment
from lfmc.samplers.state import State
from lfmc.samplers.task import ChainTask
from lfmc.samplers.trail import Arrays, Walk, accepted, ended, joined, write_trail
from lfmc.seal import file_digest
from lfmc.store import create_hdf5


def merge(
    task: ChainTask,
    output: Path,
    work: Path,
    before: Earlier | None,
    pause: Callable[[], None],
) -> None:
    """Write the chain file, one segment in memory at a time, and then its trail.

    Args:
        before: the first part of the run, if it is not in segments.
        pause: called while fields of that part are sampled again; may raise to leave it all.
    """
    division = task.plan._replace(begin=0)
    replica, when = division.kept_fields()
    spent = Spent(*before.seconds[:2]) if before else Spent(0.0, 0.0)
    if before:
        spent = Spent(spent.sampling * before.share, spent.measure * before.share)
    totals = dict.fromkeys(("accepted", "setup", "diverged"), 0.0)
    trails: list[Arrays] = [before.trail] if before else []
    state: State | None = None
    first: list[Arrays] = []
    if before:
        old = when < before.saved
        walk = Walk(task.theory, task.method, before.trail, pause)
        first = [{"fields/phi": walk.fields(replica[old], when[old])}]
        if not task.plan.segments:
            state = walk.state(before.saved, division.replicas)

    def pieces() -> Iterator[Any]:
        if before:
            yield from first
            yield from records(before, division)
        for index in range(task.plan.segments):
            yield required_segment(work, index, task.key)

    with create_hdf5(output, task.stamp) as file:
        at: dict[str, int] = {}
        for piece in pieces():
            arrays = piece if isinstance(piece, dict) else piece.records
            for name, array in arrays.items():
                start = at.get(name, 0)
                stop = start + array.shape[time_axis(name)]
                if name not in file:
                    _create(file, name, array, division)
                if time_axis(name):
                    file[name][:, start:stop] = array
                else:
                    file[name][start:stop] = array
                at[name] = stop
            if "extra/dH" in arrays:
                totals["diverged"] += int((~np.isfinite(arrays["extra/dH"])).sum())
            if not isinstance(piece, dict):
                spent += piece.spent
                totals["setup"] += piece.setup
                totals["accepted"] += piece.accepted
                trails.append(dict(piece.trail))
                state = piece.state
        trail = joined(trails)
        if before:
            proposals = task.method.proposals(task.theory.numbers)
            totals["accepted"] = accepted(division, trail["counts"], proposals)
        file["fields/replica"] = replica
        file["fields/update"] = (when + 1) * division.save_every - 1
        write_header(
            file,
            task.config.ensemble(task.ensemble).model_dump(mode="json"),
            task.name,
            save_every=division.save_every,
            acceptance=totals["accepted"] / (division.updates * division.replicas),
            forces_per_update=task.method.forces_per_update,
            seconds=spent.sampling,
            settings=stage_settings(task.config, task.name, task.ensemble),
        )
        file.attrs["parameters"] = json.dumps(task.method.known())
        file.attrs["thermalisation"] = task.method.thermalisation
        file.attrs["clock"], file.attrs["seconds_measure"] = CPU, spent.measure
        setup = before.seconds[2] if before else task.tuning_seconds + totals["setup"]
        file.attrs["seconds_setup"] = setup
        file.attrs["diverged"] = int(totals["diverged"])
        file.attrs["segments"] = division.segments
        file.attrs["cpu_count"] = os.cpu_count() or 1
    assert state is not None  # of the last segment, or of the walk
    whole = ended(trail, division.saved, state)
    write_trail(trail_path(work), task.stamp, whole, file_digest(output))


def time_axis(name: str) -> int:
    """The axis of a data set that is time."""
    return 0 if name.startswith("fields/") else 1


def _create(file: h5py.File, name: str, first: NDArray, division: Plan) -> None:
    """A data set whose chunks are segments."""
    shape = list(first.shape)
    if name.startswith("fields/"):
        # They arrive in pieces of unequal length; they are small enough for one piece.
        file.create_dataset(name, (division.kept, *shape[1:]), first.dtype)
        return
    every = 1 if name.startswith("saved/") else division.save_every
    shape[1] = division.saved * every
    chunks = (shape[0], division.segment * every, *shape[2:])
    file.create_dataset(name, tuple(shape), first.dtype, chunks=chunks)
