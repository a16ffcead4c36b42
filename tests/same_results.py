"""Whether two results folders hold the same bits, but for times, places and pictures.

    python tests/same_results.py RESULTS OTHER

Compared are every HDF5 data set and attribute, every tensor and its metadata, every table and every
JSON file. Left out: provenance (and the sidecars of tables, which hold it), what is measured in
seconds, and the parts of proposals (which are compared as the whole that their file shows).
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas
from safetensors import safe_open

# model_sha256 is of a file that says how many seconds the training took; its tensors are compared.
TIMED = ("second", "clock", "provenance", "cpu_count", "utc", "model_sha256")
SKIPPED = ("work", "logs", "benchmarks", "figures")


def differences(one: Path, two: Path) -> list[str]:
    """One line for each thing that differs; empty if nothing does."""
    first, second = files(one), files(two)
    found = [f"{name}: only in one of the folders" for name in sorted(first ^ second)]
    for name in sorted(first & second):
        a, b = contents(one / name), contents(two / name)
        found += [f"{name}: {key}" for key in sorted(a.keys() ^ b.keys())]
        found += [f"{name}: {key}" for key in a.keys() & b.keys() if not same(a[key], b[key])]
    return found


def files(results: Path) -> set[str]:
    """Names below a results folder of all files that are compared."""
    names = (p.relative_to(results) for p in results.rglob("*") if p.is_file())
    kinds = {".h5", ".csv", ".json", ".safetensors"}
    wanted = (n for n in names if n.parts[0] not in SKIPPED and n.suffix in kinds)
    compared = (n for n in wanted if not n.name.startswith("part-"))
    return {str(n) for n in compared if not n.name.endswith(".csv.json")}


def contents(path: Path) -> dict[str, Any]:
    """Everything in a file that must not depend on where and when it was made."""
    read = {".h5": hdf5, ".csv": table, ".json": mapping, ".safetensors": tensors}[path.suffix]
    return {key: value for key, value in read(path) if not timed(key)}


def timed(key: str) -> bool:
    return any(word in key for word in TIMED)


def hdf5(path: Path) -> Iterator[tuple[str, Any]]:
    with h5py.File(path, "r") as file:
        yield from ((f"@{key}", value) for key, value in file.attrs.items())
        names: list[str] = []
        file.visit(names.append)
        for name in names:
            yield from ((f"{name}@{k}", v) for k, v in file[name].attrs.items())
            if isinstance(file[name], h5py.Dataset):
                yield name, file[name][()]


def table(path: Path) -> Iterator[tuple[str, Any]]:
    """Columns, without rows in units of time; tables of costs: keys and tau, no times."""
    rows = pandas.read_csv(path, comment=comment(path), dtype=str, keep_default_na=False)
    for column in ("unit", "observable", "quantity"):
        if column in rows:
            rows = rows[~rows[column].str.contains("second")]
    if path.name in ("costs.csv", "cheapest.csv"):
        kept = ("ensemble", "sampler", "flow", "observable", "tau", "tau_error")
        rows = rows[[c for c in rows if c in kept]]
    yield from ((str(column), rows[column].to_numpy(str)) for column in rows)


def comment(path: Path) -> str | None:
    """Tables of earlier versions have their provenance in a comment on the first line."""
    return "#" if path.read_bytes().startswith(b"#") else None


def mapping(path: Path) -> Iterator[tuple[str, Any]]:
    def flat(value: Any, key: str) -> Iterator[tuple[str, Any]]:
        if isinstance(value, dict):
            for name, inner in value.items():
                yield from flat(inner, f"{key}/{name}")
        else:
            yield key, json.dumps(value)

    yield from flat(json.loads(path.read_text()), "")


def tensors(path: Path) -> Iterator[tuple[str, Any]]:
    with safe_open(path, "numpy") as file:
        for name in file.keys():  # noqa: SIM118 (no mapping)
            yield name, file.get_tensor(name)
        for key, text in (file.metadata() or {}).items():
            value = json.loads(text) if text.startswith("{") else text
            if isinstance(value, dict):
                yield from ((f"{key}/{k}", json.dumps(v)) for k, v in value.items())
            else:
                yield key, text


def same(a: Any, b: Any) -> bool:
    """Bit for bit, arrays and the scalars of attributes; NaN equals NaN of the same bits."""
    a, b = (np.asarray(x) if isinstance(x, np.generic) else x for x in (a, b))
    if not isinstance(a, np.ndarray) or a.dtype.kind in "OU":
        return np.array_equal(a, b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


if __name__ == "__main__":
    wrong = differences(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(wrong) or f"{len(files(Path(sys.argv[1])))} files hold the same")
    sys.exit(bool(wrong))
