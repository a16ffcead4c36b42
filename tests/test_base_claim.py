"""Claims on results: one holder at a time, none that outlives its process, none of the dead."""

import json
import os
import platform
import signal
import subprocess
import sys
import time

import pytest

from lfmc import claim
from lfmc.claim import Busy, claimed
from lfmc.errors import LfmcError

pytestmark = pytest.mark.unit

HOLD = """
import sys, time
from pathlib import Path
from lfmc.claim import claimed
with claimed(Path(sys.argv[1]), "hmc T", Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.readline()
    time.sleep(0.5)
    Path(sys.argv[2]).write_text("finished")
"""


@pytest.fixture
def files(tmp_path):
    return tmp_path / "claims" / "hmc-T", tmp_path / "T.h5"


@pytest.fixture
def holder(files):
    """Another process that holds the claim; a line on its input lets it finish."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, *map(str, files)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


@pytest.fixture
def no_locks(monkeypatch):
    """As on a file system without locks."""
    monkeypatch.setattr(claim, "_lock", lambda file: None)
    monkeypatch.setattr(claim, "SETTLE", 0.05)


def hold(files, wait=0.2):
    with claimed(files[0], "hmc T", files[1], wait):
        pass


def test_a_second_run_is_refused_and_told_who_is_at_work(files, holder):
    message = (
        rf"hmc T: another run is at work on it \({platform.node()}, process {holder.pid}, since"
    )
    with pytest.raises(Busy, match=message):
        hold(files)


def test_a_stopped_run_still_holds_its_claim(files, holder):
    holder.send_signal(signal.SIGSTOP)
    with pytest.raises(Busy):
        hold(files)


def test_a_run_that_finishes_while_another_waits_is_not_done_again(files, holder):
    holder.stdin.write("\n")
    holder.stdin.flush()
    with pytest.raises(Busy, match="finished it meanwhile; nothing was done"):
        hold(files, wait=30)


@pytest.mark.parametrize("locks", [True, False])
def test_a_killed_run_leaves_nothing_in_the_way(files, holder, locks, request):
    if not locks:
        request.getfixturevalue("no_locks")
    holder.kill()
    holder.wait()
    assert json.loads(files[0].read_text())["pid"] == holder.pid
    hold(files)
    assert not files[0].exists()


def test_nothing_is_left_of_a_claim_but_what_was_there_before(files):
    hold(files)
    assert not files[0].parent.exists()
    files[0].parent.mkdir()
    hold(files)
    assert list(files[0].parent.iterdir()) == []


def test_a_folder_that_another_run_removes_is_made_again(files, monkeypatch):
    opened, removed = os.open, []

    def without_folder(path, *arguments):
        if path == files[0] and not removed:
            removed.append(path.parent.rmdir())
        return opened(path, *arguments)

    monkeypatch.setattr(os, "open", without_folder)
    hold(files)
    assert removed


def test_a_folder_that_another_run_removes_while_it_is_made_is_made_again(files, monkeypatch):
    made, removed = os.mkdir, []

    def there_at_first(path, *arguments):
        if path == files[0].parent and not removed:
            removed.append(path)
            raise FileExistsError(17, "File exists")  # and gone when `mkdir` looks what it is
        return made(path, *arguments)

    monkeypatch.setattr(os, "mkdir", there_at_first)
    hold(files)
    assert removed


@pytest.mark.parametrize("link", [True, False])
def test_what_is_no_folder_is_refused_without_another_try(files, link, monkeypatch):
    if link:
        files[0].parent.symlink_to("nowhere")
    else:
        files[0].parent.write_text("")
    made, tried = os.mkdir, []
    monkeypatch.setattr(os, "mkdir", lambda path, *mode: tried.append(path) or made(path, *mode))
    with pytest.raises(LfmcError, match="cannot be written"):
        hold(files)
    assert tried == [files[0].parent]


def test_without_locks_a_living_process_of_this_machine_is_found(files, holder, no_locks):
    with pytest.raises(Busy, match="another run is at work"):
        hold(files)


def of_another_machine(files):
    files[0].parent.mkdir()
    files[0].write_text(json.dumps({"host": "elsewhere", "pid": 1, "started": "1", "since": "?"}))


@pytest.mark.parametrize("locks", [True, False])
def test_another_machine_is_at_work_as_long_as_its_file_is_touched(
    files, locks, request, monkeypatch
):
    if not locks:
        request.getfixturevalue("no_locks")
    of_another_machine(files)
    monkeypatch.setattr(claim, "SILENT", 0.5)
    touch = f"import os, time\nwhile True: os.utime({str(files[0])!r}); time.sleep(0.05)"
    process = subprocess.Popen([sys.executable, "-c", touch])
    try:
        before = files[0].stat().st_mtime_ns
        while files[0].stat().st_mtime_ns == before:
            time.sleep(0.01)
        with pytest.raises(Busy, match=r"\(elsewhere, process 1, since \?\)"):
            hold(files)
    finally:
        process.kill()
        process.wait()
    hold(files)


def test_another_machine_that_was_silent_for_long_is_not_waited_for(files):
    of_another_machine(files)
    os.utime(files[0], (time.time() - 7200,) * 2)
    began = time.monotonic()
    hold(files)
    assert time.monotonic() - began < claim.SILENT


def test_a_holder_touches_its_file(files, monkeypatch):
    monkeypatch.setattr(claim, "BEAT", 0.02)
    with claimed(files[0], "hmc T", files[1]):
        first = files[0].stat().st_mtime_ns
        while files[0].stat().st_mtime_ns == first:
            time.sleep(0.01)


def test_a_deleted_file_is_no_claim(files):
    with claimed(files[0], "hmc T", files[1]):
        files[0].unlink()
        hold(files)


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"host": 3}', "\x00" * 5000])
def test_whatever_the_file_holds_it_is_taken(files, content, monkeypatch):
    monkeypatch.setattr(claim, "SILENT", 0.2)
    files[0].parent.mkdir()
    files[0].write_text(content)
    hold(files)


def test_a_folder_that_cannot_exist_is_one_clear_line(files, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LfmcError, match="cannot be written") as error:
        hold((tmp_path / "file" / "x", files[1]))
    assert "\n" not in str(error.value)
