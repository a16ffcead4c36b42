"""The files of a search: L20.yaml, L20.csv, L20.json, and ensembles.yaml, which joins all L."""

from pathlib import Path
from typing import Any

from lfmc.config import settings_hash
from lfmc.config.search_section import CouplingSearch
from lfmc.errors import LfmcError
from lfmc.provenance import provenance, stamp
from lfmc.store import read_json, write_json, write_text
from lfmc.table_files import write_table
from lfmc.tuning.result import COLUMNS, Tuned

JOINED = "ensembles.yaml"


def is_finished(folder: Path, extent: int, settings: dict[str, Any]) -> bool:
    """Whether a sound result for these settings is there; the record is written last."""
    path = folder / f"L{extent}.json"
    return path.exists() and read_json(path).get("settings_hash") == settings_hash(settings)


def write(folder: Path, found: Tuned, settings: dict[str, Any]) -> tuple[Any, str]:
    """Write scan, entry and record; the scan as a pandas table, and the stamp, for the figure."""
    import pandas

    table, mark = pandas.DataFrame(found.rows, columns=list(COLUMNS)), stamp(settings)
    write_table(folder / f"{found.name}.csv", table, mark)
    write_text(folder / f"{found.name}.yaml", f"ensembles:\n{found.line()}\n")
    record = {**found.record(), "line": found.line(), "settings_hash": settings_hash(settings)}
    write_json(folder / f"{found.name}.json", {**record, "provenance": provenance(settings)})
    return table, mark


def joined(folder: Path, search: CouplingSearch) -> str:
    """Write ensembles.yaml from the results of all L, and return its text.

    Raises:
        LfmcError: one of them is missing or damaged.
    """
    lines = []
    for extent in search.L:
        path = folder / f"L{extent}.json"
        record = read_json(path)
        if "line" not in record:
            raise LfmcError(f"{path}: no result of lfmc tune-couplings; delete it and run again")
        lines.append(str(record["line"]))
    text = "\n".join(["ensembles:", *lines])
    write_text(folder / JOINED, f"{text}\n")
    return text
