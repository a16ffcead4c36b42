"""log q and log weights of given fields, from a file of them (`lfmc logq`)."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from lfmc.errors import LfmcError
from lfmc.exchange.fields import read_npy, require_fields
from lfmc.flows.build import Saved, read_model
from lfmc.lattice import FloatArray
from lfmc.provenance import provenance
from lfmc.store import atomically, write_json
from lfmc.theories.ensembles import theory_of

CHUNK = 256  # fields per pass through the flow


class Densities(NamedTuple):
    """Of each field, (fields,): log q, and log w = -S - log q."""

    log_q: FloatArray
    log_weight: FloatArray


def densities(model: Path, fields: Path) -> Densities:
    """Evaluate a trained model on fields.

    Args:
        model: .safetensors of `lfmc train`.
        fields: .npy, (fields, sites), (fields, *shape), or one field of the shape alone.

    Raises:
        LfmcError: no model, no such array, fields of another shape, or a number that is not finite,
            in the fields or in what follows from them.
    """
    saved = read_model(model)
    theory = theory_of(saved.ensemble)
    _, phi = require_fields(fields, read_npy(fields), theory, (0, 1))
    log_q, action = np.empty(len(phi)), np.empty(len(phi))
    with torch.no_grad(), np.errstate(over="ignore", invalid="ignore"):  # refused below
        for begin in range(0, len(phi), CHUNK):
            part = slice(begin, begin + CHUNK)
            log_q[part] = _log_q(saved, phi[part], fields, begin)
            action[part] = theory.evaluate(phi[part])
    for name, values in (("log q", log_q), ("S", action)):
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise LfmcError(f"{fields}: {name} of field {bad[0]} is not finite, {len(bad)} in all")
    return Densities(log_q, -action - log_q)


def _log_q(saved: Saved, phi: FloatArray, fields: Path, first: int) -> FloatArray:
    try:
        values: FloatArray = saved.flow.log_q(torch.from_numpy(phi)).numpy()
    except LfmcError as error:
        raise LfmcError(f"{fields}: fields {first} to {first + len(phi) - 1}: {error}") from None
    return values


def write_densities(found: Densities, output: Path, files: tuple[Path, ...]) -> None:
    """Write (fields, 2) float64, columns log q and log w, and OUTPUT.json with the provenance.

    Raises:
        LfmcError: another suffix than .npy, or a folder that cannot be written.
    """
    if output.suffix != ".npy":
        raise LfmcError(f"{output}: an array needs a name that ends in .npy")
    table = np.stack(found, axis=1)
    origin = provenance({"stage": "logq"}, files)
    atomically(output, lambda path: np.save(path, table, allow_pickle=False))
    columns = {"columns": ["log_q", "log_weight"], "fields": len(table)}
    write_json(output.with_name(f"{output.name}.json"), {**columns, "provenance": origin})
