"""Run a case, in this process or in one of its own, through the same entry point as a user."""

import io
import logging
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from bad_inputs.cases import Case, Outcome, changes, files_of


def run_case(case: Case, folder: Path) -> Outcome:
    """Prepare the folder, run the command there, and tell what came of it."""
    case.prepare(folder)
    before = files_of(folder)
    ended = _in_a_process(case, folder) if case.process else _in_this_process(case, folder)
    return Outcome(*ended, changes(before, files_of(folder)))


def _in_this_process(case: Case, folder: Path) -> tuple[int | str | None, str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    code: int | str | None = 0
    before = signal.getsignal(signal.SIGTERM)
    with _environment(case), _as_argv(case), _logging_to(stderr), chdir(folder):
        try:
            with redirect_stdout(stdout), redirect_stderr(stderr):
                case.entry()
        except SystemExit as error:
            code = error.code or 0
            if isinstance(code, str):  # as the interpreter does
                stderr.write(f"{code}\n")
                code = 1
        finally:
            signal.signal(signal.SIGTERM, before)
    return code, stdout.getvalue(), stderr.getvalue()


def _in_a_process(case: Case, folder: Path) -> tuple[int, str, str]:
    environment = {**os.environ, **case.environment}
    done = subprocess.run(
        [sys.executable, "-m", "lfmc.cli.main", *shlex.split(case.command)],
        env={name: value for name, value in environment.items() if value is not None},
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, done.stderr


@contextmanager
def _environment(case: Case) -> Iterator[None]:
    with mock.patch.dict(os.environ):
        for name, value in case.environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        yield


def _as_argv(case: Case) -> mock._patch:
    return mock.patch.object(sys, "argv", ["lfmc", *shlex.split(case.command)])


@contextmanager
def _logging_to(stream: io.StringIO) -> Iterator[None]:
    """Warnings of the log are lines on stderr in a process, so they are here."""
    handler = logging.StreamHandler(stream)
    handler.setLevel(logging.WARNING)
    logging.getLogger("lfmc").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("lfmc").removeHandler(handler)
