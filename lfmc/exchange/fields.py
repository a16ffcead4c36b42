"""Fields in .npy files: read, and checked before anything is computed from them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lfmc.errors import LfmcError
from lfmc.lattice import FloatArray, Shape, volume
from lfmc.theories.base import Theory

UNIT = 1e-4  # by which the length of a unit vector may be off: fields are often float32


def read_npy(path: Path) -> NDArray:
    """An array of real numbers.

    Raises:
        LfmcError: no whole .npy file, an archive, or other contents than real numbers.
    """
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


def require_fields(
    path: Path, given: NDArray, theory: Theory, axes: tuple[int, ...]
) -> tuple[Shape, FloatArray]:
    """Fields as float64, (fields, numbers), and the axes that count them.

    Args:
        given: (..., numbers) or (..., *shape); of a field of several numbers per site also
            (..., *shape, n).
        axes: how many axes may count fields.

    Raises:
        LfmcError: another shape, no field, NaN or inf, vectors that are not of unit length where
            the theory's are.
    """
    shape, numbers = theory.shape, theory.numbers
    each = numbers // volume(shape)
    whole = shape if each == 1 else (*shape, each)
    inner = len(whole) if given.ndim >= len(whole) and given.shape[-len(whole) :] == whole else 1
    lead = given.shape[: given.ndim - inner]
    if given.ndim < inner or len(lead) not in axes or given.size != np.prod(lead) * numbers:
        extents = ", ".join(map(str, whole))
        replicas = " with an axis of replicas in front where there are several" * (2 in axes)
        raise LfmcError(
            f"{path}: an array of shape {given.shape}; expected (fields, {numbers}) or "
            f"(fields, {extents}){replicas}"
        )
    phi: FloatArray = np.ascontiguousarray(given.reshape(-1, numbers), dtype=np.float64)
    if not len(phi):
        raise LfmcError(f"{path}: no fields in it")
    bad = np.flatnonzero(~np.isfinite(phi).all(1))
    if len(bad):
        raise LfmcError(f"{path}: field {bad[0]} is not finite ({len(bad)} of {len(phi)})")
    require_unit(path, phi, theory)
    return lead, phi


def require_unit(what: Path | str, phi: FloatArray, theory: Theory) -> None:
    """Refuse vectors that are not of unit length, (fields, numbers), where the theory's are.

    Raises:
        LfmcError: there are some; `what` names where.
    """
    if theory.field.space != "sphere":
        return
    each = theory.numbers // volume(theory.shape)
    length = np.sqrt((phi.reshape(len(phi), -1, each) ** 2).sum(2))
    bad = np.flatnonzero((np.abs(length - 1) > UNIT).any(1))
    if len(bad):
        raise LfmcError(
            f"{what}: field {bad[0]} has vectors that are not of unit length ({len(bad)} of "
            f"{len(phi)}); component a of site x is number {each} x + a"
        )
