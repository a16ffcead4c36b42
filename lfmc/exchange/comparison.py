"""Two results folders compared: values with their errors in sigmas, and costs (`lfmc compare`)."""

import math
from pathlib import Path
from typing import Any, NamedTuple

from lfmc.analysis.columns import TABLES, read_checked
from lfmc.analysis.measurement import COUNTED
from lfmc.errors import LfmcError

VALUES, COSTS = "observables", "costs"


class Pair(NamedTuple):
    """One number of two runs.

    Attributes:
        key: ensemble, sampler, and observable or quantity.
        a, b: the values.
        a_error, b_error: NaN where the error is withheld, 0 where there is none.
    """

    key: tuple[str, str, str]
    a: float
    a_error: float
    b: float
    b_error: float

    @property
    def sigmas(self) -> float:
        """(b - a) / sqrt(a_error^2 + b_error^2), for independent runs.

        0 for equal values and inf where they differ without errors; NaN where a value or an error
        is withheld.
        """
        difference, error = self.b - self.a, math.hypot(self.a_error, self.b_error)
        if math.isnan(difference) or math.isnan(error):
            return math.nan
        if difference == 0:
            return 0.0
        return difference / error if error > 0 else math.copysign(math.inf, difference)

    @property
    def comparable(self) -> bool:
        """Whether both values and errors are there."""
        return not math.isnan(self.sigmas)

    @property
    def ratio(self) -> float:
        """b / a, 1 for equal values; NaN where it is not defined."""
        if self.a == self.b:
            return 1.0
        return self.b / self.a if self.a and math.isfinite(self.a) else math.nan


class Comparison(NamedTuple):
    """Everything that two runs have in common, in the order of run A.

    Attributes:
        values: observables; what is counted rather than estimated is left out.
        costs: in CPU seconds, see `lfmc.analysis.costs`; empty where a run has no such table.
        only_a, only_b: (ensemble, sampler) that one of the runs lacks.
    """

    values: list[Pair]
    costs: list[Pair]
    only_a: list[tuple[str, str]]
    only_b: list[tuple[str, str]]

    def beyond(self, limit: float) -> list[Pair]:
        """The values that differ by more than `limit` sigmas."""
        return [pair for pair in self.values if abs(pair.sigmas) > limit]


def compare_runs(a: Path, b: Path) -> Comparison:
    """Compare the tables of two results folders.

    Raises:
        LfmcError: no such folder, a table that is missing or damaged, or nothing in common.
    """
    for folder in (a, b):
        if not folder.is_dir():
            raise LfmcError(f"{folder}: no such folder; give the folder of a run's results")
    one, two = _table(a, VALUES), _table(b, VALUES)
    values = [pair for pair in _pairs(one, two) if not _counted(pair.key[2])]
    if not values:
        raise LfmcError(f"{a} and {b} have no ensemble, sampler and observable in common")
    priced = all((folder / "tables" / f"{COSTS}.csv").exists() for folder in (a, b))
    costs = _pairs(_table(a, COSTS), _table(b, COSTS)) if priced else []
    first, second = _chains(one), _chains(two)
    return Comparison(
        values, costs, [c for c in first if c not in second], [c for c in second if c not in first]
    )


def _table(folder: Path, name: str) -> dict[tuple[str, str, str], tuple[float, float]]:
    """(ensemble, sampler, observable) -> value and error, in the order of the file."""
    keys = TABLES[name].keys
    found: Any = read_checked(folder / "tables" / f"{name}.csv", name, "lfmc fit")
    columns = [found[key] for key in keys]
    numbers = zip(found["value"].astype(float), found["error"].astype(float), strict=True)
    return dict(zip(zip(*columns, strict=True), numbers, strict=True))


def _pairs(one: dict, two: dict) -> list[Pair]:
    return [Pair(key, *one[key], *two[key]) for key in one if key in two]


def _chains(table: dict[tuple[str, str, str], tuple[float, float]]) -> list[tuple[str, str]]:
    return list(dict.fromkeys(key[:2] for key in table))


def _counted(name: str) -> bool:
    """Whether an observable is counted; the acceptance has an error and is compared."""
    return name != "acceptance" and (name in COUNTED or name.startswith("bins_"))
