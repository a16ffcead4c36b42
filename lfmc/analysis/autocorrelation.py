"""Every autocorrelation time of a chain, one number per row (`lfmc autocorrelation`).

| estimator | observable | what |
|---|---|---|
| gamma | E, chi2, G0, phi2, m ... | automatic window, hep-lat/0306017, in every unit |
| rejections | acc | probability of t rejections in a row, arXiv:1904.12072 eq. 15-18 (flows) |
| jensen | acc | 1/2 + (1-a)/a, below the former (flows) |
| weights | acc | the same probability from importance weights of the proposals (flows) |
| ratio | E, ... | tau_gamma / tau_rejections, unit none (flows) |
| rhat | E, ... | split R-hat of every update, unit none |
| longest_run | acc | most rejections in a row, unit update |
| bound | E, ... acc | what tau certainly exceeds, where the chain does not resolve it |

Observables are those of `Theory.series`. tau = 1/2 + sum rho throughout. Of an even theory
G0 = G_c(0) = <phi^2>, so that its rows repeat those of phi2.
Units: update; saved (the thinned series analysed by itself); force (gradient evaluations of the
whole lattice; only samplers that need any); second (of sampling, CPU seconds of one core). Of an
imported chain only saved: neither its updates nor their cost are known.

An observable that the chain does not resolve has rows `bound` in the place of `gamma`: error NaN,
the reason in the column `note`. Fits, costs and figures select `gamma` and leave it out.
"""

import logging
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.analysis.consistency import require_sound
from lfmc.analysis.convergence import (
    require_agreement,
    require_length,
    require_moving,
    require_sign_changes,
    split_rhat,
)
from lfmc.analysis.gamma_method import Tau, integrated_time
from lfmc.analysis.rejections import (
    acceptance_error,
    acceptance_time,
    jensen_bound,
    rejected_updates,
    rejection_runs,
)
from lfmc.analysis.unresolved import Unresolved
from lfmc.analysis.weights import weight_time
from lfmc.chains import Chain

Floats = NDArray[np.floating]

log = logging.getLogger(__name__)

COLUMNS = (
    *("ensemble", "sampler", "observable", "estimator", "unit", "tau", "error", "window"),
    "note",
)
SHORTEST = 8
ALIASES = {"phi2": "G0"}


class Row(NamedTuple):
    """A number of the table, without ensemble and sampler."""

    observable: str
    estimator: str
    unit: str
    tau: float
    error: float
    window: int
    note: str = ""


def autocorrelation_rows(chain: Chain, log_weight: Floats | None = None) -> list[dict[str, Any]]:
    """All rows of `COLUMNS` for a chain; a flow's comes with the log weights of its proposals.

    A number that the chain does not resolve is a row `bound` with its reason, and a warning.

    Raises:
        LfmcError: a chain with NaN or inf, or whose scalars contradict each other.
    """
    where = f"{chain.sampler} in {chain.ensemble['name']}"
    require_sound(chain)
    theory = chain.theory
    per_update: dict[str, Tau] = {}
    rows: list[Row] = []
    for name in theory.series:
        series = theory.series_of(name, chain.scalars)
        try:
            per_update[name], found = _observable_rows(chain, name, series)
        except Unresolved as error:
            log.warning("%s: tau(%s) > %.3g: %s", where, name, error.bound, error)
            found = _bound_rows(chain, name, series, error)
        rows += found
    if log_weight is not None:
        rows += _flow_rows(chain, log_weight, per_update, where)
    same = {name: alias for name, alias in ALIASES.items() if alias not in theory.series}
    rows += [r._replace(observable=same[r.observable]) for r in rows if r.observable in same]
    head = {"ensemble": chain.ensemble["name"], "sampler": chain.sampler}
    return [head | row._asdict() for row in rows]


def _observable_rows(chain: Chain, name: str, series: Floats) -> tuple[Tau, list[Row]]:
    replicas, updates = series.shape
    if updates < SHORTEST * chain.save_every:
        raise Unresolved(
            f"{updates} updates per replica are too short for any autocorrelation time",
            "chain too short",
        )
    require_moving(series, name)
    if name == chain.theory.odd:
        require_sign_changes(series, name)
    tau = integrated_time(series)
    require_length((replicas, updates), tau.value, name)
    rhat = split_rhat(series)
    require_agreement(rhat, tau.value, updates, name)
    thinned = series[:, chain.save_every - 1 :: chain.save_every]
    saved = tau if chain.save_every == 1 else integrated_time(thinned)
    if chain.imported:
        return tau, [Row(name, "gamma", "saved", *saved), Row(name, "rhat", "none", rhat, 0.0, 0)]
    rows = [
        Row(name, "gamma", "update", *tau),
        Row(name, "gamma", "saved", *saved),
        _in_unit(name, "gamma", "second", tau, seconds_per_update(chain)),
        Row(name, "rhat", "none", rhat, 0.0, 0),
    ]
    if chain.forces_per_update > 0:
        rows.append(_in_unit(name, "gamma", "force", tau, chain.forces_per_update))
    return tau, rows


def _bound_rows(chain: Chain, name: str, series: Floats, error: Unresolved) -> list[Row]:
    """The same units with the bound in the place of tau, and R-hat where there is one."""
    scale = {"update": 1.0, "saved": 1 / chain.save_every, "second": seconds_per_update(chain)}
    if chain.forces_per_update > 0:
        scale["force"] = chain.forces_per_update
    if chain.imported:
        scale = {"saved": 1 / chain.save_every}
    rows = [
        Row(name, "bound", unit, error.bound * factor, np.nan, 0, error.reason)
        for unit, factor in scale.items()
    ]
    if series.shape[1] >= SHORTEST and np.isfinite(rhat := split_rhat(series)):
        rows.append(Row(name, "rhat", "none", rhat, 0.0, 0))
    return rows


def seconds_per_update(chain: Chain) -> float:
    """CPU seconds of one core for one update of one replica, sampling only."""
    replicas, updates = next(iter(chain.scalars.values())).shape
    return chain.seconds / (replicas * updates)


def _flow_rows(
    chain: Chain, log_weight: Floats, per_update: dict[str, Tau], where: str
) -> list[Row]:
    rejected = rejected_updates(chain)
    rejections = acceptance_time(rejected)
    longest = rejection_runs(rejected).longest
    run = Row("acc", "longest_run", "update", longest, 0.0, 0)
    if longest == rejected.shape[1]:
        note = "a replica never moved"
        log.warning("%s: tau of rejections > %.3g: %s", where, rejections.value, note)
        return [Row("acc", "bound", "update", rejections.value, np.nan, longest, note), run]
    jensen = jensen_bound(1 - rejected.mean(), acceptance_error(rejected))
    rows = [
        Row("acc", "rejections", "update", *rejections),
        _in_unit("acc", "rejections", "second", rejections, seconds_per_update(chain)),
        Row("acc", "jensen", "update", *jensen),
    ]
    try:
        rows.append(Row("acc", "weights", "update", *weight_time(log_weight)))
    except Unresolved as error:
        log.warning("%s: no tau from weights: %s", where, error)
    rows.append(run)
    for name, tau in per_update.items():
        ratio = tau.value / rejections.value
        relative = np.hypot(tau.error / tau.value, rejections.error / rejections.value)
        rows.append(Row(name, "ratio", "none", ratio, float(ratio * relative), tau.window))
    return rows


def _in_unit(name: str, estimator: str, unit: str, tau: Tau, factor: float) -> Row:
    return Row(name, estimator, unit, tau.value * factor, tau.error * factor, tau.window)
