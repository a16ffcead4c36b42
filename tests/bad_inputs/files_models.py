"""Models that are torn, of another flow, or not of lfmc at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bad_inputs.cases import Case, Prepare
from bad_inputs.finished import FLOW
from bad_inputs.preparing import copied, cut, folder_instead, written
from lfmc.seal import seal

MODEL = "results/train/T4/flow-60.safetensors"
Header = dict[str, Any]


def _parts(data: bytes) -> tuple[Header, bytes]:
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def raw(header: bytes, body: bytes = b"") -> bytes:
    """A safetensors file of this header."""
    return len(header).to_bytes(8, "little") + header + body


def header(change: Callable[[Header], object]) -> Prepare:
    """The model with another header."""

    def prepare(folder: Path) -> None:
        found, body = _parts((folder / MODEL).read_bytes())
        change(found)
        (folder / MODEL).write_bytes(raw(json.dumps(found).encode(), body))
        seal(folder / MODEL)

    return prepare


def metadata(key: str, change: Callable[[Any], Any] | None) -> Prepare:
    """The model with another entry of its metadata, which is JSON; None removes it."""

    def of_header(found: Header) -> None:
        text = found["__metadata__"].pop(key)
        if change is not None:
            changed = change(json.loads(text))
            found["__metadata__"][key] = (
                changed if isinstance(changed, str) else json.dumps(changed)
            )

    return header(of_header)


def twice(folder: Path) -> None:
    """Every key of the header's ensemble is there twice."""
    found, body = _parts((folder / MODEL).read_bytes())
    text = found["__metadata__"]["ensemble"]
    found["__metadata__"]["ensemble"] = text[:-1] + ', "lam": 1.0}'
    (folder / MODEL).write_bytes(raw(json.dumps(found).encode(), body))
    seal(folder / MODEL)


def parameters(change: Callable[[dict[str, np.ndarray]], object]) -> Prepare:
    """The model with other parameters."""

    def prepare(folder: Path) -> None:
        from safetensors.numpy import load, save

        data = (folder / MODEL).read_bytes()
        found = load(data)
        change(found)
        (folder / MODEL).write_bytes(save(found, _parts(data)[0]["__metadata__"]))
        seal(folder / MODEL)

    return prepare


def first(value: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict[str, np.ndarray]], object]:
    """A change of the first tensor."""

    def change(found: dict[str, np.ndarray]) -> None:
        name = min(found)
        found[name] = value(found[name])

    return change


def put(**values: Any) -> Callable[[dict], dict]:
    """A mapping with other values."""
    return lambda found: {**found, **values}


BAD: dict[str, tuple[Prepare, str]] = {
    "empty": (written(MODEL, b""), "not a readable model"),
    "binary": (written(MODEL, bytes(range(256)) * 9), "not a readable model"),
    "text": (written(MODEL, "weights: 1\n" * 40), "not a readable model"),
    "torn": (cut(MODEL, 0.7), "do not match its checksum"),
    "cut in its header": (cut(MODEL, 0.01), "not a readable model"),
    "a folder": (folder_instead(MODEL), "flow-60.safetensors: "),
    "an HDF5 file": (copied("results/hmc/T4.h5", MODEL), "not a readable model"),
    "a header of null": (written(MODEL, raw(b"null")), "not a readable model|no lfmc model"),
    "a header of a list": (written(MODEL, raw(b"[]")), "not a readable model|no lfmc model"),
    "a header without an end": (written(MODEL, raw(b'{"a": ')), "not a readable model"),
    "a header of 2^40 bytes": (
        written(MODEL, (2**40).to_bytes(8, "little") + b"{}"),
        "not a readable model",
    ),
    "an empty header": (written(MODEL, raw(b"{}")), "no lfmc model"),
    "without metadata": (header(lambda found: found.pop("__metadata__")), "no lfmc model"),
    "without its ensemble": (metadata("ensemble", None), "no lfmc model"),
    "without its flow": (metadata("model", None), "no lfmc model"),
    "its ensemble is a list": (metadata("ensemble", lambda found: [1]), MODEL),
    "its ensemble is no JSON": (metadata("ensemble", lambda found: "{"), MODEL),
    "its flow is a number": (metadata("model", lambda found: 3), MODEL),
    "its flow is no JSON": (metadata("model", lambda found: "heatbath"), MODEL),
    "its flow is unknown": (metadata("model", put(kind="normal")), "kind"),
    "its flow has an unknown key": (metadata("model", put(depth=3)), "depth: unknown key"),
    "2000 layers": (metadata("model", put(layers=2000)), "layers"),
    "a table of 10^9": (metadata("model", put(table=10**9)), "table"),
    "no layers": (metadata("model", put(layers=0)), "layers"),
    "layers are a word": (metadata("model", put(layers="two")), "layers"),
    "another flow": (metadata("model", put(layers=4)), "parameters do not fit"),
    "of another lattice": (metadata("ensemble", put(L=6, shape=[6, 6])), "trained for"),
    "of another lam": (metadata("ensemble", put(lam=1.5)), "trained for"),
    "of an odd lattice": (metadata("ensemble", put(L=5, shape=[5, 5])), MODEL),
    "of a lattice of 10^9": (metadata("ensemble", put(L=10**9, shape=[10**9] * 2)), MODEL),
    "of five dimensions": (metadata("ensemble", put(shape=[4] * 5, d=5)), MODEL),
    "lam is NaN": (metadata("ensemble", put(lam=float("nan"))), MODEL),
    "lam is a word": (metadata("ensemble", put(lam="9")), MODEL),
    "keys twice in its ensemble": (twice, MODEL),
    "parameters NaN": (parameters(first(lambda a: np.full_like(a, np.nan))), "not finite"),
    "parameters infinite": (parameters(first(lambda a: np.full_like(a, np.inf))), "not finite"),
    "parameters of integers": (parameters(first(lambda a: a.astype("i4"))), "parameters"),
    "parameters of bytes": (parameters(first(lambda a: np.zeros(a.shape, "u1"))), "parameters"),
    "parameters of another shape": (
        parameters(first(lambda a: a.reshape(1, -1))),
        "parameters do not fit",
    ),
    "no values in a parameter": (parameters(first(lambda a: a[:0])), "parameters do not fit"),
    "a parameter is missing": (
        parameters(lambda found: found.pop(min(found))),
        "parameters do not fit",
    ),
    "a weight too many": (
        parameters(lambda found: found.update(more=np.zeros(3))),
        "parameters do not fit",
    ),
    "no parameters": (parameters(lambda found: found.clear()), "parameters do not fit"),
}
CASES = tuple(
    Case(f"model {name}", f"propose {FLOW}", (MODEL, words), prepare)
    for name, (prepare, words) in BAD.items()
) + tuple(
    Case(f"verify of a model {name}", f"verify {FLOW}", (MODEL,), BAD[name][0])
    for name in ("empty", "torn", "parameters NaN", "another flow", "of another lam")
)
