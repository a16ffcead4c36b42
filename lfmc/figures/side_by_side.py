"""Several figures at a time: a worker process draws one after the other."""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from lfmc.config import Config
from lfmc.errors import LfmcError
from lfmc.figures.drawable import NotDrawable
from lfmc.figures.output import placeholder, plot
from lfmc.figures.rundata import RunData

Found = TypeVar("Found")


def drawn(config: Config, results: Path, every: bool, name: str) -> tuple[list[Path], str]:
    """Draw a figure; return its files, and why they only say that it could not be drawn.

    Args:
        every: whether a figure that cannot be drawn gets files that say so.

    Raises:
        LfmcError: an input that is missing or damaged.
        NotDrawable: sound inputs that make no figure, unless `every`.
    """
    data = RunData(config, results)
    try:
        return plot(name, data), ""
    except NotDrawable as error:
        if not every:
            raise
        reason = str(error)
    return placeholder(name, data, reason.removeprefix(f"{name}: ")), reason


def in_processes(work: Callable[[str], Found], names: Sequence[str], jobs: int) -> Iterator[Found]:
    """Yield work(name) of every name, in order; `jobs` of them are at work at a time.

    Args:
        work: a function that can be pickled; what it raises is raised here.

    Raises:
        LfmcError: a worker died, by a signal or for lack of memory.
    """
    jobs = min(jobs, len(names))
    if jobs <= 1:
        yield from map(work, names)
        return
    # A forked worker has everything imported; elsewhere libraries do not bear a fork.
    context = get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_quiet)
    try:
        yield from pool.map(work, names)
    except BrokenProcessPool:
        raise LfmcError(
            "a process that draws figures was killed, perhaps for lack of memory; run again with "
            "--jobs 1"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _quiet() -> None:
    """Signals to the whole group are answered by the process that waits for the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
