"""Chains in HDF5 files."""

import json
from pathlib import Path
from typing import Any

from lfmc.api.arguments import shape_of
from lfmc.api.chain import Chain
from lfmc.api.marks import mark
from lfmc.chains import OF_THE_FILE, read_chain, write_header
from lfmc.config.kinds import remember
from lfmc.config.problems import validated
from lfmc.config.sections import Ensemble
from lfmc.errors import LfmcError
from lfmc.store import create_hdf5, open_hdf5
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import theory_of


def save_chain(chain: Chain, path: Path) -> None:
    """Write a chain as every chain file is, with its fields and the log weights of proposals."""
    record = chain.record
    settings = {"ensemble": record.ensemble, "sampler": record.sampler, **record.attributes}
    settings = json.loads(json.dumps(settings, default=str))
    with create_hdf5(path, mark(settings)) as file:
        for name, values in record.scalars.items():
            file[f"scalars/{name}"] = values
        file["saved/two_point"] = record.two_point
        for name, values in record.extra.items():
            file[f"extra/{name}"] = values
        file["fields/phi"] = chain.fields
        file["fields/replica"], file["fields/update"] = chain.replica, chain.update
        if chain.log_weight is not None:
            file["log_weight"] = chain.log_weight
        write_header(
            file,
            json.loads(json.dumps(record.ensemble)),
            record.sampler,
            save_every=record.save_every,
            acceptance=record.acceptance,
            forces_per_update=record.forces_per_update,
            seconds=record.seconds,
            settings=settings,
        )
        for name, value in record.attributes.items():
            if name in OF_THE_FILE:
                continue
            simple = isinstance(value, int | float | str)
            file.attrs[name] = value if simple else json.dumps(value, default=str)


def load_chain(path: Path, theory: Any) -> Chain:
    """Read what `save_chain` or a sampler of the workflow wrote.

    Raises:
        LfmcError: no such file, no chain, or one of a theory that is not given or does not fit.
    """
    if isinstance(theory, Theory):
        remember(type(theory))
    record = read_chain(path)
    with open_hdf5(path) as file:
        fields, replica = file["fields/phi"][()], file["fields/replica"][()]
        update = file["fields/update"][()]
        log_weight = file["log_weight"][()] if "log_weight" in file else None
    if "kind" in record.ensemble and theory is None:
        raise LfmcError(f"{path}: of the theory {record.ensemble['kind']}; give theory=...")
    if theory is None:
        raw = {k: v for k, v in record.ensemble.items() if k not in ("L", "d")}
        theory = theory_of(validated(Ensemble, raw, f"{path}: attribute ensemble"))
    if tuple(shape_of(theory)) != record.shape:
        raise LfmcError(f"{path}: of shape {list(record.shape)}, not {list(theory.shape)}")
    return Chain(theory, record, fields, replica, update, log_weight)
