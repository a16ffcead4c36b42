"""Folders from which code is loaded: only their owner may write to them.

A compiled kernel is machine code and its index a pickle; an environment holds programs. Whoever
can put a file there runs code as the user who reads it, so a name that anybody can guess in a
folder that everybody can write to, such as /tmp/USER-numba, must not be trusted.
"""

import os
import stat
from pathlib import Path

from lfmc.errors import LfmcError


def private_folder(path: Path, what: str) -> Path:
    """The folder, made with mode 0700 if it is missing.

    Args:
        path: of the folder.
        what: names it in messages, e.g. "NUMBA_CACHE_DIR".

    Raises:
        LfmcError: it cannot be made, is no folder, belongs to another user, or others can write
            to it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise LfmcError(f"{what}: {path} cannot be made ({reason})") from None
    return trusted_folder(path, what, (os.geteuid(),))


def trusted_folder(path: Path, what: str, owners: tuple[int, ...]) -> Path:
    """A folder that is there already; `owners` are the users who may own it.

    Raises:
        LfmcError: it is no folder, belongs to another user, or others can write to it.
    """
    instead = "give a folder of your own of mode 0700, e.g. one in $XDG_RUNTIME_DIR or of mktemp -d"
    try:
        found = path.stat()
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise LfmcError(f"{what}: {path} cannot be looked at ({reason})") from None
    if not stat.S_ISDIR(found.st_mode):
        raise LfmcError(f"{what}: {path} is no folder; {instead}")
    if found.st_uid not in owners:
        raise LfmcError(f"{what}: {path} belongs to user {found.st_uid}; {instead}")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = stat.S_IMODE(found.st_mode)
        raise LfmcError(f"{what}: others can write to {path} (mode {mode:04o}); {instead}")
    return path
