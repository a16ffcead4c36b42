"""Shared memory that MPICH's ranks of killed jobs left on a node: found and removed.

MPICH calls a segment after the job's id (mpich_shm_HASH_NODE) and takes what has that name for its
own. A job that was killed and is requeued has the id of before, and its ranks would wait in that
segment for ever, or fail with "Out of memory". A segment of a job that runs must never be removed,
so all that cannot be looked into counts as in use.
"""

import os
import stat
import time
from contextlib import suppress
from pathlib import Path

SEGMENTS = Path("/dev/shm")
PROCESSES = Path("/proc")
FRESH_SECONDS = 10.0  # a segment is mapped by then
# The namespace that sees all processes of the machine (PROC_PID_INIT_INO in linux/proc_ns.h).
INITIAL = "pid:[4026531836]"

Identity = tuple[int, int]  # device and inode: the same through every mount and namespace


def remove_stale_segments(folder: Path = SEGMENTS, processes: Path = PROCESSES) -> list[str]:
    """Unlink segments of this user that no process uses any more; their names.

    Args:
        folder: where MPICH puts them.
        processes: where the system shows its processes.
    """
    mine: dict[Path, Identity] = {}
    for path in folder.glob("mpich_shm_*"):
        with suppress(FileNotFoundError):  # another rank was faster
            found = path.lstat()
            # Nobody but its user can have opened it.
            private = stat.S_ISREG(found.st_mode) and not found.st_mode & 0o077
            old = time.time() - found.st_mtime > FRESH_SECONDS
            if found.st_uid == os.geteuid() and private and old:
                mine[path] = (found.st_dev, found.st_ino)
    used = files_in_use(processes, os.geteuid()) if mine else None
    if used is None:
        return []
    stale = [path for path, identity in mine.items() if identity not in used]
    for path in stale:
        path.unlink(missing_ok=True)
    return [path.name for path in stale]


def files_in_use(processes: Path, user: int) -> set[Identity] | None:
    """Files that the processes of a user map or hold open; None where that cannot be known.

    It cannot in a PID namespace of its own (a container), outside of which the same memory may be
    mounted, nor if a process of the user is in another one or does not let itself be looked into.
    The machine's init is no rank, and shows itself to nobody on some machines.
    """
    found: set[Identity] = set()
    try:
        if os.readlink(processes / "self" / "ns" / "pid") != INITIAL:
            return None
    except OSError:
        return None
    for process in processes.glob("[0-9]*"):
        try:
            found |= _files_of(process, user)
        except OSError:
            if process.name != "1" and process.exists():
                return None
    return found


def _files_of(process: Path, user: int) -> set[Identity]:
    """Of one process; raises OSError if it cannot be looked into."""
    lines = (process / "status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines if ":" in line)
    gone = status["State"].split()[0] in "ZX"  # it has no memory any more
    if gone or user not in map(int, status["Uid"].split()):
        return set()
    if os.readlink(process / "ns" / "pid") != INITIAL:
        raise PermissionError("another PID namespace")
    found = set()
    for line in (process / "maps").read_text().splitlines():
        _, _, _, device, inode, *_ = line.split()
        major, minor = (int(number, 16) for number in device.split(":"))
        found.add((os.makedev(major, minor), int(inode)))
    for descriptor in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile, or of no file
            opened = descriptor.stat()
            found.add((opened.st_dev, opened.st_ino))
    return found
