"""The run that HMC, local Metropolis and cluster share: sample in segments, then merge.

The bits of the result depend on the settings, the tuned parameters and, if they are given, the
fields where chains start: not on interruptions, nor on how chains are grouped into blocks, nor on
the lengths that the chain had before.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lfmc.clock import Spent, cpu_seconds
from lfmc.config import settings_hash
from lfmc.samplers.earlier import earlier
from lfmc.samplers.merge import merge, time_axis
from lfmc.samplers.segments import Segment, finished_segments, write_segment
from lfmc.samplers.state import State, cold_start, require_finite, started_from
from lfmc.samplers.task import ChainTask
from lfmc.samplers.thermalise import thermalise
from lfmc.samplers.trail import Recorder, Walk, accepted_counts
from lfmc.store import discard_progress

log = logging.getLogger(__name__)

Report = Callable[[int, int], None]


class Interrupted(Exception):
    """The run was stopped; finished segments are on disk and a rerun continues."""


def run(
    task: ChainTask,
    output: Path,
    work: Path,
    report: Report = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Sample what is missing, merge, remove the working folder.

    A chain of another length in `output` is continued or cut; it stays until the new one is whole.

    Args:
        report: called with (updates done, updates in all) of each chain.
        stop: called several times per second; if true, the unfinished segment is abandoned.

    Raises:
        Interrupted: `stop` was true.
        LfmcError: failed thermalisation, a field that is not finite, a disk that is full.
    """
    before = earlier(output, work, task.settings(), task.plan)
    if before:
        task = _after(task, before.saved)
    done, state = finished_segments(work, task.key, task.plan.segments)
    setup = 0.0
    if state is None and before:
        walk = Walk(task.theory, task.method, before.trail)
        state = walk.state(before.saved, task.plan.replicas) if task.plan.segments else None
        had = f"{before.saved} of {task.plan.saved} saved configurations of each chain"
        log.warning("%s %s: %s are taken from %s", task.name, task.ensemble, had, output)
    elif state is None:
        streams = (task.config.seed, range(task.plan.replicas), task.name, task.ensemble)
        start = cold_start(task.theory, *streams)
        task.method.advance(start, task.theory, 1, 1)  # compiles: not a cost of the sampler
        if task.start is not None:
            start = started_from(start, task.start.fields)
        began = cpu_seconds()
        state = thermalise(start, task.theory, task.method, lambda: _leave_if(stop))
        setup = cpu_seconds() - began
    else:
        total = task.plan.segments
        log.warning("%s %s continues after segment %d of %d", task.name, task.ensemble, done, total)
    for index in range(done, task.plan.segments):
        assert state is not None
        segment = sample_segment(task, index, state, report, stop, recorder(task))
        segment, setup = segment._replace(setup=setup), 0.0
        write_segment(work, index, task.key, task.stamp, segment)
        state = segment.state
    merge(task, output, work, before, lambda: _leave_if(stop))
    discard_progress(work)


def recorder(task: ChainTask) -> Recorder:
    """An empty record of what a continuation of the chain needs."""
    proposals = task.method.proposals(task.theory.numbers)
    return Recorder(task.plan, task.config.statistics.configurations, proposals)


def _after(task: ChainTask, saved: int) -> ChainTask:
    """The task without its first `saved` configurations."""
    key = settings_hash({"whole": task.key, "begin": saved})
    return task._replace(plan=task.plan._replace(begin=saved), key=key)


def _leave_if(stop: Callable[[], bool]) -> None:
    if stop():
        raise Interrupted


def sample_segment(
    task: ChainTask,
    index: int,
    state: State,
    report: Report,
    stop: Callable[[], bool],
    trail: Recorder | None = None,
) -> Segment:
    """The records of one segment, starting from `state`; `trail` notes them too."""
    first, last = task.plan.bounds(index)
    every, spent, accepted = task.plan.save_every, Spent(0.0, 0.0), 0.0
    proposals = task.method.proposals(task.theory.numbers)
    pieces: list[dict[str, NDArray]] = []
    for begin in range(first, last, task.plan.chunk):
        _leave_if(stop)
        report(begin * every, task.plan.updates)
        end = min(begin + task.plan.chunk, last)
        before, began = state, cpu_seconds()
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
        records["extra/accepted"] = accepted_counts(info, proposals)
        accepted += float(info.accepted.sum())
        replica, when = task.plan.kept_fields()
        kept = (when >= begin) & (when < end)
        records["fields/phi"] = info.saved[replica[kept], when[kept] - begin]
        pieces.append(records)
        spent += Spent(sampled - began, cpu_seconds() - sampled)
        if trail is not None:
            trail.note(begin, end, before, info)
    joined = {k: np.concatenate([p[k] for p in pieces], axis=time_axis(k)) for k in pieces[0]}
    noted = trail.arrays() if trail is not None else {}
    return Segment(joined, state, spent, accepted, trail=noted)
