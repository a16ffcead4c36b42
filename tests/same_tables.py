"""Whether the tables of two runs agree: to rounding, or within their statistical errors.

    python tests/same_tables.py RESULTS OTHER [--same]

Two analyses of the same chains on different processors (--same) give equal numbers to 1e-6, times
aside, in the tables of single chains, which have ten digits: errors are differences that cancel. In
the joined tables, which are rounded to their errors, the last digit may differ by one.

Two runs from the start have different chains, since a rounding decides an accept step sooner or
later and training branches: their observables, autocorrelation times and acceptances agree within
SIGMAS combined errors. Steps of training, windows and seconds are not compared then.
"""

import sys
from pathlib import Path

import numpy as np
import pandas
from same_results import TIMED, comment

from lfmc.analysis.digits import ERROR_DIGITS, ERRORS, OTHER_DIGITS

ROUNDING = 1e-6
# 318 observables, of few bins each, so that deviations have the tails of Student's t: with 30 bins
# 6 errors are exceeded once in 4e5 numbers, by chance in 1e-3 of the comparisons.
SIGMAS = 6.0
VALUES = {  # table: keys of its rows, value
    "observables": (("ensemble", "sampler", "observable"), "value"),
    "tau_int": (("ensemble", "sampler", "observable", "estimator", "unit"), "tau"),
    "acceptance": (("ensemble", "sampler"), "acceptance"),
}
COSTS = ("costs", "cheapest")  # tables of times
CLASSICAL = ("hmc", "local", "cluster")
SWEEPS = ("local", "cluster")  # their acceptance is that of their tunings, beyond its error


def read(path: Path) -> pandas.DataFrame:
    """A table, without its rows in units of time."""
    rows = pandas.read_csv(path, comment=comment(path))
    for column in ("unit", "observable", "quantity"):
        if column in rows:
            rows = rows[~rows[column].astype(str).str.contains("second")]
    return rows.reset_index(drop=True)


def compare_runs(one: Path, two: Path, same: bool) -> list[str]:
    """One line for each number that differs; empty if none does."""
    names = tables(one)
    if names != tables(two):
        return ["the tables are not the same ones"]
    found = []
    for name in names:
        a, b = (read(folder / name) for folder in (one, two))
        kind = name.stem if name.parent.name == "tables" else ""
        if same and kind not in COSTS:
            found += [f"{name}: {line}" for line in to_rounding(a, b, kind)]
        elif not same and kind in VALUES:
            found += [f"{name}: {line}" for line in within_errors(kind, a, b)]
    return found


def tables(results: Path) -> list[Path]:
    """Names of the joined tables, and of those of single chains where they are there."""
    folders = ("tables", "measure/*", "autocorrelation/*")
    found = (p for folder in folders for p in results.glob(f"{folder}/*.csv"))
    return sorted(path.relative_to(results) for path in found)


def to_rounding(a: pandas.DataFrame, b: pandas.DataFrame, kind: str = "") -> list[str]:
    """Numbers that differ by more than ROUNDING, relative to 1e-3 or themselves; texts at all.

    Args:
        kind: name of a joined table, of which the last digit may differ.
    """
    if list(a) != list(b) or len(a) != len(b):
        return [f"{len(a)} rows of {list(a)} here, {len(b)} of {list(b)} there"]
    found = []
    for column in (c for c in a if not any(word in c for word in TIMED)):
        x, y = a[column], b[column]
        if x.dtype.kind == "f" and y.dtype.kind == "f":
            allowed = ROUNDING * np.maximum(np.abs(x), 1e-3)
            if kind:
                allowed = np.fmax(allowed, last_digit(a, column, kind))
            wrong = ~((np.abs(x - y) <= allowed) | (x.isna() & y.isna()) | (x == y))
        else:
            wrong = x.astype(str) != y.astype(str)
        found += [f"{column} of row {i}: {x[i]} and {y[i]}" for i in np.flatnonzero(wrong)]
    return found


def last_digit(table: pandas.DataFrame, column: str, kind: str) -> np.ndarray:
    """The largest unit that the last digit of a column of a joined table may have, and 1 %."""
    errors = {value: error for error, values in ERRORS[kind].items() for value in values}
    relative_to = table[errors.get(column, column)].abs().to_numpy(float)
    rounded_to = ERROR_DIGITS if column in errors or column in ERRORS[kind] else OTHER_DIGITS
    return 1.01 * 10.0 ** (1 - rounded_to) * relative_to


def acceptances(table: pandas.DataFrame) -> pandas.Series:
    """Which rows hold an acceptance."""
    every = pandas.Series(True, index=table.index)
    return table.observable == "acceptance" if "observable" in table else every


def within_errors(name: str, a: pandas.DataFrame, b: pandas.DataFrame) -> list[str]:
    """Numbers that differ by more than SIGMAS errors; keys that only one table has.

    Of flows, whose models differ, only observables are compared; what has no error (the longest
    run of rejections) is not, nor are acceptances of sweeps: of many decisions, their error is less
    than what two tunings differ by.
    """
    keys, value = VALUES[name]
    if name in ("observables", "acceptance"):
        a, b = (t[~(t.sampler.isin(SWEEPS) & acceptances(t))] for t in (a, b))
    if name != "observables":
        a, b = (t[t.sampler.isin(CLASSICAL)] for t in (a, b))
    if name == "tau_int":
        a, b = (t[(t.estimator == "gamma") & (t.unit == "update")] for t in (a, b))
    merged = a.merge(b, on=list(keys), how="outer", suffixes=("", "_other"), indicator=True)
    found = [f"{tuple(row[k] for k in keys)} is in one table only"
             for _, row in merged[merged._merge != "both"].iterrows()]  # fmt: skip
    both = merged[(merged._merge == "both") & ((merged.error > 0) | (merged.error_other > 0))]
    error = np.hypot(both.error, both.error_other)
    sigmas = np.abs(both[value] - both[f"{value}_other"]) / error
    found += [
        f"{tuple(row[k] for k in keys)}: {row[value]} and {row[f'{value}_other']}"
        for _, row in both[sigmas > SIGMAS].iterrows()
    ]
    return found


if __name__ == "__main__":
    wrong = compare_runs(Path(sys.argv[1]), Path(sys.argv[2]), same="--same" in sys.argv)
    print("\n".join(wrong) or "the tables agree")
    sys.exit(bool(wrong))
