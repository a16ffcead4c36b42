"""One run at a time works on a result: a second one waits a moment, and is then refused.

A claim is a lock of the operating system on a small file: it ends with its process, however that
ends, so nothing has to be removed by hand. Some file systems have no locks, or know only those of
one machine. There the time of the file decides: its holder touches it every BEAT seconds, and a
holder that was silent for SILENT seconds is dead.
"""

import errno
import fcntl
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

from lfmc.errors import LfmcError

WAIT = 5.0  # seconds for the ranks of a killed job to end
BEAT, SILENT = 5.0, 30.0
LONG_AGO = 3600.0  # more than clocks of two machines differ
POLL = 0.1
SETTLE = 1.0  # where nothing is locked: of two that write the file at once, the last one has it


class Busy(LfmcError):
    """Another process works on the same result."""


@contextmanager
def claimed(path: Path, what: str, output: Path, wait: float = WAIT) -> Iterator[None]:
    """Hold the claim on a result for the length of the block.

    Args:
        path: file of the claim; it is removed at the end, with the folders made for it.
        what: the result in words, as in "hmc E1".
        output: the file that the holder of the claim publishes.
        wait: seconds to wait for another holder that is alive.

    Raises:
        Busy: another run is at work, or has finished meanwhile.
        LfmcError: the file cannot be written.
    """
    before, token = _time_of(output), _token()
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        file = _take(path, what, token, wait)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise LfmcError(f"{path}: cannot be written ({reason})") from None
    ended = Event()
    beats = Thread(target=_beat, args=(file.number, ended), daemon=True)
    beats.start()
    try:
        if file.waited and _time_of(output) != before:
            raise Busy(f"{what}: another run has finished it meanwhile; nothing was done")
        yield
    finally:
        ended.set()
        beats.join()
        with suppress(OSError):
            if _holder(file.number) == token and _same_file(path, file.number):
                path.unlink()
        os.close(file.number)
        with suppress(OSError):  # another run's claim lies there, or results
            for folder in made:
                folder.rmdir()


class _File(NamedTuple):
    """The open file of a claim that is held, and whether another process held it at first."""

    number: int
    waited: bool


def _take(path: Path, what: str, token: dict[str, Any], wait: float) -> _File:
    began, waited = time.monotonic(), False
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except (FileNotFoundError, FileExistsError):  # another run has just removed the folder,
            # also between the two looks of `mkdir`; anything else of that name is in the way
            in_the_way = path.parent.is_symlink() or path.parent.is_file()
            if in_the_way or time.monotonic() - began >= max(wait, WAIT):
                raise
            continue
        try:
            locked = _lock(file)
            holder = _holder(file)
            if locked is not False and _same_file(path, file):
                alive = _is_alive(path, holder, locked is True)
                if not alive:
                    _write(file, token)
                    if locked is None:
                        time.sleep(SETTLE)
                        alive = _holder(file) != token
                if not alive:
                    held, file = file, -1
                    return _File(held, waited)
            waited = True
            if time.monotonic() - began >= wait:
                raise Busy(
                    f"{what}: another run is at work on it ({_described(holder)}); wait until it "
                    "ends, or stop it"
                )
        finally:
            if file >= 0:
                os.close(file)
        time.sleep(POLL)


def _lock(file: int) -> bool | None:
    """Whether the lock is ours; None where the file system has none."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EAGAIN, errno.EACCES) else None
    return True


def _same_file(path: Path, file: int) -> bool:
    """Whether the name still leads to the file that is open: somebody may have deleted it."""
    with suppress(OSError):
        return os.path.samestat(os.stat(path), os.fstat(file))
    return False


def _is_alive(path: Path, holder: dict[str, Any], locked: bool) -> bool:
    """Whether the process that the file names may be at work, with the lock ours or without locks.

    A name that is left there is of a process that was killed, or of another machine whose locks do
    not reach this one: its beats tell, within SILENT seconds.
    """
    if not holder:
        return False
    if holder.get("host") == platform.node():
        return not locked and _started(holder.get("pid")) == holder.get("started")
    last = _time_of(path)
    if abs(time.time() - last / 1e9) > LONG_AGO:
        return False
    until = time.monotonic() + SILENT
    while time.monotonic() < until:
        time.sleep(POLL)
        if _time_of(path) != last:
            return True
    return False


def _beat(file: int, ended: Event) -> None:
    while not ended.wait(BEAT):
        with suppress(OSError):
            os.utime(file)


def _token() -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    pid = os.getpid()
    return {"host": platform.node(), "pid": pid, "started": _started(pid), "since": now}


def _started(pid: Any) -> str:
    """When a process of this machine started, in ticks since boot; empty if there is none."""
    try:
        return Path(f"/proc/{int(pid)}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, ValueError, TypeError, IndexError):
        return ""


def _holder(file: int) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads(os.pread(file, 4096, 0))
        return found if isinstance(found, dict) else {}
    return {}


def _write(file: int, token: dict[str, Any]) -> None:
    os.ftruncate(file, 0)
    os.pwrite(file, json.dumps(token).encode(), 0)


def _described(holder: dict[str, Any]) -> str:
    if not holder:
        return "it has just begun"
    return f"{holder.get('host')}, process {holder.get('pid')}, since {holder.get('since')}"


def _time_of(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_mtime_ns
    return 0
