"""Random changes of a finished run's files, each with the commands that read the file."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bad_inputs.finished import FLOW
from bad_inputs.preparing import resealed
from lfmc.seal import Broken

Random = np.random.Generator

DAMAGE = "bytes: "
CELLS = ("", "nan", "inf", "-1", "0", "1e400", "x", "True", "1;2", "é", '"', "99999999999999999999")
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1e308, float("nan"), float("inf"), "", "x", "é", [], {}, [[]], {"a": 1}),
    *([1, "a"], 10**30, "1e400"),
)
SHAPES: dict[str, Callable[[np.ndarray], Any]] = {
    "absent": lambda array: None,
    "empty": lambda array: array[:0],
    "a number": lambda array: 3.0,
    "shorter": lambda array: array[: len(array) // 2],
    "doubled": lambda array: np.concatenate([array, array]),
    "one axis more": lambda array: array[None],
    "flat": lambda array: array.reshape(-1),
    "words": lambda array: np.array([b"x"] * max(len(array), 1)),
    "NaN": lambda array: np.full_like(array, np.nan) if array.dtype.kind == "f" else array - 1,
    "negative": lambda array: (-1 - array).astype(array.dtype) if array.size else array,
    "huge": lambda array: np.full_like(array, 10**18 if array.dtype == "i8" else 10**2),
    "double precision": lambda array: array.astype("f8"),
    "integers": lambda array: np.nan_to_num(array).astype("i4"),
    "constant": lambda array: np.zeros_like(array),
}


def _readers() -> dict[str, tuple[str, ...]]:
    """File of the finished run -> the commands that read it."""
    found = {
        "tune/T4.json": ("hmc --ensemble T4", "local --ensemble T4", "cluster --ensemble T4"),
        "train/T4/flow-60.safetensors": (f"propose {FLOW}", f"verify {FLOW}"),
        "train/T4/training.csv": ("fit",),
        "propose/T4/flow-60.h5": (
            *(f"accept {FLOW}", f"measure {FLOW}", f"verify {FLOW}", f"autocorrelation {FLOW}"),
            "plot fields",
        ),
        "accept/T4/flow-60.h5": (f"measure {FLOW}", f"verify {FLOW}", f"autocorrelation {FLOW}"),
    }
    for sampler in ("hmc", "local", "cluster"):
        chain = f"--ensemble T4 --sampler {sampler}"
        stages = ("measure", "autocorrelation", "verify")
        found[f"{sampler}/T4.h5"] = tuple(f"{stage} {chain}" for stage in stages)
    for sampler in ("flow-60", "hmc"):
        found[f"measure/T4/{sampler}.csv"] = ("fit",)
        found[f"autocorrelation/T4/{sampler}.csv"] = ("fit",)
        found[f"measure/T4/{sampler}.h5"] = ("plot error_scaling", "plot rejection_runs")
    found["tables/observables.csv"] = ("gates", "plot chi2_energy", "plot greens", "plot table1")
    found["tables/tau_int.csv"] = ("plot tau_int", "plot tau_ratio")
    found["tables/exponents.csv"] = ("plot tau_int", "plot tau_int_update")
    found["tables/acceptance.csv"] = ("gates", "plot rejection_runs", "plot tau_int_update")
    found["tables/training.csv"] = ("plot training_cost", "plot training_quality")
    found["tables/costs.csv"] = ("plot cost_per_sample", "summary")
    found["tables/cheapest.csv"] = ("plot cheapest",)
    found["tables/gates.csv"] = ("summary",)
    found["tables/published.csv"] = ("plot effective_mass", "plot table1")
    for name in ("figures/tau_int.png", "figures/tau_int.pdf", "verify/T4/hmc.json"):
        found[name] = ()
    return {f"results/{name}": commands for name, commands in found.items()}


READERS = _readers()


def mutate(folder: Path, rng: Random) -> tuple[str, str]:
    """Change one file of a copy of the finished run; what was done, and a command to try."""
    name = str(rng.choice(sorted(READERS)))
    path = folder / name
    done = CHANGES[path.suffix](path, rng)
    if not done.startswith(DAMAGE):  # which a checksum is there to show
        with suppress(Broken):  # the place of the checksum itself was hit
            resealed(path)
    commands = (*READERS[name], f"show {name}")
    return f"{name}: {done}", str(rng.choice(commands))


def _bytes(path: Path, rng: Random) -> str:
    """Cut, overwrite, or flip bits anywhere."""
    data = bytearray(path.read_bytes())
    at = int(rng.integers(len(data)))
    kind = str(rng.choice(["cut", "zeros", "noise", "doubled"]))
    piece = int(rng.integers(1, 200))
    if kind == "cut":
        data = data[:at]
    elif kind == "doubled":
        data = data + data
    else:
        new = bytes(piece) if kind == "zeros" else rng.bytes(piece)
        data[at : at + piece] = new
    path.write_bytes(data)
    return f"{DAMAGE}{kind} at {at} ({piece} bytes)"


def _csv(path: Path, rng: Random) -> str:
    header, *rows = path.read_text().splitlines()
    kind = str(
        rng.choice(["cell", "header", "row", "column", "twice", "no rows", "bytes", "stamp"])
    )
    if kind == "bytes" or not rows:
        return _bytes(path, rng)
    row, column = int(rng.integers(len(rows))), int(rng.integers(header.count(",") + 1))
    cell = str(rng.choice(CELLS))
    cells = [line.split(",") for line in (header, *rows)]
    if kind == "cell":
        cells[row + 1][column] = cell
    elif kind == "header":
        cells[0][column] = cell
    elif kind == "row":
        cells[row + 1] = cells[row + 1][:column]
    elif kind == "column":
        cells = [line[:column] + line[column + 1 :] for line in cells]
    elif kind == "twice":
        cells.append(cells[row + 1])
    elif kind == "no rows":
        cells = cells[:1]
    first = []
    if kind == "stamp":  # of an earlier version
        first = ["# provenance " + json.dumps(VALUES[int(rng.integers(len(VALUES)))])]
    path.write_text("\n".join([*first, *(",".join(line) for line in cells)]) + "\n")
    return f"{kind} {row} {column} {cell!r}"


def _json(path: Path, rng: Random) -> str:
    if rng.random() < 0.15:
        return _bytes(path, rng)
    content = json.loads(path.read_text())
    what = _value(content, rng)
    path.write_text(json.dumps(content))
    return what


def _value(tree: Any, rng: Random) -> str:
    """Replace or remove one value, at any depth."""
    where = []
    while True:
        key = list(tree)[int(rng.integers(len(tree)))] if isinstance(tree, dict) else 0
        where.append(str(key))
        if isinstance(tree[key], dict) and tree[key] and rng.random() < 0.6:
            tree = tree[key]
            continue
        if rng.random() < 0.25:
            del tree[key]
            return f"{'.'.join(where)} removed"
        tree[key] = VALUES[int(rng.integers(len(VALUES)))]
        return f"{'.'.join(where)} = {tree[key]!r}"


def _hdf5(path: Path, rng: Random) -> str:
    if rng.random() < 0.15:
        return _bytes(path, rng)
    with h5py.File(path, "r+") as file:
        if rng.random() < 0.5:
            name = str(rng.choice(list(file.attrs)))
            value = VALUES[int(rng.integers(len(VALUES)))]
            if isinstance(value, dict | list) or value is None or value == 10**30:
                value = json.dumps(value) if rng.random() < 0.5 else np.array([1.0, 2.0])
            del file.attrs[name]
            if rng.random() < 0.7:
                file.attrs[name] = value
                return f"attribute {name} = {value!r}"
            return f"attribute {name} removed"
        names: list[str] = []
        file.visititems(lambda n, item: names.append(n) if isinstance(item, h5py.Dataset) else None)
        name, kind = str(rng.choice(names)), str(rng.choice(list(SHAPES)))
        array = file[name][()]
        del file[name]
        changed = SHAPES[kind](array)
        if changed is not None:
            file[name] = changed
        return f"data set {name} {kind}"


def _safetensors(path: Path, rng: Random) -> str:
    if rng.random() < 0.2:
        return _bytes(path, rng)
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    tree = header
    if rng.random() < 0.5:
        field = str(rng.choice(["model", "ensemble"]))
        tree = json.loads(header["__metadata__"][field])
    what = _value(tree, rng)
    if tree is not header:
        header["__metadata__"][field] = json.dumps(tree)
        what = f"{field} {what}"
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    return what


CHANGES: dict[str, Callable[[Path, Random], str]] = {
    ".csv": _csv,
    ".json": _json,
    ".h5": _hdf5,
    ".safetensors": _safetensors,
    ".png": _bytes,
    ".pdf": _bytes,
}
