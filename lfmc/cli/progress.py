"""Progress on a terminal and in logs, and an orderly end on SIGTERM."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NoReturn

import click

LINE_EVERY = 15.0  # seconds between progress lines in a log
STOPPED = 128 + signal.SIGTERM  # exit code, as of a process that the signal ended


@contextmanager
def termination() -> Iterator[Callable[[], bool]]:
    """Yield a function: whether SIGTERM has come. The old handler is restored at the end."""
    received: list[int] = []

    def note(number: int, frame: Any) -> None:
        received.append(number)

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield lambda: bool(received)
    finally:
        signal.signal(signal.SIGTERM, before)


def stopped(what: str, kept: str) -> NoReturn:
    """End the process as SIGTERM does; print what was stopped and how to continue."""
    click.echo(
        f"lfmc: {what} stopped on SIGTERM; {kept}, run the same command to continue", err=True
    )
    sys.exit(STOPPED)


def say(text: str) -> None:
    """Print a line on stderr, above the bar if there is one."""
    from tqdm import tqdm

    tqdm.write(text, file=sys.stderr)


@contextmanager
def progress(label: str, unit: str = "updates") -> Iterator[Callable[[int, int], None]]:
    """A bar with ETA on a terminal, a plain line every LINE_EVERY seconds in a log."""
    started = time.monotonic()
    first: list[int] = []
    last = [started]
    with _bar(desc=label, unit=unit) as bar:

        def report(done: int, total: int) -> None:
            first.append(done) if not first else None
            now = time.monotonic()
            bar.total = total
            bar.update(done - bar.n)
            if bar.disable and now - last[0] >= LINE_EVERY and done > first[0]:
                left = (now - started) * (total - done) / (done - first[0])
                say(f"{label}: {done}/{total} {unit}, {left:.0f} s left")
                last[0] = now

        yield report


@contextmanager
def towards(label: str, what: str) -> Iterator[Callable[[float, float, str], None]]:
    """A bar from 0 to a goal on a terminal, a line every LINE_EVERY seconds in a log.

    The remaining time is unknown and not shown.
    """
    shape = "{desc}: " + what + " {n:.3f} of {total:g} |{bar}|{postfix}"
    last = [time.monotonic()]
    with _bar(desc=label, total=1.0, bar_format=shape) as bar:

        def report(value: float, goal: float, more: str) -> None:
            bar.total, bar.n = goal, min(value, goal)
            bar.set_postfix_str(more)
            if bar.disable and time.monotonic() - last[0] >= LINE_EVERY:
                say(f"{label}: {what} {value:.3f} of {goal:g}, {more}")
                last[0] = time.monotonic()

        yield report


@contextmanager
def _bar(**options: Any) -> Iterator[Any]:
    """A bar on a terminal and none in a log; log messages appear above it."""
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    bar = tqdm(disable=None, leave=False, **options)
    with bar, nullcontext() if bar.disable else logging_redirect_tqdm():
        yield bar
