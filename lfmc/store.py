"""Files that are whole or absent: HDF5, JSON, text and bytes, written aside, sealed, renamed."""

import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from lfmc.errors import LfmcError
from lfmc.hdf5_refused import reason_of, require_hdf5
from lfmc.seal import HEAD, file_digest, require_whole, seal

RESERVE = 2**18  # bytes for what HDF5 keeps to itself until a file is closed
OF_HDF5 = re.compile(r"(Unable|Can't) |[A-Z][\w ]+ \(.*\)$", re.DOTALL)  # HDF5's messages


def writer() -> str:
    """A name of this process among all that may write into one folder, on whatever machine."""
    return f"{re.sub('[^A-Za-z0-9-]', '', platform.node())[:40]}.{os.getpid()}"


@contextmanager
def written_aside(path: str | Path, sealed: bool = True) -> Iterator[Path]:
    """A temporary name beside `path`, renamed onto it if the block succeeds, else removed.

    Args:
        sealed: whether the file gets its checksum, if its stamp has a field for one.

    Raises:
        LfmcError: the folder cannot be written or the disk is full.
    """
    final = Path(path)
    aside = final.with_name(f".{final.name}.{writer()}.part{final.suffix}")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        if sealed:
            seal(aside)
        with open(aside, "rb") as stream:
            os.fsync(stream.fileno())
        os.replace(aside, final)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
        raise LfmcError(f"{final}: cannot be written ({reason})") from None
    finally:
        with suppress(OSError):
            aside.unlink()


@contextmanager
def create_hdf5(path: str | Path, stamp: str) -> Iterator[h5py.File]:
    """A new HDF5 file with its provenance stamp, under its final name only when complete."""
    # HDF5 crashes the process if the disk is full while it flushes or closes. Without a chunk cache
    # all data are on disk before that, and a reserve is released for the rest. After a failure what
    # was written is released.
    with (
        written_aside(path, HEAD.decode() in stamp) as aside,
        _reserve(aside) as release,
        h5py.File(aside, "w", rdcc_nbytes=0) as file,
    ):
        try:
            file.attrs["provenance"] = stamp
            yield file
            release()
            file.flush()
        except BaseException:
            release()
            os.truncate(aside, 0)
            raise


@contextmanager
def small_hdf5(path: str | Path, stamp: str) -> Iterator[h5py.File]:
    """As `create_hdf5`, made in memory: for the many blocks and segments of a run."""
    with (
        written_aside(path) as aside,
        h5py.File(aside, "w", driver="core", backing_store=False) as file,
    ):
        file.attrs["provenance"] = stamp
        yield file
        file.flush()
        aside.write_bytes(file.id.get_file_image())


@contextmanager
def _reserve(path: Path) -> Iterator[Callable[[], None]]:
    """Reserve RESERVE bytes of disk beside `path`; yield a function that releases them."""
    spare = path.with_name(f"{path.name}.reserve")

    def release() -> None:
        spare.unlink(missing_ok=True)

    try:
        spare.write_bytes(bytes(RESERVE))
        yield release
    finally:
        release()


@contextmanager
def open_hdf5(path: str | Path, check: bool = True) -> Iterator[h5py.File]:
    """An HDF5 file to read, its bytes compared with its checksum where it carries one.

    Args:
        check: False reads a damaged file too, as far as HDF5 can.

    Raises:
        LfmcError: missing, forbidden, locked, truncated, damaged or not HDF5, without a part that
            the block asks for, or with virtual data sets whose files are not there: HDF5 itself
            would fill them in.
    """
    require_hdf5(path)
    try:
        if check:
            require_whole(path)
        file = h5py.File(path, "r")
    except OSError as error:
        raise LfmcError(f"{path}: not a readable HDF5 file ({reason_of(error)})") from None
    try:
        with file:
            _require_sources(Path(path), file, check)
            yield file
    except KeyError as error:
        reason = str(error.args[0]) if error.args else ""
        if not OF_HDF5.match(reason):
            raise  # of a mapping, not of HDF5
        raise LfmcError(f"{path}: incomplete ({reason}); delete it and run again") from None
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        if not OF_HDF5.match(str(error)) and not isinstance(error, UnicodeDecodeError):
            raise
        raise LfmcError(f"{path}: cannot be read ({reason_of(error)})") from None


def _require_sources(path: Path, file: h5py.File, check: bool) -> None:
    """Refuse missing parts, and those whose bytes are not as they were when they were joined."""
    virtual = [d for d in file.values() if isinstance(d, h5py.Dataset) and d.is_virtual]
    names = {source.file_name for data in virtual for source in data.virtual_sources()}
    digests = parts_digests(file) if check else {}
    for name in sorted(names):
        try:
            h5py.File(path.parent / name, "r").close()
            whole = digests.get(name) in (None, file_digest(path.parent / name))
        except OSError:
            whole = False
        if not whole:
            raise LfmcError(
                f"{path}: {name}, which holds a part of it, is missing or damaged; move both "
                "together, or delete this file and run again"
            )


def parts_digests(file: h5py.File) -> dict[str, str]:
    """sha256 of every part of a file, name -> digits; empty where it names none."""
    try:
        found = json.loads(str(file.attrs.get("provenance", ""))).get("parts", {})
    except (ValueError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}


def read_arrays(file: h5py.File) -> dict[str, NDArray[Any]]:
    """Every data set of a file, path -> array."""
    arrays: dict[str, NDArray[Any]] = {}

    def visit(name: str, item: Any) -> None:  # visititems stops at anything but None
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    file.visititems(visit)
    return arrays


def checksum(header: str, arrays: dict[str, NDArray[Any]]) -> str:
    """sha256 of a header and of names, types, shapes and bytes of arrays: one flipped bit shows."""
    digest = hashlib.sha256(header.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


def discard_progress(folder: Path, accepted: bool = False) -> None:
    """Remove blocks or segments that a published file has made superfluous.

    Not yet in a batch job, unless a later stage has `accepted` the file: a job that ends between
    its time limit and its kill counts as failed, and the workflow deletes what it published.
    """
    if accepted or "SLURM_JOB_ID" not in os.environ:
        shutil.rmtree(folder, ignore_errors=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file atomically."""
    with written_aside(path) as aside:
        aside.write_text(text)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a binary file atomically."""
    with written_aside(path) as aside:
        aside.write_bytes(data)


def write_json(path: str | Path, content: dict[str, Any]) -> None:
    """Write JSON atomically, one key per line."""
    write_text(path, json.dumps(content, indent=1, default=_plain) + "\n")


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON file; a missing, torn or damaged one is a clear error."""
    try:
        require_whole(path)
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise LfmcError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise LfmcError(f"{path}: not valid JSON; delete it and run again") from None
    if not isinstance(content, dict):
        raise LfmcError(f"{path}: not a JSON object; delete it and run again")
    return content


def atomically(path: str | Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary name, then rename it onto `path`."""
    with written_aside(path) as aside:
        write(aside)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)
