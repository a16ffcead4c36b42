"""What a configuration costs, and when a flow has paid for its training (`lfmc fit`).

| quantity | value |
|---|---|
| seconds_per_update | for one update of one replica, sampling only |
| seconds_per_independent | 2 tau_int in seconds of the slowest observable, for phi^4 of chi2 |
| seconds_per_independent_with_training | training shared out over the independent ones of a run |
| setup_seconds | before the first update: tuning and thermalisation of all replicas, or training |
| measure_seconds | correlators and kept fields of the whole run, in none of the others |
| training_seconds | until the flow passed its target, mean over seeds |
| break_even_hmc, _local, _cluster | independent configurations after which training has paid |

All in CPU seconds of one core, summed over ranks; like is counted with like: sampling is random
numbers, fields, action and scalars of every update (and log q). With c the seconds per independent
configuration and s those of the set-up, N = (s_flow - s_other) / (c_other - c_flow): 0 where the
flow is trained sooner than the other is set up, inf (never) where it is not the cheaper one.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from lfmc.analysis.measurement import TIMES
from lfmc.config import CLASSICAL

COLUMNS = ("ensemble", "sampler", "quantity", "value", "error")


class Amount(NamedTuple):
    """A number with its standard error."""

    value: float
    error: float


def break_even(training: Amount, flow: Amount, other: Amount, setup: float = 0.0) -> Amount:
    """Independent configurations N at which training + N flow = setup + N other.

    Args:
        training: seconds of the flow's training.
        flow, other: seconds per independent configuration.
        setup: seconds before the other's first update.

    Returns:
        N; 0 where training costs less than the other's setup, inf (never) where the flow does not
        cost less per configuration.
    """
    gain, more = other.value - flow.value, training.value - setup
    if gain <= 0:
        return Amount(np.inf, np.nan)
    if more <= 0:
        return Amount(0.0, training.error / gain)
    error = np.hypot(more / gain * np.hypot(flow.error, other.error), training.error) / gain
    return Amount(more / gain, float(error))


def cost_rows(
    observables: Any,
    tau_int: Any,
    training: Any,
    configurations: int,
    slowest: Mapping[str, str] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """Rows of `COLUMNS` from the tables observables, tau_int and training (pandas).

    Args:
        configurations: saved configurations of a run, which share its training.
        slowest: ensemble -> its theory's slowest observable, where that is not chi2.
    """
    wanted = tau_int.ensemble.map(lambda name: slowest.get(name, "chi2"))
    slow = tau_int[(tau_int.observable == wanted) & (tau_int.estimator == "gamma")]
    times = {
        (row.ensemble, row.sampler, row.observable): Amount(row.value, row.error)
        for row in observables[observables.observable.isin(TIMES)].itertuples()
    }
    rows: list[dict[str, Any]] = []
    for ensemble, group in slow.groupby("ensemble", sort=False):
        second = group[group.unit == "second"].set_index("sampler")
        update = group[group.unit == "update"].set_index("sampler")
        saved = group[group.unit == "saved"].set_index("sampler")
        cost = {str(name): Amount(2 * row.tau, 2 * row.error) for name, row in second.iterrows()}
        for sampler, amount in cost.items():
            head = {"ensemble": ensemble, "sampler": sampler}
            each = second.tau[sampler] / update.tau[sampler]
            rows.append(head | _entry("seconds_per_update", Amount(each, 0.0)))
            rows.append(head | _entry("seconds_per_independent", amount))
            chosen = times.get((str(ensemble), sampler, "setup_seconds"))
            spent = training_seconds(training, str(ensemble), sampler)
            if spent and chosen:  # the run that chose how proposals are annealed
                spent = Amount(spent.value + chosen.value, spent.error)
            setup = spent or chosen
            measure = times.get((str(ensemble), sampler, "measure_seconds"))
            for quantity, whole in (("setup_seconds", setup), ("measure_seconds", measure)):
                if whole is not None:
                    rows.append(head | _entry(quantity, whole))
            if spent is None:
                continue
            share = 2 * saved.tau[sampler] / configurations
            whole = with_training(amount, spent, share)
            rows.append(head | _entry("seconds_per_independent_with_training", whole))
            rows.append(head | _entry("training_seconds", spent))
            for other in CLASSICAL:
                if other in cost:
                    before = times.get((str(ensemble), other, "setup_seconds"), Amount(0.0, 0.0))
                    number = break_even(spent, amount, cost[other], before.value)
                    rows.append(head | _entry(f"break_even_{other}", number))
    return rows


def with_training(cost: Amount, training: Amount, share: float) -> Amount:
    """cost + share training, where share = 2 tau/N grows with the same tau as the cost."""
    value = cost.value + share * training.value
    from_tau = value * cost.error / cost.value
    return Amount(value, float(np.hypot(from_tau, share * training.error)))


def training_seconds(training: Any, ensemble: str, flow: str) -> Amount | None:
    """Mean and error of the mean over seeds of the seconds until the target; None if no flow.

    Of the trainings that reached it. One seed has no spread: its error is 0.
    """
    rows = training[(training.ensemble == ensemble) & (training.flow == flow)]
    if len(rows) and "reached" in rows:
        rows = rows[rows.reached]
    if not len(rows):
        return None
    seconds = rows.seconds
    error = float(seconds.std(ddof=1) / np.sqrt(len(seconds))) if len(seconds) > 1 else 0.0
    return Amount(float(seconds.mean()), error)


def _entry(quantity: str, amount: Amount) -> dict[str, Any]:
    return {"quantity": quantity, "value": amount.value, "error": amount.error}
