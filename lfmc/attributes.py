"""Attributes of HDF5 files, checked when they are read: a wrong one is an error of one line."""

import json
import math
from pathlib import Path
from typing import Any, NoReturn

import h5py
import numpy as np

from lfmc.config.problems import shortened
from lfmc.errors import LfmcError


def text(path: str | Path, file: h5py.File, key: str) -> str:
    """An attribute that is text.

    Raises:
        LfmcError: missing, or anything else.
    """
    value = _value(path, file, key)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str) else _refuse(path, key, value, "text")


def mapping(path: str | Path, file: h5py.File, key: str) -> dict[str, Any]:
    """An attribute that is a JSON object.

    Raises:
        LfmcError: missing, or anything else.
    """
    raw = text(path, file, key)
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else _refuse(path, key, raw, "a JSON object")


def number(
    path: str | Path, file: h5py.File, key: str, low: float = -math.inf, high: float = math.inf
) -> float:
    """An attribute that is a finite number between `low` and `high`, both included.

    Raises:
        LfmcError: missing, or anything else.
    """
    value = _value(path, file, key)
    scalar = np.asarray(value)
    good = scalar.shape == () and scalar.dtype.kind in "iuf" and bool(np.isfinite(scalar))
    if not good or not low <= float(scalar) <= high:
        bounds = f" from {low:g} to {high:g}" if high < math.inf else f", at least {low:g}"
        _refuse(path, key, value, f"a number{bounds if low > -math.inf else ''}")
    return float(scalar)


def whole_number(path: str | Path, file: h5py.File, key: str, low: int) -> int:
    """An attribute that is a whole number from `low` on.

    Raises:
        LfmcError: missing, or anything else.
    """
    found = number(path, file, key, low, 2.0**53)
    if not found.is_integer():
        _refuse(path, key, found, f"a whole number, at least {low}")
    return int(found)


def _value(path: str | Path, file: h5py.File, key: str) -> Any:
    if key not in file.attrs:
        raise LfmcError(f"{path}: lacks the attribute {key}; lfmc did not write it, or not whole")
    try:
        return file.attrs[key]
    except (OSError, TypeError, ValueError, RuntimeError):  # a type that h5py does not know
        _refuse(path, key, "of an unknown type", "another")


def _refuse(path: str | Path, key: str, value: Any, wanted: str) -> NoReturn:
    shown = shortened(" ".join(str(value).split()))
    raise LfmcError(f"{path}: attribute {key} is {shown}, expected {wanted}")
