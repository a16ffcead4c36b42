"""The run that HMC, local Metropolis and cluster share: sample in segments, then merge.

The bits of the result depend on the settings and the tuned parameters only: not on interruptions,
nor on how chains are grouped into blocks.
"""

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from lfmc.chains import write_header
from lfmc.clock import CPU, Spent, cpu_seconds
from lfmc.config import Config, settings_hash, stage_settings
from lfmc.config.problems import shortened
from lfmc.errors import LfmcError, unknown
from lfmc.provenance import stamp
from lfmc.samplers.method import Method, method
from lfmc.samplers.plan import Plan, plan
from lfmc.samplers.segments import (
    Segment,
    finished_segments,
    required_segment,
    write_segment,
)
from lfmc.samplers.state import State, cold_start, require_finite
from lfmc.samplers.thermalise import thermalise
from lfmc.store import create_hdf5, discard_progress, read_json
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import theory_of

log = logging.getLogger(__name__)

Report = Callable[[int, int], None]
# What runs read of a tuning.
TUNED = (("hmc", "trajectory_length"), ("local", "delta"), ("cluster", "delta"))


class Interrupted(Exception):
    """The run was stopped; finished segments are on disk and a rerun continues."""


class ChainTask(NamedTuple):
    """The chain of one sampler for one ensemble: its parameters, division and key."""

    config: Config
    ensemble: str
    theory: Theory
    method: Method
    plan: Plan
    key: str
    stamp: str
    tuning_seconds: float = 0.0

    @property
    def name(self) -> str:
        return self.method.name


def read_tuning(path: Path, config: Config, ensemble: str) -> dict[str, Any]:
    """The tuned parameters of an ensemble.

    Raises:
        LfmcError: no such file, or one of other settings.
    """
    again = f"run 'lfmc tune --ensemble {ensemble}'"
    if not path.exists():
        raise LfmcError(f"{path}: not there; {again} first")
    tuned = read_json(path)
    wanted = settings_hash(stage_settings(config, "tune", ensemble))
    if tuned.get("settings_hash") != wanted:
        raise LfmcError(f"{path}: tuned for other settings than the configuration's; {again}")
    exist = theory_of(config.ensemble(ensemble)).samplers
    for name, key in ((name, key) for name, key in TUNED if name in exist):
        part = tuned.get(name)
        value = part.get(key) if isinstance(part, dict) else None
        if type(value) not in (int, float) or not 0 < float(value or 0) < np.inf:
            shown = shortened(repr(value))
            raise LfmcError(f"{path}: {name}.{key} is {shown}, not a positive number; {again}")
    return tuned


def chain_task(config: Config, name: str, ensemble: str, tuning: Path) -> ChainTask:
    """Everything that determines a run, before any work is done.

    Raises:
        LfmcError: a sampler that does not run for this ensemble; what `read_tuning` raises.
    """
    if name not in config.classical(ensemble):
        raise unknown(f"sampler of {ensemble}", name, config.samplers_of(ensemble))
    tuned = read_tuning(tuning, config, ensemble)
    chosen, theory = method(config, name, tuned), theory_of(config.ensemble(ensemble))
    statistics = config.statistics
    division = plan(
        name,
        statistics.configurations,
        statistics.replicas,
        chosen.save_every,
        statistics.keep_fields,
        theory.numbers,
        chosen.forces_per_update,
    )
    settings = stage_settings(config, name, ensemble)
    settings["parameters"] = chosen.known() | {"opening_delta": chosen.delta}
    key = settings_hash({**settings, "plan": division._asdict()})
    seconds = float(tuned[name].get("seconds", 0.0))
    mark = stamp(settings, (tuning,))
    return ChainTask(config, ensemble, theory, chosen, division, key, mark, seconds)


