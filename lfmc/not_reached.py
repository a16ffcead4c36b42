"""Markers for a target that a training did not reach, in place of its model and later files.

The files of a flow are declared before it is known whether it reaches its target. If it does not,
each of them is a marker, with the same name and format, which contains only the reason.

    .safetensors  no tensors; `not_reached` (JSON) in the header
    .h5           no data sets; attributes kind = "not-reached" and not_reached (JSON)
    .csv          the columns of the table, no rows
    .json         keys not_reached and summary

A stage that reads a marker writes markers and ends without an error. Tables and figures leave the
sampler out and state this.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import h5py

from lfmc.seal import require_whole
from lfmc.store import small_hdf5, write_bytes, write_json
from lfmc.table_files import write_table

KIND, KEY = "not-reached", "not_reached"


class NotReached(NamedTuple):
    """A target that was not reached.

    Attributes:
        ensemble, sampler: the flow, as in E1 and flow-70.
        target: the required acceptance.
        acceptance: the best acceptance of a check, from the model's own samples.
        limit: what ended the training, in words.
    """

    ensemble: str
    sampler: str
    target: float
    acceptance: float
    limit: str

    def __str__(self) -> str:
        close = ", not surely above it" if self.acceptance >= self.target else ""
        best = f"acceptance {self.acceptance:.3f}{close}"
        return f"target {self.target:g} not reached: {self.limit} at {best}"


def not_reached(path: str | Path) -> NotReached | None:
    """Return the content of a model or HDF5 file that is a marker, and None for any other path."""
    path = Path(path)
    try:
        text = (_of_hdf5 if path.suffix == ".h5" else _of_model)(path)
        if not text:
            return None
        require_whole(path)
        return NotReached(**json.loads(text))
    except (OSError, ValueError, TypeError):  # the reader of the file reports what is wrong with it
        return None


def write_marker(
    path: str | Path, missed: NotReached, provenance: str, columns: tuple[str, ...] = ()
) -> None:
    """Mark the file of that name as not reached.

    Args:
        path: .safetensors, .h5, .csv or .json.
        provenance: the stamp.
        columns: of a table.
    """
    reason = json.dumps(missed._asdict())
    suffix = Path(path).suffix
    if suffix == ".safetensors":
        from safetensors.numpy import save

        write_bytes(path, save({}, {KEY: reason, "provenance": provenance}))
    elif suffix == ".h5":
        with small_hdf5(path, provenance) as file:
            file.attrs["kind"] = KIND
            file.attrs[KEY] = reason
    elif suffix == ".csv":
        import pandas

        write_table(path, pandas.DataFrame(columns=list(columns)), provenance)
    else:
        content: dict[str, Any] = {"summary": str(missed), KEY: missed._asdict()}
        write_json(path, content | {"provenance": json.loads(provenance)})


def _of_hdf5(path: Path) -> str:
    with h5py.File(path, "r") as file:
        return str(file.attrs.get(KEY, "")) if file.attrs.get("kind", "") == KIND else ""


def _of_model(path: Path) -> str:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "numpy") as file:
            return str((file.metadata() or {}).get(KEY, ""))
    except SafetensorError:
        return ""
