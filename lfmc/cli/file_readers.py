"""Provenance and contents of every kind of file that a run writes, for `lfmc show`.

A reader returns the provenance, one line of JSON that is empty where the file carries none, and
the contents as lines of text.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

from lfmc.errors import LfmcError

DEEPEST = 20  # levels of a tree that are printed line by line
WIDEST_CELL = 60

Contents = tuple[str, list[str]]


def tree_lines(tree: dict[str, Any], indent: str = "") -> Iterator[str]:
    """One line per value of nested mappings."""
    for key, value in tree.items():
        if isinstance(value, dict) and value and len(indent) < 2 * DEEPEST:
            yield f"{indent}{key}:"
            yield from tree_lines(value, indent + "  ")
        else:
            yield f"{indent}{key}: {value}"


def _hdf5(path: Path) -> Contents:
    import h5py

    from lfmc.store import open_hdf5

    layout: list[str] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            layout.append(f"/{name}  {item.dtype} {item.shape}")

    with open_hdf5(path, check=False) as file:
        for key, value in file.attrs.items():
            if key != "provenance":
                layout.append(f"{key} = {value}")
        file.visititems(visit)
        return str(file.attrs.get("provenance", "")), layout


def _csv(path: Path) -> Contents:
    from lfmc.table_files import table_stamp, whole_bytes

    data = whole_bytes(path)  # for it may be another table than that of its sidecar
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
        lines = [row for row in rows if row and not row[0].startswith("#")]
    except (UnicodeDecodeError, csv.Error):
        raise LfmcError(f"{path}: not a table, for it is not text") from None
    cells = [[_shortened(cell) for cell in row] for row in lines]
    columns = max(map(len, cells), default=0)
    cells = [row + [""] * (columns - len(row)) for row in cells]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    aligned = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    return table_stamp(path), [f"{max(len(aligned) - 1, 0)} rows", *aligned]


def _shortened(cell: str) -> str:
    return cell if len(cell) <= WIDEST_CELL else f"{cell[: WIDEST_CELL - 3]}..."


def _json(path: Path) -> Contents:
    from lfmc.store import read_json

    content = read_json(path)
    stamp = content.pop("provenance", "")
    return stamp if isinstance(stamp, str) else json.dumps(stamp), list(tree_lines(content))


def _safetensors(path: Path) -> Contents:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            tensors = [(k, file.get_slice(k)) for k in file.keys()]  # noqa: SIM118 (no mapping)
            shapes = [f"{k}  {t.get_dtype()} {tuple(t.get_shape())}" for k, t in tensors]
    except SafetensorError as error:
        why = f"perhaps truncated ({error}); delete it and run again"
        raise LfmcError(f"{path}: not a readable model, {why}") from None
    stamp = metadata.pop("provenance", "")
    return stamp, [f"{k} = {v}" for k, v in metadata.items()] + shapes


def _figure(path: Path) -> Contents:
    """The caption beside the figure is its contents in words."""
    from lfmc.figures.metadata import read_provenance

    caption = path.with_suffix(".txt")
    return read_provenance(path), _text(caption)[1] if caption.is_file() else []


def _caption(path: Path) -> Contents:
    """The provenance of a caption is in its figure."""
    from lfmc.figures.metadata import read_provenance

    figure = path.with_suffix(".png")
    return read_provenance(figure) if figure.is_file() else "", _text(path)[1]


def _summary(path: Path) -> Contents:
    """The provenance of summary and report is in a comment on the last line."""
    lines = _text(path)[1]
    last = lines[-1] if lines else ""
    for head, tail in (("<!-- provenance ", " -->"), ("% provenance ", "")):
        if last.startswith(head) and last.endswith(tail):
            return last.removeprefix(head).removesuffix(tail), lines[:-1]
    return "", []


def _report(path: Path) -> Contents:
    """The report's text as a page shows it: lines between tags, without script and style."""
    stamp, lines = _summary(path)
    text = re.sub(r"<(script|style)>.*?</\1>|<[^>]*>", "\n", "\n".join(lines), flags=re.DOTALL)
    return stamp, [line.strip() for line in unescape(text).splitlines() if line.strip()]


def _text(path: Path) -> Contents:
    try:
        return "", path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise LfmcError(f"{path}: not text, so lfmc did not write it") from None


def _checkpoint(path: Path) -> Contents:
    from lfmc.training.state import read_tensors

    content = read_tensors(path)
    if not isinstance(content, dict):
        raise LfmcError(f"{path}: not a readable checkpoint, perhaps truncated")
    return "", [f"{key}: {_described(value)}" for key, value in content.items()]


def _described(value: Any) -> str:
    """A value of a checkpoint: tensors by their shapes, long lists and mappings by their length."""
    if hasattr(value, "shape"):
        return f"tensor {tuple(value.shape)}"
    if isinstance(value, dict | list) and len(value) > 0:
        return f"{len(value)} entries"
    return str(value)


READERS: dict[str, Callable[[Path], Contents]] = {
    ".h5": _hdf5,
    ".csv": _csv,
    ".json": _json,
    ".safetensors": _safetensors,
    ".png": _figure,
    ".pdf": _figure,
    ".txt": _caption,
    ".md": _summary,
    ".tex": _summary,
    ".html": _report,
    ".pt": _checkpoint,
    ".log": _text,
    ".tsv": _text,
}
# Kinds that need not carry any, and what they are then.
WITHOUT = {
    ".txt": "a text without a figure beside it",
    ".pt": "progress of a training",
    ".log": "what a job printed",
    ".tsv": "time and memory of a job, as Snakemake measured them",
}
