"""Every autocorrelation time of a chain, one number a row (`lfmc autocorrelation`).

| estimator | observable | what |
|---|---|---|
| gamma | E, chi2, G0, phi2, m, absm | automatic window, hep-lat/0306017, in every unit |
| rejections | acc | probability of t rejections in a row, arXiv:1904.12072 eq. 15-18 (flows) |
| jensen | acc | 1/2 + (1-a)/a, below the former (flows) |
| weights | acc | the same probability from importance weights of the proposals (flows) |
| ratio | E, ... | tau_gamma / tau_rejections, unit none (flows) |
| rhat | E, ... | split R-hat of every update, unit none |
| longest_run | acc | most rejections in a row, unit update |

tau = 1/2 + sum rho throughout. G0 = G_c(0) = <phi^2>, so that its rows repeat those of phi2.
Units: update; saved (the thinned series analysed by itself); force (gradient evaluations of the
whole lattice; only samplers that need any); second (of sampling, one core).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.analysis.convergence import (
    require_agreement,
    require_length,
    require_moving,
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
from lfmc.analysis.weights import weight_time
from lfmc.chains import Chain
from lfmc.errors import LfmcError
from lfmc.lattice import volume

Floats = NDArray[np.floating]

COLUMNS = ("ensemble", "sampler", "observable", "estimator", "unit", "tau", "error", "window")
OBSERVABLES = ("E", "chi2", "phi2", "m", "absm")
ALIASES = {"phi2": "G0"}


class Row(NamedTuple):
    """A number of the table, without ensemble and sampler."""

    observable: str
    estimator: str
    unit: str
    tau: float
    error: float
    window: int


def autocorrelation_rows(chain: Chain, log_weight: Floats | None = None) -> list[dict[str, Any]]:
    """All rows of `COLUMNS` for a chain; a flow's comes with the log weights of its proposals.

    Raises:
        LfmcError: a chain that is frozen, not finite, too short, or whose replicas disagree.
    """
    per_update: dict[str, Tau] = {}
    rows: list[Row] = []
    for name in OBSERVABLES:
        series = observable_series(chain, name)
        tau, found = _observable_rows(chain, name, series)
        per_update[name] = tau
        rows += found
    if log_weight is not None:
        rows += _flow_rows(chain, log_weight, per_update)
    rows += [r._replace(observable=ALIASES[r.observable]) for r in rows if r.observable in ALIASES]
    head = {"ensemble": chain.ensemble["name"], "sampler": chain.sampler}
    return [head | row._asdict() for row in rows]


def observable_series(chain: Chain, name: str) -> Floats:
    """An observable of every update, (replicas, updates)."""
    if name == "chi2":
        m = chain.scalars["m"].astype(np.float64)
        return volume(chain.shape) * m * m
    if name == "absm":
        return np.abs(chain.scalars["m"])
    return chain.scalars[name]


def _observable_rows(chain: Chain, name: str, series: Floats) -> tuple[Tau, list[Row]]:
    where = f"{chain.sampler} {chain.ensemble['name']}"
    replicas, updates = series.shape
    try:
        require_moving(series, name)
        tau = integrated_time(series)
        require_length((replicas, updates), tau.value, name)
        rhat = split_rhat(series)
        require_agreement(rhat, tau.value, updates, name)
        thinned = series[:, chain.save_every - 1 :: chain.save_every]
        saved = tau if chain.save_every == 1 else integrated_time(thinned)
    except LfmcError as error:
        raise LfmcError(f"{where}: {error}") from None
    seconds = seconds_per_update(chain)
    rows = [
        Row(name, "gamma", "update", *tau),
        Row(name, "gamma", "saved", *saved),
        _in_unit(name, "gamma", "second", tau, seconds),
        Row(name, "rhat", "none", rhat, 0.0, 0),
    ]
    if chain.forces_per_update > 0:
        rows.append(_in_unit(name, "gamma", "force", tau, chain.forces_per_update))
    return tau, rows


def seconds_per_update(chain: Chain) -> float:
    """Wall seconds of one core for one update of one replica."""
    replicas, updates = chain.scalars["m"].shape
    return chain.seconds / (replicas * updates)


def _flow_rows(chain: Chain, log_weight: Floats, per_update: dict[str, Tau]) -> list[Row]:
    rejected = rejected_updates(chain)
    rejections = acceptance_time(rejected)
    jensen = jensen_bound(1 - rejected.mean(), acceptance_error(rejected))
    seconds = seconds_per_update(chain)
    rows = [
        Row("acc", "rejections", "update", *rejections),
        _in_unit("acc", "rejections", "second", rejections, seconds),
        Row("acc", "jensen", "update", *jensen),
        Row("acc", "weights", "update", *weight_time(log_weight)),
        Row("acc", "longest_run", "update", rejection_runs(rejected).longest, 0.0, 0),
    ]
    for name, tau in per_update.items():
        ratio = tau.value / rejections.value
        relative = np.hypot(tau.error / tau.value, rejections.error / rejections.value)
        rows.append(Row(name, "ratio", "none", ratio, float(ratio * relative), tau.window))
    return rows


def _in_unit(name: str, estimator: str, unit: str, tau: Tau, factor: float) -> Row:
    return Row(name, estimator, unit, tau.value * factor, tau.error * factor, tau.window)
