"""Progress on a terminal: text never breaks into a bar; no time is foretold unless known."""

import os
import pty
import subprocess
import sys
import termios

import pytest

from lfmc.cli import progress as module
from lfmc.cli.progress import towards

pytestmark = pytest.mark.unit

SHOWN = """
import logging, time
from lfmc.cli.progress import progress, say, towards
logging.basicConfig()
with towards("train E", "acceptance") as report:
    for value in (0.1, 0.3, 0.8):
        report(value, 0.7, "step 1")
        time.sleep(0.11)
        say("one whole line")
        logging.warning("another line")
with progress("hmc E") as report:
    for done in range(3):
        report(done, 3)
        say("a third line")
"""


def terminal(code: str) -> list[str]:
    """What a terminal shows, line by line: of each, what comes after its last return."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    run = subprocess.Popen([sys.executable, "-c", code], stdout=theirs, stderr=theirs)
    os.close(theirs)
    data = b""
    try:
        while part := os.read(ours, 65536):
            data += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert run.wait() == 0, data.decode()
    return data.decode().replace("\x1b[A", "").replace("\r\n", "\n").split("\n")


def test_text_never_breaks_into_a_bar():
    lines = terminal(SHOWN)
    for text in ("one whole line", "WARNING:root:another line", "a third line"):
        found = [line for line in lines if text in line]
        assert len(found) == 3
        assert {line.rsplit("\r", 1)[-1].strip() for line in found} == {text}
    bars = [line for line in "\r".join(lines).split("\r") if "train E: acceptance" in line]
    assert any("acceptance 0.300 of 0.7 |" in bar and "step 1" in bar for bar in bars)
    assert not any("left" in bar or "?" in bar for bar in bars)


def test_a_log_has_a_line_now_and_then(monkeypatch, capsys):
    monkeypatch.setattr(module, "LINE_EVERY", 0.0)
    with towards("train E", "acceptance") as report:
        report(0.4, 0.7, "step 3, 5 CPU s")
    assert capsys.readouterr().err == "train E: acceptance 0.400 of 0.7, step 3, 5 CPU s\n"
