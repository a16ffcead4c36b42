"""Time to equal ESS, read from the checks of every contestant."""

from pathlib import Path

import pandas

from benchmarks.markdown import short, table, times
from lfmc.table_files import read_table

LEVELS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9)
OWN = "lfmc"


def first(checks: pandas.DataFrame, level: float) -> float:
    """Seconds of the first check from which ESS stays at or above a level; NaN if it never does.

    It must hold at the following check too (if there is one): single estimates from few effective
    samples are noise.
    """
    above = (checks.ess >= level).tolist()
    seconds = checks.seconds.tolist()
    for index, good in enumerate(above):
        if good and all(above[index : index + 2]):
            return float(seconds[index])
    return float("nan")


def levels(folder: Path) -> dict[int, pandas.DataFrame]:
    """L -> seconds of each contestant (columns) to each level (rows)."""
    path = folder / "peer-checks.csv"
    if not path.exists():
        return {}
    found = read_table(path)
    return {
        int(extent): pandas.DataFrame(
            {
                name: {level: first(rows.sort_values("seconds"), level) for level in LEVELS}
                for name, rows in group.groupby("peer", sort=False)
            }
        )
        for extent, group in found.groupby("L")
    }


def headlines(folder: Path) -> list[str]:
    """One sentence per L: the highest ESS that any peer reaches, and that of lfmc."""
    lines = []
    for extent, seconds in levels(folder).items():
        peers = seconds.drop(columns=OWN, errors="ignore")
        reached = peers.min(axis=1).dropna()
        if OWN not in seconds or peers.empty:
            continue
        own = seconds[OWN].dropna()
        if reached.empty:
            lines.append(f"L = {extent}: no peer reached ESS {LEVELS[0]}; lfmc {own.index.max()}")
            continue
        level = reached.index.max()
        best = peers.loc[level].idxmin()
        ratio = reached[level] / own[level]
        lines.append(
            f"ESS {level:g} at L = {extent}, the highest of any peer: {times(ratio)} ({best} "
            f"{short(reached[level])} s, lfmc at most {short(own[level])} s, and "
            f"{own.index.max():g} in {short(own.iloc[-1])} s)"
        )
    return lines


def section(folder: Path) -> str:
    """A table of the levels that a peer reached, and of the highest of all, for each L."""
    found = levels(folder)
    names = list(dict.fromkeys(name for seconds in found.values() for name in seconds.columns))
    rows = []
    for extent, seconds in found.items():
        peers = seconds.drop(columns=OWN, errors="ignore").dropna(how="all").index
        for level in sorted({*peers, *seconds.dropna(how="all").index[-1:]}):
            line = seconds.loc[level].reindex(names)
            rows.append([extent, f"{level:g}", *(short(value) for value in line)])
    return table(["L", "ESS", *names], rows) + "\n"
