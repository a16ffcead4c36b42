"""Several figures at a time: a worker process draws one after the other."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import TypeVar

from lfmc.config import read_config
from lfmc.errors import LfmcError
from lfmc.figures.drawable import NotDrawable
from lfmc.figures.output import placeholder, plot
from lfmc.figures.rundata import RunData

Found = TypeVar("Found")


def drawn(config: Path, results: Path, every: bool, name: str) -> tuple[list[Path], str]:
    """Draw a figure; return its files, and why they only say that it could not be drawn.

    Args:
        config: the file of the configuration, whose sections cannot all be pickled.
        every: whether a figure that cannot be drawn gets files that say so.

    Raises:
        LfmcError: an input that is missing or damaged.
        NotDrawable: sound inputs that make no figure, unless `every`.
    """
    data = RunData(read_config(config), results)
    try:
        return plot(name, data), ""
    except NotDrawable as error:
        if not every:
            raise
        reason = str(error)
    except LfmcError as error:
        raise LfmcError(str(error)) from None  # some of its kinds cannot be sent to the parent
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
    pool = ProcessPoolExecutor(jobs, context, _begin, (os.getpid(),))
    try:
        yield from pool.map(work, names)
    except BrokenProcessPool:
        raise LfmcError(
            "a process that draws figures was killed, perhaps for lack of memory; run again with "
            "--jobs 1"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(parent: int) -> None:
    """Leave signals to the whole group to the parent, and end when it has ended in any way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
