"""Which sampler is the cheapest, and from how many configurations on (`lfmc fit`).

N independent configurations cost s + N c CPU seconds of one core: s before the first update (tuning
and thermalisation; of flows and hybrid chains the training, all its warm starts included), and
c = 2 tau_int times the seconds of an update. The cheapest sampler at N is the lowest of these
straight lines, so that every sampler is it on one interval of N or nowhere.

A flow has a second line, "flow-best weighted": estimates by the weights of its proposals, without a
chain (`lfmc weighted`). There c is the proposals that an independent value takes times the seconds
of one, and tau half of their number.

| column | value |
|---|---|
| observable | whose tau_int counts: the theory's slowest, and E where there is one |
| tau, tau_error | tau_int in updates |
| setup, seconds, error | s, and c with the error of tau |
| shared, shared_error | c + s/N for N = `flow.training.shared_by` |
| whole | seconds that the whole chain of this run took, set-up and measurement included |
| first, first_error | N from which on the sampler is the cheapest; empty: for no N |
| last | N up to which it is; inf: for all larger ones |
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from lfmc.analysis.costs import Amount, break_even, training_seconds

WEIGHTED = " weighted"  # behind the name of a flow

COLUMNS = (
    *("ensemble", "observable", "sampler", "tau", "tau_error", "setup", "seconds", "error"),
    *("shared", "shared_error", "whole", "first", "first_error", "last"),
)
ALSO = "E"  # beside the slowest observable


class Cost(NamedTuple):
    """s + N c of a sampler: set-up s and c per independent configuration, CPU seconds."""

    setup: Amount
    each: Amount

    def shared(self, number: int) -> Amount:
        """Seconds per independent configuration where `number` of them share the set-up."""
        error = float(np.hypot(self.each.error, self.setup.error / number))
        return Amount(self.each.value + self.setup.value / number, error)


class Line(NamedTuple):
    """What the table says of a sampler: tau_int in updates, its cost, seconds of the whole run."""

    tau: Amount
    cost: Cost
    whole: float


class Interval(NamedTuple):
    """The numbers of configurations for which a sampler is the cheapest."""

    first: Amount
    last: float


def intervals(costs: Mapping[str, Cost]) -> dict[str, Interval]:
    """Sampler -> interval, of those that are the cheapest somewhere, in ascending order.

    Args:
        costs: by sampler, finite ones.
    """
    found: dict[str, Interval] = {}
    if not costs:
        return found
    now = min(costs, key=lambda name: (costs[name].setup.value, costs[name].each.value))
    first = Amount(0.0, 0.0)
    while True:
        crossings = {
            other: _crossing(costs[now], cost)
            for other, cost in costs.items()
            if cost.each.value < costs[now].each.value
        }
        # Of two that cross at the same N the one that is cheaper beyond it.
        following = min(
            crossings, key=lambda n: (crossings[n].value, costs[n].each.value), default=None
        )
        if following is None:
            found[now] = Interval(first, np.inf)
            return found
        last = crossings[following]
        if last.value > first.value:
            found[now] = Interval(first, last.value)
        now, first = following, last


def _crossing(now: Cost, later: Cost) -> Amount:
    """The N at which one with more set-up and a smaller cost of each becomes the cheaper one."""
    return break_even(later.setup, later.each, now.each, now.setup.value)


def cheapest_rows(
    observables: Any,
    tau_int: Any,
    training: Any,
    slowest: Mapping[str, str],
    shared_by: int,
    weighted: Any = None,
) -> list[dict[str, Any]]:
    """Rows of `COLUMNS` from the tables observables, tau_int, training and weighted (pandas).

    Chains whose tau_int is not resolved are left out, and weights without an error.

    Args:
        slowest: ensemble -> its theory's slowest observable.
        shared_by: configurations that share the set-up, for the column `shared`.
        weighted: of `lfmc weighted`; None if there is none.
    """
    values = observables.set_index(["ensemble", "sampler", "observable"])
    times = tau_int[tau_int.estimator == "gamma"]
    rows: list[dict[str, Any]] = []
    for ensemble, slow in slowest.items():
        for observable in dict.fromkeys((slow, ALSO)):
            here = times[(times.ensemble == ensemble) & (times.observable == observable)]
            lines = _of_chains(here, values, training, ensemble, slow)
            if weighted is not None:
                mine = (weighted.ensemble == ensemble) & (weighted.observable == observable)
                lines |= _of_weights(weighted[mine], values, training, ensemble)
            where = intervals({name: line.cost for name, line in lines.items()})
            for sampler, (tau, cost, whole) in lines.items():
                interval = where.get(sampler)
                row = (
                    *(ensemble, observable, sampler, *tau),
                    *(cost.setup.value, *cost.each, *cost.shared(shared_by), whole),
                    *(interval.first if interval else Amount(np.nan, np.nan)),
                    interval.last if interval else np.nan,
                )
                rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows


def _of_chains(times: Any, values: Any, training: Any, ensemble: str, slow: str) -> dict[str, Line]:
    """From the rows of tau_int of one ensemble and observable."""
    second = times[times.unit == "second"].set_index("sampler")
    update = times[times.unit == "update"].set_index("sampler")
    saved = times[times.unit == "saved"].set_index("sampler")
    found = {}
    for name, row in second.iterrows():
        if not np.isfinite([row.tau, row.error]).all():
            continue
        sampler = str(name)
        setup = _setup(values, training, ensemble, sampler)
        cost = Cost(setup, Amount(2 * row.tau, 2 * row.error))
        number = values.n[(ensemble, sampler, slow)] / (2 * saved.tau[sampler])
        measure = _seconds(values, ensemble, sampler, "measure_seconds")
        tau = Amount(update.tau[sampler], update.error[sampler])
        found[sampler] = Line(tau, cost, setup.value + number * cost.each.value + measure)
    return found


def _of_weights(table: Any, values: Any, training: Any, ensemble: str) -> dict[str, Line]:
    """From the rows of weighted of one ensemble and observable."""
    found = {}
    for row in table.itertuples():
        if not np.isfinite([row.proposals, row.proposals_error, row.seconds]).all():
            continue
        setup = _setup(values, training, ensemble, row.sampler)
        each = Amount(row.proposals * row.seconds, row.proposals_error * row.seconds)
        measure = _seconds(values, ensemble, row.sampler, "measure_seconds")
        whole = setup.value + row.n * row.seconds + measure
        tau = Amount(row.proposals / 2, row.proposals_error / 2)
        found[f"{row.sampler}{WEIGHTED}"] = Line(tau, Cost(setup, each), whole)
    return found


def _setup(values: Any, training: Any, ensemble: str, sampler: str) -> Amount:
    """Of a flow the training, and the run that chose how its proposals are annealed."""
    trained = training_seconds(training, ensemble, sampler) or Amount(0.0, 0.0)
    before = _seconds(values, ensemble, sampler, "setup_seconds")
    return Amount(trained.value + before, trained.error)


def _seconds(values: Any, ensemble: str, sampler: str, name: str) -> float:
    """A time of a chain; files of earlier versions do not have it."""
    return float(values.value.get((ensemble, sampler, name), 0.0))
