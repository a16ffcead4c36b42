"""A terminal for tests: what a program shows on it, picture by picture, and when it began."""

import os
import pty
import re
import subprocess
import termios
from pathlib import Path
from typing import NamedTuple

COLUMNS = 80


class Shown(NamedTuple):
    """What a terminal showed of a program.

    pictures: every state of every line at the moment at which it is left or overwritten.
    cpu: CPU seconds of the program until its first output, NaN where the system does not tell.
    code: exit code.
    """

    pictures: list[str]
    cpu: float
    code: int


def terminal(command: list[str], columns: int = COLUMNS, **options) -> Shown:
    """Run a command on a pseudo-terminal of so many columns."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    run = subprocess.Popen(command, stdout=theirs, stderr=theirs, **options)
    os.close(theirs)
    data, cpu = b"", float("nan")
    try:
        while part := os.read(ours, 65536):
            cpu = cpu_seconds(run.pid) if not data else cpu
            data += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    return Shown(pictures(data.decode()), cpu, run.wait())


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, by Linux's /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pictures(data: str) -> list[str]:
    """The states of the lines: characters overwrite, as on a screen; long lines are kept whole."""
    data = re.sub(r"\x1b\[A|\x1b\[\d*m", "", data).replace("\r\n", "\n")
    line: list[str] = []
    found, place = [], 0
    for character in data:
        if character in "\r\n":
            found.append("".join(line).rstrip())
            line, place = ([] if character == "\n" else line), 0
        else:
            line += [" "] * (place + 1 - len(line))
            line[place] = character
            place += 1
    return [picture for picture in [*found, "".join(line).rstrip()] if picture]
