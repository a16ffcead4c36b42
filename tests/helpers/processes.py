"""Processes of tests that answer signals as those of a terminal do."""

import signal


def default_signals() -> None:
    """Before a process starts: signals that whoever started the tests ignores are answered again.

    A run in the background ignores SIGINT, one under nohup SIGHUP, and children inherit that.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
