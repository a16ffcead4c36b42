"""Progress for eyes and for logs, and a polite answer to SIGTERM."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click

LINE_EVERY = 15.0  # seconds between progress lines in a log
STOPPED = 128 + signal.SIGTERM  # exit code, as of a process that the signal ended


@contextmanager
def termination() -> Iterator[Callable[[], bool]]:
    """A question whether SIGTERM has come; the old handler is put back afterwards."""
    asked: list[int] = []

    def note(number: int, frame: Any) -> None:
        asked.append(number)

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGTERM, before)


def stopped(what: str, kept: str) -> NoReturn:
    """End the process as a SIGTERM does: what was stopped, what is kept, how to go on."""
    click.echo(
        f"lfmc: {what} stopped on SIGTERM; {kept}, run the same command to continue", err=True
    )
    sys.exit(STOPPED)


@contextmanager
def progress(label: str, unit: str = "updates") -> Iterator[Callable[[int, int], None]]:
    """A bar with ETA on a terminal, a plain line every LINE_EVERY seconds in a log."""
    from tqdm import tqdm

    started = time.monotonic()
    first: list[int] = []
    last = [started]
    with tqdm(desc=label, unit=unit, disable=None, leave=False) as bar:

        def report(done: int, total: int) -> None:
            first.append(done) if not first else None
            now = time.monotonic()
            bar.total = total
            bar.update(done - bar.n)
            if bar.disable and now - last[0] >= LINE_EVERY and done > first[0]:
                left = (now - started) * (total - done) / (done - first[0])
                click.echo(f"{label}: {done}/{total} {unit}, {left:.0f} s left", err=True)
                last[0] = now

        yield report
