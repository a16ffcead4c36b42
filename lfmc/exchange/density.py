"""log q and log weights of given fields, from a file of them (`lfmc logq`)."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lfmc.errors import LfmcError
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
    phi = read_fields(fields, theory.shape, theory.numbers)
    log_q, action = np.empty(len(phi)), np.empty(len(phi))
    with torch.no_grad():
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


def read_fields(path: Path, shape: tuple[int, ...], numbers: int) -> FloatArray:
    """Fields of a .npy file as float64, (fields, numbers), C-contiguous.

    Raises:
        LfmcError: no readable array of real numbers, another shape, no field, NaN or inf.
    """
    given = _read_npy(path)
    single, inner = given.shape == shape, given.shape[1:]
    if not single and inner not in ((numbers,), shape):
        extents = ", ".join(map(str, shape))
        raise LfmcError(
            f"{path}: an array of shape {given.shape}; expected (fields, {numbers}) or "
            f"(fields, {extents})"
        )
    phi = np.ascontiguousarray(given.reshape(-1, numbers), dtype=np.float64)
    if not len(phi):
        raise LfmcError(f"{path}: no fields in it")
    bad = np.flatnonzero(~np.isfinite(phi).all(1))
    if len(bad):
        raise LfmcError(f"{path}: field {bad[0]} is not finite ({len(bad)} of {len(phi)})")
    return phi


def _read_npy(path: Path) -> NDArray:
    try:
        given = np.load(path, allow_pickle=False)
    except OSError as error:
        raise LfmcError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, EOFError, SyntaxError):  # np.load takes anything else for a pickle
        raise LfmcError(f"{path}: not a whole .npy file of numbers") from None
    if not isinstance(given, np.ndarray):
        raise LfmcError(f"{path}: an archive of arrays (.npz); save the fields alone with np.save")
    if given.dtype.kind not in "fiu":
        raise LfmcError(f"{path}: an array of {given.dtype}, expected real numbers")
    return given


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
