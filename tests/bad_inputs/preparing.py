"""How inputs are made bad: each function returns what a case's `prepare` is.

Files that carry a checksum get the right one after the change: what is tested is not that the
change is noticed (one case for each kind of file does that) but what its content leads to.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml

from bad_inputs.cases import Prepare
from lfmc.seal import seal
from lfmc.table_files import sidecar


def written(path: str, content: str | bytes) -> Prepare:
    """A file of this content."""

    def prepare(folder: Path) -> None:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    return prepare


def configuration(text: str | bytes) -> Prepare:
    """config.yaml of this text."""
    return written("config.yaml", text)


def configured(path: str, value: Any) -> Prepare:
    """The finished run's configuration with one value changed, e.g. "flow.targets"."""

    def prepare(folder: Path) -> None:
        content = yaml.safe_load((folder / "config.yaml").read_text())
        _put(content, path, value)
        (folder / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False))

    return prepare


def in_json(file: str, path: str, value: Any) -> Prepare:
    """A JSON file with one value changed."""

    def prepare(folder: Path) -> None:
        content = json.loads((folder / file).read_text())
        _put(content, path, value)
        (folder / file).write_text(json.dumps(content))
        seal(folder / file)

    return prepare


def _put(content: Any, path: str, value: Any) -> None:
    *inner, last = [int(p) if p.isdigit() else p for p in path.split(".")]
    for part in inner:
        content = content.setdefault(part, {}) if isinstance(content, dict) else content[part]
    content[last] = value


def replaced(file: str, old: str, new: str, count: int = 1, sealed: bool = True) -> Prepare:
    """A text file with words changed, which must be in it."""

    def prepare(folder: Path) -> None:
        text = (folder / file).read_text()
        assert old in text, f"{file}: {old!r} is not in it"
        (folder / file).write_text(text.replace(old, new, count))
        if sealed:
            resealed(folder / file)

    return prepare


def resealed(path: Path) -> None:
    """Give a changed file the right checksum, a table in its sidecar."""
    beside = sidecar(path)
    if path.suffix == ".csv" and beside.exists():
        content = json.loads(beside.read_text())
        content["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        beside.write_text(json.dumps(content))
        path = beside
    seal(path)


def table(file: str, change: Callable[[Any], Any]) -> Prepare:
    """A table after a function of its pandas form."""

    def prepare(folder: Path) -> None:
        import pandas

        path = folder / file
        path.write_text(change(pandas.read_csv(path)).to_csv(index=False))
        resealed(path)

    return prepare


def cut(file: str, keep: float) -> Prepare:
    """A file's first bytes, a share of them."""

    def prepare(folder: Path) -> None:
        data = (folder / file).read_bytes()
        (folder / file).write_bytes(data[: int(len(data) * keep)])

    return prepare


def removed(*files: str) -> Prepare:
    """Files that are not there."""

    def prepare(folder: Path) -> None:
        for file in files:
            (folder / file).unlink()

    return prepare


def folder_instead(file: str) -> Prepare:
    """A folder of a file's name."""

    def prepare(folder: Path) -> None:
        (folder / file).unlink(missing_ok=True)
        (folder / file).mkdir(parents=True)

    return prepare


def copied(source: str, target: str) -> Prepare:
    """One file of the run under another's name."""

    def prepare(folder: Path) -> None:
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        (folder / target).write_bytes((folder / source).read_bytes())
        if target.endswith(".csv") and sidecar(folder / source).exists():
            sidecar(folder / target).write_bytes(sidecar(folder / source).read_bytes())

    return prepare


def attribute(file: str, name: str, value: Any) -> Prepare:
    """An HDF5 file with another value of an attribute; None removes it."""

    def prepare(folder: Path) -> None:
        with h5py.File(folder / file, "r+") as opened:
            del opened.attrs[name]
            if value is not None:
                opened.attrs[name] = value
        seal(folder / file)

    return prepare


def dataset(file: str, name: str, value: Any) -> Prepare:
    """An HDF5 file with another data set of this name; None removes it."""

    def prepare(folder: Path) -> None:
        with h5py.File(folder / file, "r+") as opened:
            del opened[name]
            if value is not None:
                opened[name] = value if callable(value) else np.asarray(value)
        seal(folder / file)

    return prepare


def several(*steps: Prepare) -> Prepare:
    """One after another."""

    def prepare(folder: Path) -> None:
        for step in steps:
            step(folder)

    return prepare
