"""The chain that is exported: every update, the kept fields, and the log weights of a flow."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.analysis.consistency import require_sound
from lfmc.attributes import text
from lfmc.chains import Chain, proposals_of_updates, read_chain
from lfmc.errors import LfmcError
from lfmc.lattice import FloatArray, IntArray
from lfmc.not_reached import not_reached
from lfmc.seal import is_named
from lfmc.store import open_hdf5
from lfmc.weights import read_log_weights


class Source(NamedTuple):
    """A chain with its kept fields, F of them.

    Attributes:
        chain: a flow's is expanded through its proposals.
        phi: (F, sites), flat C order.
        replica, update: where each field belongs, (F,).
        log_weight: of every proposal of a flow, (N,); None for other chains.
        provenance: of the file of the chain, JSON.
        files: the files that were read.
    """

    chain: Chain
    phi: FloatArray
    replica: IntArray
    update: IntArray
    log_weight: FloatArray | None
    provenance: str
    files: tuple[Path, ...]


def read_source(path: Path, proposals: Path | None = None) -> Source:
    """Read a chain of any sampler.

    Args:
        path: a chain file, a flow's included.
        proposals: of a flow; default: those that the layout of the results has for the chain.

    Raises:
        LfmcError: no chain, or a damaged one; proposals that are missing or of another chain; NaN
            or inf; scalars and correlators that contradict each other; kept fields that do not fit.
    """
    missed = not_reached(path)
    if missed:
        raise LfmcError(f"{path}: no chain, {missed}")
    with open_hdf5(path) as file:
        flow = text(path, file, "kind") == "flow-chain"
        stamp = str(file.attrs.get("provenance", ""))
    if flow:
        found = _of_flow(path, proposals or _beside(path), stamp)
    elif proposals is not None:
        raise LfmcError(f"{path}: not the chain of a flow; leave --proposals out")
    else:
        found = _of_chain(path, stamp)
    require_sound(found.chain)
    _require_fields(found)
    return found


def _of_chain(path: Path, stamp: str) -> Source:
    chain = read_chain(path)
    with open_hdf5(path) as file:
        phi, replica, update = (file[f"fields/{name}"][()] for name in ("phi", "replica", "update"))
        log_weight = file["log_weight"][()] if "log_weight" in file else None
    return Source(chain, phi, replica, update, log_weight, stamp, (path,))


def _of_flow(path: Path, proposals: Path, stamp: str) -> Source:
    if not proposals.exists():
        raise LfmcError(
            f"{path}: the chain of a flow is expanded through its proposals, and there is no file "
            f"{proposals}; give --proposals FILE"
        )
    _require_own(path, proposals, stamp)
    chain = read_chain(path, proposals)
    states = chain.extra
    places = proposals_of_updates(states["index"], states["multiplicity"], chain.replicas)
    with open_hdf5(proposals) as file:
        phi, kept = file["fields/phi"][()], file["fields/index"][()]
    flat = places.ravel()  # ascending: a chain visits its proposals in their order
    first = np.searchsorted(flat, kept)
    state = (first < len(flat)) & (flat[np.minimum(first, len(flat) - 1)] == kept)
    replica, update = np.divmod(first[state], places.shape[1])
    log_weight = read_log_weights(proposals)
    return Source(chain, phi[state], replica, update, log_weight, stamp, (path, proposals))


def _beside(path: Path) -> Path:
    """results/propose/E/X.h5 of results/accept/E/X.h5."""
    return path.parent.parent.parent / "propose" / path.parent.name / path.name


def _require_own(path: Path, proposals: Path, stamp: str) -> None:
    """Refuse proposals whose bytes are not those that the chain was made from."""
    try:
        digests = set(json.loads(stamp)["inputs"].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        return  # earlier versions did not always say
    if digests and not is_named(proposals, digests):
        raise LfmcError(
            f"{proposals}: not the proposals that {path} was made from; give those, or run accept "
            "again"
        )


def _require_fields(source: Source) -> None:
    """Refuse kept fields of another lattice, with NaN or inf, or outside the chain."""
    chain, path = source.chain, source.files[-1]
    phi, numbers = source.phi, chain.theory.field.numbers(chain.shape)
    if phi.ndim != 2 or phi.shape[1] != numbers or phi.dtype.kind != "f":
        raise LfmcError(f"{path}: fields/phi of shape {phi.shape} are no fields of this ensemble")
    bad = np.flatnonzero(~np.isfinite(phi).all(1))
    if len(bad):
        raise LfmcError(f"{path}: kept field {bad[0]} is not finite ({len(bad)} of {len(phi)})")
    first = next(iter(chain.scalars.values()))
    pairs: tuple[tuple[NDArray, int], ...] = (
        (source.replica, first.shape[0]),
        (source.update, first.shape[1]),
    )
    for index, count in pairs:
        inside = index.shape == (len(phi),) and index.dtype.kind in "iu"
        if not inside or (len(index) and not 0 <= index.min() <= index.max() < count):
            raise LfmcError(f"{path}: places of kept fields do not fit the chain; sample again")
