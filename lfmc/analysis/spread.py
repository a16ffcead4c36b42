"""tau_int of a flow as a mean over models, its error including the scatter over trainings.

For each observable y_k = log tau_int of model k, statistical error e_k. The scatter of y over
models is taken as the same for every ensemble and estimated from all; with K models an ensemble

    log tau = mean_k y_k,     error^2 = max(mean over ensembles of var_k y, mean e^2) / K.
"""

from typing import Any

import numpy as np
import pandas

from lfmc.analysis.autocorrelation import COLUMNS

ESTIMATORS = ("gamma", "rejections")
UNITS = ("update", "saved")


def model_rows(tau_int: Any, retrained: Any) -> Any:
    """Rows of `autocorrelation.COLUMNS` with estimator "models" and window = number of models.

    Args:
        tau_int: the table of the chains, whose flows are model 0.
        retrained: rows of the same columns and `model` >= 1, of the further models.

    Returns:
        Rows for every flow and observable of `retrained` (and "acc"), units update and saved. Where
        one model has only a bound, the mean of the others would be too small: there is a row
        `bound` instead.
    """
    flows = set(retrained.sampler)
    first = tau_int[tau_int.sampler.isin(flows)].assign(model=0)
    table = pandas.concat([first, retrained], ignore_index=True)
    table = table[table.unit == "update"]
    bounds = table[table.estimator == "bound"]
    key = ["ensemble", "sampler", "observable"]
    resolved = ~table.set_index(key).index.isin(bounds.set_index(key).index)
    table = table[table.estimator.isin(ESTIMATORS) & resolved]
    rows: list[tuple[Any, ...]] = []
    for (sampler, observable), group in table.groupby(["sampler", "observable"], sort=False):
        y, relative = np.log(group.tau), group.error / group.tau
        by_ensemble = y.groupby(group.ensemble, sort=False)
        scatter = float(np.nan_to_num(by_ensemble.var(ddof=1).mean()))  # of single models: none
        variance = max(scatter, float((relative**2).mean()))
        for ensemble, values in by_ensemble:
            tau = float(np.exp(values.mean()))
            error = tau * float(np.sqrt(variance / len(values)))
            rows += [
                (ensemble, sampler, observable, "models", unit, tau, error, len(values), "")
                for unit in UNITS
            ]
    listed = set(bounds[bounds.model == 0][key].itertuples(index=False, name=None))
    for row in bounds[bounds.model > 0].drop_duplicates(key).itertuples():
        place = (row.ensemble, row.sampler, row.observable)
        if place not in listed:
            note = f"model {row.model}: {row.note}"
            rows += [(*place, "bound", unit, row.tau, np.nan, 0, note) for unit in UNITS]
    return pandas.DataFrame(rows, columns=list(COLUMNS))
