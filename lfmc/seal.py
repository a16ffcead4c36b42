"""A file's own sha256, written inside it: one flipped bit anywhere shows.

The provenance of a file holds "lfmc-sha256-DIGITS-of-this-file". DIGITS are the sha256 of all bytes
of the file, these 64 digits themselves read as zeros: a file that is copied or moved keeps its
checksum, and it costs one pass over the bytes. Files that were made before
there were checksums carry none.
"""

import hashlib
import os
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from lfmc.errors import LfmcError

HEAD, TAIL, DIGITS = b"lfmc-sha256-", b"-of-this-file", 64
# What a stamp holds until its file is written.
EMPTY = (HEAD + b"0" * DIGITS + TAIL).decode()
REMEMBERED = 2**20  # bytes; smaller files are read again whenever they are opened
PIECE = 2**22


class Broken(LfmcError):
    """A file whose bytes are not those that were written."""


class _Seal(NamedTuple):
    """Where the digits are, what they say, and what they should say."""

    at: int
    written: bytes
    right: bytes


def seal(path: str | Path) -> None:
    """Write the checksum into a finished file whose stamp has a field for it; skip other files."""
    with open(path, "r+b") as stream:
        found = _find(stream.fileno(), path)
        if found is not None:
            os.pwrite(stream.fileno(), found.right, found.at)


def require_whole(path: str | Path) -> bool:
    """Compare a file with its checksum; False if it carries none.

    Raises:
        Broken: a bit of it is not as it was written.
        OSError: it cannot be read.
    """
    return bool(_own(path))


def identity(path: str | Path) -> str:
    """The 64 digits by which results name an input: of a large file that carries a checksum these,
    which every reader compares anyway, so that its bytes are not summed twice; else `file_digest`.

    Raises:
        Broken: a bit of it is not as it was written.
        OSError: it cannot be read.
    """
    if os.stat(path).st_size < REMEMBERED:
        return file_digest(path)
    return _own(path) or file_digest(path)


def is_named(path: str | Path, digits: Collection[str]) -> bool:
    """Whether one of `digits` is the `identity` of a file, or its `file_digest` (earlier versions).

    Raises:
        Broken, OSError: as `identity`.
    """
    return identity(path) in digits or file_digest(path) in digits


def file_digest(path: str | Path) -> str:
    """sha256 of all bytes of a file; of a large one that did not change, remembered.

    Raises:
        OSError: it cannot be read.
    """
    status = os.stat(path)
    if status.st_size < REMEMBERED:
        return _digest(str(path))
    return _remembered_digest(str(path), status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _remembered_digest(path: str, inode: int, size: int, time: int) -> str:
    return _digest(path)


def _digest(path: str) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _own(path: str | Path) -> str:
    """The checksum that a file carries, compared with its bytes; empty if it carries none."""
    with open(path, "rb") as stream:
        status = os.fstat(stream.fileno())
        if status.st_size < REMEMBERED:
            return _check(stream.fileno(), path)
    return _remembered(str(path), status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _remembered(path: str, inode: int, size: int, time: int) -> str:
    with open(path, "rb") as stream:
        return _check(stream.fileno(), path)


def _check(file: int, path: str | Path) -> str:
    found = _find(file, path)
    if found is None:
        return ""
    if found.written != found.right:
        raise _broken(path)
    return found.right.decode()


def _find(file: int, path: str | Path) -> _Seal | None:
    # No memory map: on a full disk, or when somebody cuts the file off, it would kill the process.
    at = _place(file, HEAD)
    if at < 0:
        if _place(file, TAIL) >= 0:
            raise _broken(path)
        return None
    begin, end = at + len(HEAD), at + len(HEAD) + DIGITS
    if os.pread(file, len(TAIL), end) != TAIL:
        raise _broken(path)
    digest = hashlib.sha256()
    for piece in _pieces(file, 0, begin):
        digest.update(piece)
    digest.update(b"0" * DIGITS)
    for piece in _pieces(file, end, os.fstat(file).st_size):
        digest.update(piece)
    return _Seal(begin, os.pread(file, DIGITS, begin), digest.hexdigest().encode())


def _place(file: int, word: bytes) -> int:
    """Where a word stands first, -1 if nowhere."""
    at, before = 0, b""
    for piece in _pieces(file, 0, os.fstat(file).st_size):
        data = before + piece
        found = data.find(word)
        if found >= 0:
            return at - len(before) + found
        before, at = data[1 - len(word) :], at + len(piece)
    return -1


def _pieces(file: int, first: int, last: int) -> Iterator[bytes]:
    """The bytes from `first` up to `last`, in pieces."""
    while first < last:
        piece = os.pread(file, min(PIECE, last - first), first)
        if not piece:
            return
        yield piece
        first += len(piece)


def _broken(path: str | Path) -> Broken:
    return Broken(
        f"{path}: its bytes do not match its checksum: it was changed or damaged after it was "
        "written; delete it and run again"
    )
