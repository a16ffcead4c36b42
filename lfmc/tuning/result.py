"""The coupling that was sought, with its error, as a table and as an entry of a configuration."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from lfmc.config.kinds import theory_class
from lfmc.config.sampler_sections import Samplers
from lfmc.config.search_section import CouplingSearch
from lfmc.errors import LfmcError
from lfmc.tuning.crossing import Crossing
from lfmc.tuning.runs import CHAINS, Lattice, Run, begun, lattice
from lfmc.tuning.search import FACTOR, Found, Goal, Point, search

COLUMNS = (
    *("ensemble", "kind", "run", "parameter", "at", "observable", "value", "error"),
    *("effective", "configurations", "seconds"),
)


class Tuned(NamedTuple):
    """What a search found.

    Attributes:
        lattice: what was sought, and where.
        value: of the parameter, rounded to two digits of its error; error: of it.
        crossing: the root as it was found.
        rows: the scan. kind = run: `observable` of every run at its own value `at` of the
            parameter; kind = reweighted: the curve of the last run, with the part of its
            configurations that count (effective); kind = result: the crossing.
    """

    lattice: Lattice
    value: float
    error: float
    crossing: Crossing
    rows: list[dict[str, Any]]

    @property
    def name(self) -> str:
        """Of the ensemble."""
        return self.lattice.name

    def entry(self) -> dict[str, Any]:
        """The ensemble as a configuration has it."""
        search = self.lattice.search
        head = {"name": self.name, "L": self.lattice.extent, "d": search.d}
        given = {k: float(v) if type(v) is int else v for k, v in search.theory.items()}
        theory = {**given, search.parameter: self.value}
        if theory["kind"] != "phi4":
            return {**head, "theory": theory}
        return head | {key: value for key, value in theory.items() if key != "kind"}

    def line(self) -> str:
        """The same as a line of YAML for the list `ensembles`."""
        search, crossing = self.lattice.search, self.crossing
        note = f"{search.observable} = {search.target:g} +- {crossing.observable_error:.2g}"
        return f"  - {_flow(self.entry())} # {search.parameter} +- {self.error:.2g}, {note}"

    def record(self) -> dict[str, Any]:
        """Everything but the scan, for a file."""
        search = self.lattice.search
        return {
            "ensemble": self.entry(),
            "parameter": search.parameter,
            "value": self.value,
            "error": self.error,
            "unrounded": self.crossing.at,
            "observable": search.observable,
            "target": search.target,
            "observable_error": self.crossing.observable_error,
            "slope": self.crossing.slope,
            "seed": self.lattice.config.seed,
            "seconds": sum(row["seconds"] for row in self.rows if row["kind"] == "run"),
        }


def tune_couplings(
    wanted: CouplingSearch,
    extent: int,
    seed: int,
    samplers: Samplers | None = None,
    report: Callable[[int, float, float, float], None] = lambda *facts: None,
) -> Tuned:
    """Find the coupling of one lattice.

    Args:
        samplers: section `samplers` of a configuration.
        report: called with number, value, observable and its error of a run whenever it has
            become longer.

    Raises:
        LfmcError: what cannot be sought; no value that the observable crosses its target at; too
            much noise for the tolerance.
    """
    where = lattice(wanted, extent, seed, samplers or Samplers())

    def begin(number: int, value: float, before: Run | None) -> Run:
        return begun(where, number, value, before)

    def note(number: int, point: Point) -> None:
        report(number, point.at, wanted.target + point.difference, point.error)

    goal = Goal(
        wanted.observable,
        wanted.target,
        wanted.tolerance * (abs(wanted.target) or 1.0),
        wanted.between or _start(wanted),
        -(-wanted.configurations // CHAINS),
    )
    found = search(goal, begin, note)
    at, error = found.crossing.at, found.crossing.error
    return Tuned(where, _rounded(at, error), error, found.crossing, list(_rows(where, found)))


def _start(wanted: CouplingSearch) -> tuple[float, float]:
    """Around the value of the theory's example.

    Raises:
        LfmcError: it has none that is not 0.
    """
    value = theory_class(wanted.theory["kind"]).example.get(wanted.parameter, 0.0)
    if not value:
        raise LfmcError(f"couplings: between which values of {wanted.parameter}? Give `between`")
    ends = (value / FACTOR, value * FACTOR)
    return min(ends), max(ends)


def _rounded(value: float, error: float) -> float:
    """To two digits of the error."""
    return round(value, 1 - math.floor(math.log10(error)))


def _rows(where: Lattice, found: Found) -> Iterator[dict[str, Any]]:
    search, run, crossing = where.search, found.run, found.crossing
    head: dict[str, Any] = {
        "ensemble": where.name,
        "parameter": search.parameter,
        "observable": search.observable,
    }
    for number, point in enumerate(found.points, 1):
        yield head | {
            "kind": "run",
            "run": number,
            "at": point.at,
            "value": search.target + point.difference,
            "error": point.error,
            "effective": 1.0,
            "configurations": point.saved * CHAINS,
            "seconds": point.seconds,
        }
    head |= {"run": len(found.points), "configurations": run.saved * CHAINS, "seconds": 0.0}
    curve, sums = run.curve(search.observable), run.sums
    assert sums is not None
    errors = curve.error(curve.without)
    for at, value, error, part in zip(curve.at, curve.value, errors, sums.effective, strict=True):
        numbers = {"at": at, "value": value, "error": error, "effective": part}
        yield head | {"kind": "reweighted"} | numbers
    error = crossing.observable_error
    numbers = {"at": crossing.at, "value": search.target, "error": error, "effective": 1.0}
    yield head | {"kind": "result"} | numbers


def _flow(value: Any) -> str:
    """A mapping as one line of YAML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + " }"
    return repr(value) if isinstance(value, float) else str(value)
