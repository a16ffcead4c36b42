"""What a case is, and how it is judged."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from lfmc.cli.main import main

LONGEST = 400  # characters of a message that are read

Prepare = Callable[[Path], object]


def as_it_is(folder: Path) -> None:
    """Leave the finished run alone."""


class Case(NamedTuple):
    """One bad input.

    Attributes:
        name: what is wrong, unique in its family.
        command: as typed after `lfmc`, in a folder with config.yaml and the finished results/.
        says: regular expressions that the message must hold, or the output of a right command.
        prepare: makes the input bad, in that folder.
        right: the command is expected to succeed: the input is odd, not wrong.
        environment: variables of the process; None removes one.
        process: needs a process of its own.
        entry: what is called instead of the command line.
    """

    name: str
    command: str
    says: tuple[str, ...]
    prepare: Prepare = as_it_is
    right: bool = False
    environment: dict[str, str | None] = {}  # noqa: RUF012 (never changed)
    process: bool = False
    entry: Callable[[], object] = main


class Outcome(NamedTuple):
    """How a command ended; `changed` are the files that were not as before."""

    code: int | str | None
    stdout: str
    stderr: str
    changed: tuple[str, ...]


def files_of(folder: Path) -> dict[str, str]:
    """Every file below a folder -> a hash of its content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink() or not path.is_file():
            found |= {} if path.is_dir() else {name: "special"}
        else:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def changes(before: dict[str, str], after: dict[str, str]) -> tuple[str, ...]:
    """Files that are new, gone or other than before."""
    return tuple(n for n in sorted({*before, *after}) if before.get(n) != after.get(n))


def faults(case: Case, outcome: Outcome) -> list[str]:
    """Everything that is wrong with how a case ended; empty for a good ending."""
    found = []
    everything = outcome.stdout + outcome.stderr
    if "Traceback" in everything:
        found.append("a traceback")
    torn = [name for name in outcome.changed if Path(name).name.startswith(".")]
    if torn:
        found.append(f"half-written: {', '.join(torn)}")
    if case.right:
        if outcome.code != 0:
            found.append(f"exit code {outcome.code} where the command is right")
        if "lfmc: error" in everything:
            found.append("an error where the command is right")
        return found + _unsaid(case, everything)
    expected = 2 if case.entry is main else 1
    if outcome.code != expected:
        found.append(f"exit code {outcome.code}, not {expected}")
    if outcome.changed:
        found.append(f"changed {', '.join(outcome.changed)}")
    lines = outcome.stderr.splitlines()
    if len(lines) != 1:
        found.append(f"{len(lines)} lines on stderr, not one")
    if not outcome.stderr.startswith("lfmc: error: "):
        found.append("no line 'lfmc: error: ...'")
    if len(outcome.stderr) > LONGEST:
        found.append(f"{len(outcome.stderr)} characters, more than {LONGEST}")
    if outcome.stdout:
        found.append("output beside the error")
    return found + _unsaid(case, outcome.stderr)


def _unsaid(case: Case, text: str) -> list[str]:
    return [f"does not say {words!r}" for words in case.says if not re.search(words, text)]