def run(
    task: ChainTask,
    output: Path,
    work: Path,
    report: Report = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Sample what is missing, merge, remove the working folder.

    Args:
        report: called with (updates done, updates in all) of each chain.
        stop: called several times per second; if true, the unfinished segment is abandoned.

    Raises:
        Interrupted: `stop` was true.
        LfmcError: failed thermalisation, a field that is not finite, a disk that is full.
    """
    done, state = finished_segments(work, task.key, task.plan.segments)
    setup = 0.0
    if state is None:
        streams = (task.config.seed, range(task.plan.replicas), task.name, task.ensemble)
        start = cold_start(task.theory.shape, *streams)
        task.method.advance(start, task.theory, 1, 1)  # compiles: not a cost of the sampler
        began = cpu_seconds()
        state = thermalise(start, task.theory, task.method, lambda: _leave_if(stop))
        setup = cpu_seconds() - began
    else:
        total = task.plan.segments
        log.warning("%s %s continues after segment %d of %d", task.name, task.ensemble, done, total)
    for index in range(done, task.plan.segments):
        segment = sample_segment(task, index, state, report, stop)
        segment, setup = segment._replace(setup=setup), 0.0
        write_segment(work, index, task.key, task.stamp, segment)
        state = segment.state
    merge(task, output, work)
    discard_progress(work)


def _leave_if(stop: Callable[[], bool]) -> None:
    if stop():
        raise Interrupted


def sample_segment(
    task: ChainTask, index: int, state: State, report: Report, stop: Callable[[], bool]
) -> Segment:
    """The records of one segment, starting from `state`."""
    first, last = task.plan.bounds(index)
    every, spent, accepted = task.plan.save_every, Spent(0.0, 0.0), 0.0
    pieces: list[dict[str, NDArray]] = []
    for begin in range(first, last, task.plan.chunk):
        _leave_if(stop)
        report(begin * every, task.plan.updates)
        end = min(begin + task.plan.chunk, last)
        began = cpu_seconds()
        state, info = task.method.advance(state, task.theory, (end - begin) * every, every)
        sampled = cpu_seconds()
        require_finite(state, f"{task.name} {task.ensemble}")
        correlator = task.theory.correlators(info.saved.reshape(-1, info.saved.shape[2]))
        records: dict[str, NDArray] = {
            f"scalars/{k}": v.astype(np.float32) for k, v in info.scalars.items()
        }
        records["saved/two_point"] = correlator.reshape(*info.saved.shape[:2], -1).astype(
            np.float32
        )
        with np.errstate(over="ignore"):  # a dH beyond 3e38 is infinite in float32
            records |= {f"extra/{k}": v.astype(np.float32) for k, v in info.extra.items()}
        if task.name == "hmc":
            records["extra/accepted"] = info.accepted.astype(np.uint8)
        accepted += float(info.accepted.sum())
        replica, when = task.plan.kept_fields()
        kept = (when >= begin) & (when < end)
        records["fields/phi"] = info.saved[replica[kept], when[kept] - begin]
        pieces.append(records)
        spent += Spent(sampled - began, cpu_seconds() - sampled)
    joined = {k: np.concatenate([p[k] for p in pieces], axis=_time_axis(k)) for k in pieces[0]}
    return Segment(joined, state, spent, accepted)


def merge(task: ChainTask, output: Path, work: Path) -> None:
    """All segments as one chain file, one segment in memory at a time."""
    division = task.plan
    replica, when = division.kept_fields()
    spent = Spent(0.0, 0.0)
    totals = dict.fromkeys(("accepted", "setup", "diverged"), 0.0)
    with create_hdf5(output, task.stamp) as file:
        at: dict[str, int] = {}
        for index in range(division.segments):
            segment = required_segment(work, index, task.key)
            for name, array in segment.records.items():
                begin = at.get(name, 0)
                end = begin + array.shape[_time_axis(name)]
                if index == 0:
                    _create(file, name, array, _length(division, name))
                if _time_axis(name):
                    file[name][:, begin:end] = array
                else:
                    file[name][begin:end] = array
                at[name] = end
            spent += segment.spent
            totals["setup"] += segment.setup
            totals["accepted"] += segment.accepted
            if "extra/dH" in segment.records:
                lost = ~np.isfinite(segment.records["extra/dH"])
                totals["diverged"] += int(lost.sum())
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
        file.attrs["seconds_setup"] = task.tuning_seconds + totals["setup"]
        file.attrs["diverged"] = int(totals["diverged"])
        file.attrs["segments"] = division.segments
        file.attrs["cpu_count"] = os.cpu_count() or 1


def _time_axis(name: str) -> int:
    return 0 if name.startswith("fields/") else 1


def _length(division: Plan, name: str) -> int:
    if name.startswith("fields/"):
        return division.kept
    return division.saved if name.startswith("saved/") else division.updates


def _create(file: h5py.File, name: str, first: NDArray, length: int) -> None:
    """A data set whose chunks are the pieces that segments write."""
    axis = _time_axis(name)
    shape = list(first.shape)
    shape[axis] = length
    # fields arrive in pieces of unequal length; they are small enough for one piece
    chunks = None if axis == 0 else tuple(first.shape)
    file.create_dataset(name, tuple(shape), first.dtype, chunks=chunks)
