"""The value of a parameter at which an observable meets its target, from runs that carry noise.

1. Bracket: runs at the two ends of the start interval; without a change of sign it grows on the
   side where the observable is nearer to the target.
2. Shrink: further runs between the ends, at the root of the last run's tangent, of the secant or in
   the middle, replace the end of their sign, until the root lies in the window of a run, where
   reweighting gives the curve itself.
3. Refine: this run is continued until the error of the observable at the root is within the
   tolerance.

An infinite observable counts as above the target. All runs but the last are short.
"""

from collections.abc import Callable
from math import inf, isfinite
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from lfmc.errors import LfmcError
from lfmc.tuning.crossing import Crossing, crossing
from lfmc.tuning.reweighting import Curve

FIRST = 100  # saved configurations of each chain of a short run
GROWTH = 4  # a run becomes at most so many times longer at once
MARGIN = 1.2  # on the configurations that the error seems to need
MOST_EXPANSIONS = 10
MOST_RUNS = 40
FACTOR = 1.5  # by which an end of the interval moves
UNDECIDED = 2.0  # standard errors from the target within which a sign means nothing


class Chain(Protocol):
    """What the search needs of a run."""

    @property
    def value(self) -> float: ...
    @property
    def saved(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    def extended(self, saved: int) -> Self: ...
    def curve(self, observable: str) -> Curve: ...


C = TypeVar("C", bound=Chain)


class Point(NamedTuple):
    """The observable of a run at its own value of the parameter.

    Attributes:
        at: that value; difference: observable less target; error: of it.
        saved: configurations of each chain; seconds: CPU, thermalisation included.
    """

    at: float
    difference: float
    error: float
    saved: int = 0
    seconds: float = 0.0


class Found(NamedTuple):
    """The result: the crossing, the run that it is of, and the points of all runs in order."""

    crossing: Crossing
    run: Any
    points: list[Point]


class Goal(NamedTuple):
    """What is sought.

    Attributes:
        observable, target: the root is observable = target.
        tolerance: absolute error of the observable at the result.
        between: ends of the start interval.
        most: saved configurations of each chain of a run at most.
    """

    observable: str
    target: float
    tolerance: float
    between: tuple[float, float]
    most: int


class Search(Generic[C]):
    """The state of a search: its runs so far."""

    def __init__(
        self,
        goal: Goal,
        begin: Callable[[int, float, C | None], C],
        report: Callable[[int, Point], None],
    ) -> None:
        self.goal, self.begin, self.report = goal, begin, report
        self.points: list[Point] = []
        self.run: C | None = None

    def found(self) -> Found:
        """Run until the goal is met; see `search`."""
        low, high = self._bracket()
        here: Crossing | None = None
        while True:
            run = self._sample(_next(low, high, here, len(self.points)))
            run, here = self._refined(run)
            if here and here.inside and here.observable_error <= self.goal.tolerance:
                return Found(here, run, self.points)
            new = self.points[-1]
            low, high = (new, high) if _same_side(new, low) else (low, new)

    def _sample(self, value: float) -> C:
        if len(self.points) >= MOST_RUNS:
            raise LfmcError(
                f"couplings: {MOST_RUNS} runs did not close in on {self.goal.observable} = "
                f"{self.goal.target:g}, the last at {self.points[-1].at:.6g}; give values nearer "
                "to the result (between)"
            )
        run = self.begin(len(self.points), value, self.run)
        run = run.extended(min(FIRST, self.goal.most))
        self.points.append(self._point(run))
        self._note(run)
        return run

    def _note(self, run: C) -> None:
        self.run, self.points[-1] = run, self._point(run)
        self.report(len(self.points), self.points[-1])

    def _point(self, run: C) -> Point:
        found = run.curve(self.goal.observable)
        middle = len(found.at) // 2
        error = float(found.error(found.without)[middle])
        value = float(found.value[middle]) - self.goal.target
        error = error if isfinite(error) else inf
        return Point(run.value, value, error, run.saved, run.seconds)

    def _refined(self, run: C) -> tuple[C, Crossing | None]:
        """Continue a run whose window holds the root, or which does not tell on what side it is."""
        goal = self.goal
        while True:
            here = crossing(run.curve(goal.observable), goal.target)
            reached = here is not None and here.inside
            error = here.observable_error if here and here.inside else self.points[-1].error
            undecided = abs(self.points[-1].difference) < UNDECIDED * self.points[-1].error < inf
            if (reached and error <= goal.tolerance) or not (reached or undecided):
                return run, here
            need = run.saved * (error / goal.tolerance) ** 2 * MARGIN
            if run.saved >= goal.most:
                raise LfmcError(
                    f"couplings: too noisy: {run.saved} configurations of each chain at "
                    f"{run.value:.6g} leave an error of {error:.2g} of {goal.observable}, and "
                    f"{goal.tolerance:.2g} was wanted; give a larger tolerance, or about "
                    f"{need:.1e} configurations per chain"
                )
            wanted = max(run.saved + FIRST, int(min(need, GROWTH * run.saved)))
            run = run.extended(min(wanted, goal.most) - run.saved)
            self._note(run)

    def _bracket(self) -> tuple[Point, Point]:
        for value in self.goal.between:
            self._sample(value)
        low, high = self.points
        for step in range(MOST_EXPANSIONS):
            if not _same_side(low, high):
                return low, high
            nearer = abs(low.difference) < abs(high.difference)
            if nearer or (step % 2 == 0 and low.difference == high.difference):
                self._sample(_outwards(low.at, low.at - high.at))
                low = self.points[-1]
            else:
                self._sample(_outwards(high.at, high.at - low.at))
                high = self.points[-1]
        goal = self.goal
        side = "above" if low.difference > 0 else "below"
        ends = [f"{goal.target + p.difference:.4g} at {p.at:.4g}" for p in (low, high)]
        raise LfmcError(
            f"couplings: {goal.observable} stays {side} {goal.target:g} ({' and '.join(ends)}); "
            "seek another target, or begin elsewhere (between); in an ordered phase masses are "
            "about 0"
        )


def search(
    goal: Goal,
    begin: Callable[[int, float, C | None], C],
    report: Callable[[int, Point], None] = lambda number, point: None,
) -> Found:
    """Find where an observable meets its target.

    Args:
        begin: (number, value, run before) -> a run at the value, without configurations.
        report: called with number and point of a run whenever it has become longer.

    Raises:
        LfmcError: no change of sign, or noise that the configurations do not overcome.
    """
    return Search(goal, begin, report).found()


def _same_side(one: Point, other: Point) -> bool:
    return (one.difference > 0) == (other.difference > 0)


def _next(low: Point, high: Point, here: Crossing | None, number: int) -> float:
    """Where the tangent of the last run leads, if between the ends; else the secant, a tenth away
    from either end, and every third time the middle.
    """
    if here is not None and low.at < here.at < high.at:
        return here.at
    part = 0.5
    if number % 3 and isfinite(low.difference) and isfinite(high.difference):
        part = low.difference / (low.difference - high.difference)
    return low.at + (high.at - low.at) * min(max(part, 0.1), 0.9)


def _outwards(end: float, direction: float) -> float:
    """By a factor, which keeps the sign; from 0 by the width of the interval."""
    if end == 0:
        return direction
    return end * FACTOR if (end > 0) == (direction > 0) else end / FACTOR
