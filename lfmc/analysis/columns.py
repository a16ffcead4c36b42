"""What the tables hold: columns, keys, types and ranges, checked wherever a table is read.

A row is found by its keys, so that a doubled one would count twice in a fit and once, the last, in
a gate. Columns that earlier versions did not write are filled in.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from lfmc.errors import LfmcError
from lfmc.table_files import read_table

POSITIVE = (0.0, math.inf)
SHARE = (0.0, 1.0)
ANY = (-math.inf, math.inf)


class Spec(NamedTuple):
    """A table.

    Attributes:
        keys: columns of words (or numbers) of which no two rows have all in common.
        numbers: further columns, each with its smallest and largest value; NaN is allowed.
        added: columns that earlier versions did not write, with what they mean there.
        unknown: numbers that may be missing (NaN); all others must be there.
        command: what makes the table of a run.
    """

    keys: tuple[str, ...]
    numbers: dict[str, tuple[float, float]]
    added: Mapping[str, Any] = MappingProxyType({})
    unknown: tuple[str, ...] = ()
    command: str = "lfmc fit"

    @property
    def required(self) -> tuple[str, ...]:
        return (*self.keys, *self.numbers)


CHAIN = ("ensemble", "sampler", "observable")

TABLES = {
    "observables": Spec(
        CHAIN,
        {"value": ANY, "error": POSITIVE, "n": (1, math.inf)},
        {"note": ""},
        ("value", "error"),
    ),
    "tau_int": Spec(
        (*CHAIN, "estimator", "unit"),
        {"tau": ANY, "error": POSITIVE, "window": POSITIVE},
        {"note": ""},
        ("tau", "error"),
    ),
    "models": Spec(
        ("model", *CHAIN, "estimator", "unit"),
        {"tau": ANY, "error": POSITIVE, "window": POSITIVE},
        {"note": ""},
        ("tau", "error"),
    ),
    "exponents": Spec(
        ("sampler", "observable", "unit", "fit_L"),
        {
            "z": ANY,
            "z_error": POSITIVE,
            "alpha": POSITIVE,
            "alpha_error": POSITIVE,
            "chi2_dof": POSITIVE,
        },
        {"z_error_scaled": math.nan, "p_value": math.nan},
    ),
    "acceptance": Spec(
        ("ensemble", "sampler"),
        {"acceptance": SHARE, "error": POSITIVE, "longest_rejection_run": POSITIVE},
        {"reached": True},
        ("acceptance", "error", "longest_rejection_run"),
    ),
    "training": Spec(
        ("ensemble", "flow", "target", "seed"),
        {
            "steps": POSITIVE,
            "samples": POSITIVE,
            "seconds": POSITIVE,
            "acceptance_q": SHARE,
            "acceptance_p": SHARE,
            "ess": SHARE,
        },
        {"reached": True},
        ("acceptance_q", "acceptance_p", "ess"),
    ),
    "costs": Spec(
        ("ensemble", "sampler", "quantity"),
        {"value": POSITIVE, "error": POSITIVE},
        {},
        ("value", "error"),
    ),
    "cheapest": Spec(
        ("ensemble", "observable", "sampler"),
        {
            "tau": POSITIVE,
            "tau_error": POSITIVE,
            "setup": POSITIVE,
            "seconds": POSITIVE,
            "error": POSITIVE,
            "shared": POSITIVE,
            "shared_error": POSITIVE,
            "whole": POSITIVE,
            "first": POSITIVE,
            "first_error": POSITIVE,
            "last": POSITIVE,
        },
        {},
        ("first", "first_error", "last"),
    ),
    "published": Spec(
        ("ensemble", "observable", "sampler"),
        {"value": ANY, "error": POSITIVE, "sigmas": ANY},
        {},
        ("sigmas",),
    ),
    "log_Z": Spec(
        ("ensemble", "sampler"),
        {
            "log_Z": ANY,
            "error": POSITIVE,
            "per_site": ANY,
            "per_site_error": POSITIVE,
            "ess": SHARE,
            "samples": POSITIVE,
            "exact": ANY,
        },
        {"note": ""},
        ("error", "per_site_error", "exact"),
        "lfmc logz",
    ),
    "weighted": Spec(
        CHAIN,
        {
            "value": ANY,
            "error": POSITIVE,
            "error_error": POSITIVE,
            "proposals": POSITIVE,
            "proposals_error": POSITIVE,
            "n": POSITIVE,
            "ess": SHARE,
            "seconds": POSITIVE,
            "chain": ANY,
            "difference": ANY,
            "difference_error": POSITIVE,
            "blocks": POSITIVE,
        },
        {"note": ""},
        (
            *("value", "error", "error_error", "proposals", "proposals_error", "seconds"),
            *("chain", "difference", "difference_error"),
        ),
        "lfmc weighted",
    ),
    "critical": Spec(
        ("sampler", "L", "quantity"),
        {
            "value": ANY,
            "error": POSITIVE,
            "chi2_dof": POSITIVE,
            "exact": ANY,
            "sigmas": ANY,
        },
        {},
        ("chi2_dof", "exact", "sigmas"),
        "lfmc critical",
    ),
    "curves": Spec(
        ("sampler", "L", "coupling", "at", "quantity"),
        {"value": ANY, "error": POSITIVE, "ess": POSITIVE},
        {},
        (),
        "lfmc critical",
    ),
    "gates": Spec(
        ("gate", *CHAIN),
        {"value": ANY, "expected": ANY, "error": POSITIVE, "sigmas": ANY, "limit": POSITIVE},
        {"note": ""},
        ("value", "expected", "error", "sigmas", "limit"),
    ),
}


def read_checked(path: Path, kind: str, command: str) -> Any:
    """A table of one of `TABLES`.

    Args:
        command: what makes it, for the error.

    Raises:
        LfmcError: missing, torn, without a column, with words for numbers, a number out of its
            range, or two rows with the same keys.
    """
    if not path.exists():
        raise LfmcError(f"{path}: missing; run '{command}' first")
    return checked(read_table(path), kind, path, command)


def checked(table: Any, kind: str, path: Path, command: str) -> Any:
    """The table with the columns that earlier versions did not write; see `read_checked`."""
    spec = TABLES[kind]
    absent = [c for c in spec.required if c not in table.columns]
    if absent:
        raise LfmcError(f"{path}: no column {absent[0]!r}; run '{command}' again")
    for column, (low, high) in spec.numbers.items():
        values = table[column]
        if len(table) and values.dtype.kind not in "if":
            raise LfmcError(f"{path}: column {column!r} is not numbers; run '{command}' again")
        wrong = (values < low) | (values > high)
        if column not in spec.unknown:
            wrong |= values.isna()
        if wrong.any():
            where = _row(table[wrong], spec)
            raise LfmcError(
                f"{path}: {column} = {values[wrong].iloc[0]:g} in {where}; from {low:g} to "
                f"{high:g} is possible; run '{command}' again"
            )
    for key in spec.keys:
        if table[key].isna().any():
            row = int(table[key].isna().to_numpy().argmax()) + 1
            raise LfmcError(f"{path}: no {key} in row {row}; run '{command}' again")
    twice = table.duplicated(list(spec.keys))
    if twice.any():
        raise LfmcError(f"{path}: {_row(table[twice], spec)} is there twice; run '{command}' again")
    table = table.assign(**{c: v for c, v in spec.added.items() if c not in table.columns})
    if kind == "exponents":  # earlier versions wrote 4-6-8, which spreadsheets take for a date
        table = table.assign(fit_L=table.fit_L.astype(str).str.replace("-", " "))
    words = [c for c, v in spec.added.items() if v == ""]
    return table.assign(**{c: table[c].astype(object).where(table[c].notna(), "") for c in words})


def _row(rows: Any, spec: Spec) -> str:
    """The keys of the first row."""
    first = rows.iloc[0]
    return f"row {', '.join(str(first[k]) for k in spec.keys)}"
