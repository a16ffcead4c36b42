"""A growing CSV of the suite: written after every row, so that an interrupted run continues."""

from pathlib import Path
from typing import Any

import pandas

from benchmarks.machine import load
from lfmc.provenance import code_version, stamp
from lfmc.table_files import read_table, write_table


class Table:
    """Rows of one part, keyed by some of their columns; what is there is not measured again."""

    def __init__(self, folder: Path, part: str, key: tuple[str, ...]) -> None:
        self.path, self.part, self.key = folder / f"{part}.csv", part, key
        self.rows: list[dict[str, Any]] = []
        if self.path.exists():
            self.rows = read_table(self.path).to_dict("records")

    def has(self, *key: Any) -> bool:
        """Whether there is a row of this key."""
        return any(tuple(row[name] for name in self.key) == key for row in self.rows)

    def add(self, *rows: dict[str, Any]) -> None:
        """Append rows with the load average and the code that measured them, and write."""
        if not rows:
            return
        mark = {"load": load(), "code": code_version()}
        self.rows += [{**row, **mark} for row in rows]
        write_table(self.path, pandas.DataFrame(self.rows), stamp({"benchmark": self.part}))
