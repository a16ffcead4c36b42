"""The finished chain of the same settings but for its length: what a new length reads of it.

A chain with more configurations continues where the old one ended, and one with fewer is its
beginning; either way the result has the bits of a run of that length. Everything else (replicas,
seed, other settings, other tuned parameters) starts anew, and the log says why.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lfmc.attributes import number
from lfmc.config.problems import shortened as brief
from lfmc.errors import LfmcError
from lfmc.made_for import leaves
from lfmc.samplers.plan import Plan
from lfmc.samplers.trail import Arrays, read_trail, shortened
from lfmc.seal import file_digest
from lfmc.store import open_hdf5

log = logging.getLogger(__name__)

LENGTH = "statistics.configurations"


class Earlier(NamedTuple):
    """The beginning of a run that exists already.

    Attributes:
        path: its chain file.
        trail: of the configurations that both lengths have in common.
        saved: their number for each chain.
        share: of the old chain, for its seconds.
        seconds: sampling, measure and setup of the old chain.
    """

    path: Path
    trail: Arrays
    saved: int
    share: float
    seconds: tuple[float, float, float]


def trail_path(work: Path) -> Path:
    """Where the trail of a chain lies: beside the working folder, not in it."""
    return work.with_name(f"{work.name}-end.h5")


def difference(path: Path, settings: dict[str, Any]) -> tuple[str, str] | None:
    """The first setting in which a file differs, and how; None if in none.

    The length counts last, so that it is named only if nothing else differs.
    """
    with open_hdf5(path) as file:
        try:
            made = json.loads(str(file.attrs["provenance"]))["settings"]
        except (KeyError, ValueError, TypeError):
            return "provenance", "it does not say what it was made with"
    one, two = dict(leaves(made)), dict(leaves(json.loads(json.dumps(settings))))
    for key in sorted(one.keys() | two.keys(), key=lambda key: (key == LENGTH, key)):
        if one.get(key) != two.get(key):
            old, new = (brief(str(values.get(key, "nothing"))) for values in (one, two))
            return key, f"made with {key} = {old}, now {new}"
    return None


def finished(path: Path, settings: dict[str, Any]) -> bool:
    """Whether a chain file is there, whole, and made with exactly these settings."""
    try:
        return path.exists() and difference(path, settings) is None
    except LfmcError:
        return False


def earlier(path: Path, work: Path, settings: dict[str, Any], division: Plan) -> Earlier | None:
    """What there is of a run in the chain file of another length; logs why if it is nothing."""
    if not path.exists():
        return None
    try:
        return _earlier(path, trail_path(work), settings, division)
    except LfmcError as error:
        log.warning("%s; sampling starts anew", error)
        return None


def _earlier(path: Path, end: Path, settings: dict[str, Any], division: Plan) -> Earlier | None:
    found = difference(path, settings)
    if found is None:
        return None  # finished; whoever asks all the same samples it again
    if found[0] != LENGTH:
        raise LfmcError(f"{path}: {found[1]}")
    if not end.exists():
        raise LfmcError(f"{path}: its last state is not stored in {end}")
    with open_hdf5(end) as file:
        if file.attrs.get("chain") != file_digest(path):
            raise LfmcError(f"{end}: belongs to another chain than {path}")
        trail = read_trail(file)
    with open_hdf5(path) as file:
        names = ("seconds", "seconds_measure", "seconds_setup")
        spent = [number(path, file, name, 0) for name in names]
        length = file["saved/two_point"].shape[1]
        own = {"replica": file["fields/replica"][()], "phi": file["fields/phi"][()]}
        own["when"] = (file["fields/update"][()] + 1) // division.save_every - 1
    fields = {name: np.concatenate([trail[name], array]) for name, array in own.items()}
    _, rows = np.unique(np.stack([fields["when"], fields["replica"]]), axis=1, return_index=True)
    trail |= {name: array[rows] for name, array in fields.items()}
    saved = min(length, division.saved)
    return Earlier(
        path,
        shortened(trail, saved, division.save_every),
        saved,
        saved / length,
        (spent[0], spent[1], spent[2]),
    )


def records(before: Earlier, division: Plan) -> Iterator[Arrays]:
    """The series of the old chain, as many saved configurations at a time as a segment has."""
    with open_hdf5(before.path) as file:
        groups = (name for name in ("scalars", "saved", "extra") if name in file)
        names = [f"{group}/{name}" for group in groups for name in file[group]]
        for begin in range(0, before.saved, division.segment):
            end = min(begin + division.segment, before.saved)
            piece: Arrays = {}
            for name in names:
                every = 1 if name.startswith("saved/") else division.save_every
                piece[name] = file[name][:, begin * every : end * every]
            # Files of earlier versions lack those of several proposals per update.
            counts = before.trail["counts"][:, begin * division.save_every :]
            piece.setdefault("extra/accepted", counts[:, : (end - begin) * division.save_every])
            yield piece
