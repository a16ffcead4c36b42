"""Why a file is no HDF5 file that can be read, in words, before HDF5 itself sees it."""

import errno
import os
from pathlib import Path

from lfmc.errors import LfmcError

SIGNATURE = b"\x89HDF\r\n\x1a\n"


def require_hdf5(path: str | Path) -> None:
    """Refuse what is no HDF5 file, before HDF5 sees it; deleting it is advised only if it was one.

    Raises:
        LfmcError: missing, forbidden, a folder, a loop of links, empty, cut off or of another kind.
    """
    try:
        with open(path, "rb") as stream:
            begin = stream.read(len(SIGNATURE))
    except FileNotFoundError:
        raise LfmcError(f"{path}: no such file") from None
    except OSError as error:
        raise LfmcError(f"{path}: not a readable HDF5 file ({reason_of(error)})") from None
    if begin != SIGNATURE:
        why = "it has another format; is it in its place?"
        if SIGNATURE.startswith(begin) or not any(begin):
            why = "empty or cut off; delete it and run again"
        raise LfmcError(f"{path}: not a readable HDF5 file ({why})")


def reason_of(error: Exception) -> str:
    """Why HDF5 or the system refuses a file; to delete it helps only against bad content."""
    number = getattr(error, "errno", None)
    if number in (errno.EAGAIN, errno.EWOULDBLOCK):
        return "another process is writing it; wait for that one to end"
    if number:
        return os.strerror(number)
    return f"perhaps truncated: {str(error).splitlines()[0]}; delete it and run again"
