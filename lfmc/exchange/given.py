"""Configurations in a file, and where each belongs if the file says so."""

from pathlib import Path
from typing import NamedTuple

from numpy.typing import NDArray

from lfmc.config.imported_section import files_beside
from lfmc.errors import LfmcError
from lfmc.exchange.fields import read_npy
from lfmc.store import open_hdf5


class Given(NamedTuple):
    """Contents of a file.

    Attributes:
        phi: as it is in the file.
        replica, update: (configurations,) each, or None.
        files: that were read.
    """

    phi: NDArray
    replica: NDArray | None
    update: NDArray | None
    files: tuple[Path, ...]


def read_given(path: Path) -> Given:
    """Read .npy, with NAME_replica.npy and NAME_update.npy if they lie beside it, or .h5.

    Raises:
        LfmcError: unreadable, other contents than real numbers, or places that are not one whole
            number per configuration.
    """
    if path.suffix == ".h5":
        found = _of_hdf5(path)
    elif beside := files_beside(path):
        replica, update = map(read_npy, beside)
        found = Given(read_npy(path), replica, update, (path, *beside))
    else:
        found = Given(read_npy(path), None, None, (path,))
    if found.replica is None or found.update is None:
        return found._replace(replica=None, update=None)
    for index in (found.replica, found.update):
        if index.shape != found.phi.shape[:1] or index.dtype.kind not in "iu":
            raise LfmcError(
                f"{path}: {len(found.phi)} fields, but places of shape {index.shape} and type "
                f"{index.dtype}; expected one whole number per field"
            )
    return found


def _of_hdf5(path: Path) -> Given:
    with open_hdf5(path) as file:
        if "fields/phi" not in file:
            raise LfmcError(f"{path}: no data set fields/phi; expected one of configurations")
        replica, update = (
            file[name][()] if name in file else None for name in ("fields/replica", "fields/update")
        )
        phi = file["fields/phi"][()]
    if phi.dtype.kind not in "fiu" or not phi.ndim:
        raise LfmcError(f"{path}: fields/phi is of {phi.dtype}, expected an array of real numbers")
    return Given(phi, replica, update, (path,))
