"""Where compiled kernels are kept: a folder for every version of the code.

Numba notices an edited kernel, but not an edited function that the kernel calls from another file,
nor a type that it no longer finds: both would meet old machine code after an update. So the folder
is named after a hash of all that kernels are made of. It lies in NUMBA_CACHE_DIR, or in the
package's own `__pycache__`, or where that is read-only in the user's cache. What is kept is code:
a folder that somebody else could write to is refused (`lfmc.private_folder`).
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numba

from lfmc.private_folder import private_folder

config: Any = numba.config
# Packages that kernels are made of, and the file of a constant that stands in them.
PACKAGES = ("kernels", "flows/heatbath", "flows/hierarchy", "samplers", "theories")
CONSTANTS = ("flows/monotone.py",)


@contextmanager
def cache_of_this_code() -> Iterator[None]:
    """Kernels that are declared in the block are cached in the folder of this code.

    Raises:
        LfmcError: others could put kernels of theirs into that folder.
    """
    before = config.CACHE_DIR
    config.CACHE_DIR = str(_parent(before) / f"lfmc-{digest(Path(__file__).parent.parent)}")
    try:
        yield
    finally:
        config.CACHE_DIR = before


@cache
def digest(package: Path) -> str:
    """Return the hash of all sources of kernels below the package's folder."""
    found = hashlib.sha256()
    files = sorted(path for part in PACKAGES for path in (package / part).rglob("*.py"))
    for path in [*files, *(package / name for name in CONSTANTS)]:
        found.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


@cache
def _parent(chosen: str) -> Path:
    if chosen:
        return private_folder(Path(chosen), "NUMBA_CACHE_DIR")
    own = Path(__file__).parent / "__pycache__"
    if os.access(own if own.exists() else own.parent, os.W_OK):
        return own  # beside the code itself
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return private_folder(users / "lfmc" / "kernels", "the folder of compiled kernels")
