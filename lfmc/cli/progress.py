"""Progress on a terminal and in logs, and an orderly end on SIGTERM."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NoReturn

import click

LINE_EVERY = 15.0  # seconds between progress lines in a log
REDRAW_EVERY = 0.1  # seconds between pictures of a bar
KNOWN_AFTER = 2.0  # seconds of steady work before a time left is estimated
STOPPED = 128 + signal.SIGTERM  # exit code, as of a process that the signal ended
# Set by launchers of MPI to the number of this process; one of them speaks for all.
RANKS = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID")
STARTED = time.monotonic()


@contextmanager
def termination() -> Iterator[Callable[[], bool]]:
    """Yield a function: whether SIGTERM has come.

    The old handler is restored at the end. After a SIGTERM further ones are ignored instead: the
    process is about to say what it keeps, and Slurm sends the signal twice.
    """
    received: list[int] = []

    def note(number: int, frame: Any) -> None:
        received.append(number)

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield lambda: bool(received)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN if received else before)


def stopped(what: str, kept: str) -> NoReturn:
    """End the process as SIGTERM does; print what was stopped and how to continue."""
    click.echo(
        f"lfmc: {what} stopped on SIGTERM; {kept}, run the same command to continue", err=True
    )
    sys.exit(STOPPED)


def say(text: str) -> None:
    """Print a line on stderr, above the bar if there is one."""
    if "tqdm" not in sys.modules or sys.stderr is None:  # so there is no bar
        click.echo(text, err=True)
        return
    from tqdm import tqdm

    tqdm.write(text, file=sys.stderr)


def on_terminal() -> bool:
    """Whether somebody watches; a process may have no stderr at all."""
    return sys.stderr is not None and sys.stderr.isatty()


def starting(command: str) -> None:
    """The first line on a terminal: libraries take seconds to load, and it shows nothing else."""
    if on_terminal() and first_rank():
        say(f"{command}: starting")


def ended(what: str, path: object, facts: str = "") -> None:
    """The last line of a stage: what was made, its main values, and the seconds it all took."""
    values = f", {facts}" if facts else ""
    say(f"{what}: {path}{values}, {time.monotonic() - STARTED:.1f} s")


def first_rank() -> bool:
    """Whether this process is alone, or the first one of its job."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)


def announce_compilation() -> None:
    """Say so at once when this process has to compile kernels, which later ones will find.

    Called before the modules of kernels are imported: some are compiled by their import.
    """
    from numba.core import event

    class Announcement(event.Listener):
        made = False

        def on_start(self, event: Any) -> None:
            if not self.made and first_rank():
                say("compiling kernels, once for this version of the code: 20 to 30 s")
            self.made = True

        def on_end(self, event: Any) -> None:
            pass

    event.register("numba:compile", Announcement())


class Pace:
    """The time left, from the reports since the second one.

    The first interval does not count: kernels may be compiled in it, and what an earlier process
    had done was not done in it. Nothing is known before `KNOWN_AFTER` seconds of steady work.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.reports = 0
        self.origin = (0.0, 0)

    def left(self, done: int, total: int) -> float | None:
        """Seconds, or None as long as they are not known."""
        now = self.clock()
        self.reports += 1
        if self.reports <= 2:
            self.origin = (now, done)
            return None
        seconds, made = now - self.origin[0], done - self.origin[1]
        if made <= 0 or seconds < KNOWN_AFTER:
            return None
        return seconds * (total - done) / made


@contextmanager
def progress(label: str, unit: str = "updates") -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, a plain line every LINE_EVERY seconds in a log.

    Both with the time left as soon as it is known.
    """
    pace, last = Pace(), [time.monotonic()]
    with _bar(desc=label) as bar:

        def report(done: int, total: int) -> None:
            left = pace.left(done, total)
            more = "" if left is None else f", {left:.0f} s left"
            _show(bar, "{desc}: {n} of {total} " + unit + " |{bar}|{postfix}", done, total, more)
            if bar.disable and time.monotonic() - last[0] >= LINE_EVERY:
                say(f"{label}: {done}/{total} {unit}{more}")
                last[0] = time.monotonic()

        yield report


@contextmanager
def towards(label: str, what: str) -> Iterator[Callable[[float, float, str], None]]:
    """A bar from 0 to a goal on a terminal, a line every LINE_EVERY seconds in a log.

    The remaining time is unknown and not shown.
    """
    shape = "{desc}: " + what + " {n:.3f} of {total:g} |{bar}|{postfix}"
    last = [time.monotonic()]
    with _bar(desc=label) as bar:

        def report(value: float, goal: float, more: str) -> None:
            _show(bar, shape, min(value, goal), goal, f", {more}")
            if bar.disable and time.monotonic() - last[0] >= LINE_EVERY:
                say(f"{label}: {what} {value:.3f} of {goal:g}, {more}")
                last[0] = time.monotonic()

        yield report


def _show(bar: Any, shape: str, done: float, total: float, more: str) -> None:
    if bar.disable:
        return
    first = bar.bar_format != shape
    bar.bar_format, bar.total, bar.n, bar.postfix = shape, total, done, more.removeprefix(", ")
    if first or time.monotonic() - bar.shown >= REDRAW_EVERY:
        bar.refresh()
        bar.shown = time.monotonic()


@contextmanager
def _bar(**options: Any) -> Iterator[Any]:
    """A bar on a terminal and none in a log; log messages appear above it."""
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    # Until the first report there is nothing to draw: its total would be invented.
    bar = tqdm(disable=None, leave=False, total=1, bar_format="{desc}: starting", **options)
    with bar, nullcontext() if bar.disable else logging_redirect_tqdm():
        yield bar
