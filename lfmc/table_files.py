"""Tables as plain CSV, each with a sidecar that holds its provenance and its checksum.

    tables/costs.csv        columns and rows, and nothing else: any program opens it
    tables/costs.csv.json   sha256, columns, number of rows, provenance

The sidecar is published first, and an older table is removed before: whenever a process is killed,
a table that is there is the one that its sidecar describes. Tables of earlier versions have no
sidecar but a first line "# provenance {...}", and are read as well.
"""

import hashlib
import io
import json
import os
import time
from pathlib import Path
from typing import Any

from lfmc.errors import LfmcError
from lfmc.seal import Broken, require_whole, seal
from lfmc.store import read_json, written_aside

HEAD = b"# provenance "  # of earlier versions
TRIES = 20  # to read a table and its sidecar while another process replaces both
# Columns of tables that are read as text, whatever stands in them.
WORDS = (
    *("ensemble", "sampler", "observable", "estimator", "unit", "flow", "quantity", "fit_L"),
    *("gate", "side", "note", "start", "clock"),
)


def sidecar(path: str | Path) -> Path:
    """The sidecar of a table: x.csv.json of x.csv."""
    return Path(f"{path}.json")


def write_table(path: str | Path, table: Any, stamp: str) -> None:
    """Write a pandas table as CSV, numbers with ten digits, and its sidecar.

    Args:
        stamp: the provenance, one line of JSON.
    """
    final = Path(path)
    with written_aside(final) as aside, written_aside(sidecar(final)) as beside:
        table.to_csv(aside, index=False, float_format="%.10g")
        content = {
            "sha256": hashlib.sha256(aside.read_bytes()).hexdigest(),
            "columns": [str(column) for column in table.columns],
            "rows": len(table),
            "provenance": json.loads(stamp),
        }
        beside.write_text(json.dumps(content, indent=1) + "\n")
        seal(beside)
        for written in (aside, beside):
            with open(written, "rb") as stream:
                os.fsync(stream.fileno())
        final.unlink(missing_ok=True)  # both files are on disk; what follows are two renames


def read_table(path: str | Path) -> Any:
    """Read a table, its bytes compared with its checksum where it has one.

    Raises:
        LfmcError: missing, torn, damaged, or without the sidecar that belongs to it.
    """
    import pandas

    try:
        data = whole_bytes(path)
        comment = "#" if data.startswith(b"#") else None
        columns = pandas.read_csv(io.BytesIO(data), comment=comment, nrows=0).columns
        words = {name: str for name in columns if name in WORDS}
        # An ensemble may be called 12 or NA.
        missing = {name: [""] if name in words else ["", "nan", "NaN"] for name in columns}
        return pandas.read_csv(
            io.BytesIO(data),
            comment=comment,
            dtype=words,
            keep_default_na=False,
            na_values=missing,
        )
    except (OSError, ValueError) as error:
        raise LfmcError(f"{path}: not a readable table ({str(error).splitlines()[0]})") from None


def whole_bytes(path: str | Path) -> bytes:
    """The bytes of a table, as they were written.

    Raises:
        Broken: they are not those that its sidecar, or its first line, names.
        OSError: it cannot be read.
    """
    for attempt in range(TRIES):
        known = described(path)
        try:
            data = Path(path).read_bytes()
        except FileNotFoundError:
            if known is None or attempt == TRIES - 1:
                raise
            time.sleep(0.02)
            continue
        if known is None or data.startswith(HEAD):
            require_whole(path)
            return data
        if hashlib.sha256(data).hexdigest() == known["sha256"]:
            return data
        if described(path) == known:
            break
    raise Broken(
        f"{path}: its bytes do not match its checksum in {sidecar(path).name}: it was changed or "
        "damaged after it was written; delete it and run again"
    )


def require_whole_table(path: str | Path) -> bool:
    """Compare a table with its checksum; False if it is of a version that wrote none.

    Raises:
        Broken: changed, damaged, or without its sidecar.
        OSError: it cannot be read.
    """
    data = whole_bytes(path)
    if data.startswith(HEAD):
        return require_whole(path)
    if not sidecar(path).exists():
        raise Broken(f"{path}: its sidecar {sidecar(path).name} is missing; run again")
    return True


def table_stamp(path: str | Path) -> str:
    """The provenance of a table, one line of JSON; empty if it carries none.

    Raises:
        LfmcError: the sidecar is damaged.
    """
    with open(path, "rb") as stream:
        first = stream.readline()
    if first.startswith(HEAD):
        return first.removeprefix(HEAD).decode("utf-8", "replace").strip()
    known = described(path)
    return "" if known is None else json.dumps(known.get("provenance", ""))


def described(path: str | Path) -> dict[str, Any] | None:
    """What the sidecar of a table says; None where there is none.

    Raises:
        LfmcError: damaged, or the sidecar of something else.
    """
    beside = sidecar(path)
    if not beside.exists():
        return None
    found = read_json(beside)
    if not isinstance(found.get("sha256"), str):
        raise LfmcError(f"{beside}: not the sidecar of a table; delete it and run again")
    return found
