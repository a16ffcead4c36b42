"""Configurations from elsewhere as a chain, measured like every other (`lfmc import`)."""

import json
from pathlib import Path

import numpy as np

from lfmc.analysis.consistency import require_sound
from lfmc.analysis.rejections import rejected_updates
from lfmc.chains import IMPORTED, Chain
from lfmc.config import Config
from lfmc.config.imported_section import import_settings
from lfmc.errors import LfmcError
from lfmc.exchange.fields import require_fields
from lfmc.exchange.given import Given, read_given
from lfmc.exchange.source import Source
from lfmc.lattice import FloatArray
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import theory_of

CHUNK = 1024  # configurations measured at a time


def incoming(config: Config, ensemble: str, name: str, path: Path) -> Source:
    """The chain of configurations from elsewhere, with up to `keep_fields` of them.

    Scalars and correlators are recomputed from the fields. Every configuration counts as one
    update; the acceptance is the share of configurations that differ from the one before.

    Args:
        name: of the sampler that made them.
        path: .npy of the shape (configurations, sites) or (configurations, *shape), with an axis of
            replicas in front where there are several; or with one axis of configurations, and
            NAME_replica.npy and NAME_update.npy beside it; or .h5 with fields/phi, fields/replica
            and fields/update.

    Raises:
        LfmcError: unreadable, of another shape, not finite, not in the space of the theory, all
            zero, or replicas of unequal length.
    """
    theory = theory_of(config.ensemble(ensemble))
    given = read_given(path)
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
        attributes={
            IMPORTED: str(path),
            "settings": json.dumps(import_settings(config, ensemble, name, str(path))),
        },
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
        lead, phi = require_fields(path, given.phi, theory, (1, 2))
        return phi.reshape(*((1,) * (2 - len(lead))), *lead, theory.numbers)
    _, phi = require_fields(path, given.phi, theory, (1,))
    replica, update = given.replica, given.update
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
