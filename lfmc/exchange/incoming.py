"""Configurations from elsewhere as a chain, measured like every other (`lfmc import`)."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.analysis.consistency import require_sound
from lfmc.analysis.rejections import rejected_updates
from lfmc.chains import Chain
from lfmc.config import Config
from lfmc.errors import LfmcError
from lfmc.exchange.fields import read_npy, require_fields
from lfmc.exchange.source import Source
from lfmc.lattice import FloatArray
from lfmc.store import open_hdf5
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import theory_of

CHUNK = 1024  # configurations measured at a time


class Given(NamedTuple):
    """Configurations in a file, and where each belongs if the file says so.

    Attributes:
        phi: as it is in the file.
        replica, update: (configurations,) each, or None.
    """

    phi: NDArray
    replica: NDArray | None
    update: NDArray | None
    files: tuple[Path, ...]


def incoming(config: Config, ensemble: str, name: str, path: Path) -> Source:
    """The chain of configurations from elsewhere, with up to `keep_fields` of them.

    Scalars and correlators are recomputed from the fields. Every configuration counts as one
    update; the acceptance is the share of configurations that differ from the one before.

    Args:
        name: of the sampler that made them.
        path: .npy of the shape (configurations, sites) or (configurations, *shape), with an axis of
            replicas in front where there are several; or, flat, with NAME_replica.npy and
            NAME_update.npy beside it; or .h5 with fields/phi, fields/replica and fields/update.

    Raises:
        LfmcError: unreadable, of another shape, not finite, all zero, or replicas of unequal
            length.
    """
    theory = theory_of(config.ensemble(ensemble))
    given = _given(path)
    phi = ordered(path, given, theory)
    replicas, length = phi.shape[:2]
    flat = phi.reshape(-1, theory.numbers)
    if not flat.any():
        raise LfmcError(f"{path}: every field is zero")
    parts = [flat[k : k + CHUNK] for k in range(0, len(flat), CHUNK)]
    with np.errstate(over="ignore", invalid="ignore"):  # refused below
        measured = [theory.measure(part) for part in parts]
        scalars = {
            key: np.concatenate([m[key] for m in measured]).astype(np.float32)
            for key in theory.scalars
        }
        pairs = np.concatenate([theory.correlators(part).astype(np.float32) for part in parts])
    chain = Chain(
        ensemble=config.ensemble(ensemble).model_dump(mode="json"),
        sampler=name,
        shape=theory.shape,
        scalars={key: values.reshape(replicas, length) for key, values in scalars.items()},
        two_point=pairs.reshape(replicas, length, -1),
        save_every=1,
        acceptance=0.0,
        forces_per_update=0.0,
        seconds=0.0,
        extra={},
        attributes={"imported_from": str(path)},
    )
    require_sound(chain)
    rejected = rejected_updates(chain)
    acceptance = 1.0 - float(rejected.mean()) if rejected.size else 1.0
    kept = min(len(flat), config.statistics.keep_fields)
    at = np.unique(np.linspace(0, len(flat) - 1, kept).astype(np.int64))
    replica, update = np.divmod(at, length)
    chain = chain._replace(acceptance=acceptance)
    return Source(chain, flat[at], replica, update, None, "", given.files)


def ordered(path: Path, given: Given, theory: Theory) -> FloatArray:
    """Configurations as (replicas, configurations, numbers), each replica in its order."""
    if given.replica is None or given.update is None:
        lead, phi = require_fields(path, given.phi, theory.shape, theory.numbers, (1, 2))
        return phi.reshape(*((1,) * (2 - len(lead))), *lead, theory.numbers)
    _, phi = require_fields(path, given.phi, theory.shape, theory.numbers, (1,))
    replica, update = given.replica, given.update
    for index in (replica, update):
        if index.shape != (len(phi),) or index.dtype.kind not in "iu":
            raise LfmcError(f"{path}: {len(phi)} fields, but places of shape {index.shape}")
    order = np.lexsort((update, replica))
    names, counts = np.unique(replica, return_counts=True)
    if len(set(counts.tolist())) != 1:
        raise LfmcError(
            f"{path}: {len(phi)} fields in {len(names)} replicas of {counts.min()} to "
            f"{counts.max()}; expected replicas of equal length"
        )
    steps = np.diff(update[order].reshape(len(names), -1), axis=1)
    if steps.size and (steps.min() < 1 or steps.min() != steps.max()):
        raise LfmcError(
            f"{path}: kept after {steps.min()} to {steps.max()} updates; expected equal distances"
        )
    return phi[order].reshape(len(names), -1, theory.numbers)


def _given(path: Path) -> Given:
    if path.suffix == ".h5":
        with open_hdf5(path) as file:
            if "fields/phi" not in file:
                raise LfmcError(f"{path}: no data set fields/phi; expected one of configurations")
            replica, update = (
                file[name][()] if name in file else None
                for name in ("fields/replica", "fields/update")
            )
            return Given(file["fields/phi"][()], replica, update, (path,))
    beside = [path.with_name(f"{path.stem}_{name}.npy") for name in ("replica", "update")]
    if all(name.exists() for name in beside):
        replica, update = (read_npy(name) for name in beside)
        return Given(read_npy(path), replica, update, (path, *beside))
    return Given(read_npy(path), None, None, (path,))
