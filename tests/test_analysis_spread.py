"""The scatter of tau over trainings in the error of z: calibrated, and wrong without it."""

import numpy as np
import pandas
import pytest

from lfmc.analysis.autocorrelation import COLUMNS
from lfmc.analysis.exponents import exponent_rows
from lfmc.analysis.spread import model_rows

pytestmark = pytest.mark.stat

EXTENTS = {"E1": 6, "E2": 8, "E3": 10, "E4": 12, "E5": 14}
RANGES = {"all": (6, 8, 10, 12, 14)}


def tables(seed: int, scatter: float, models: int = 3, noise: float = 0.005):
    """tau of flows with z = 0: log tau = log 1.1 + scatter of the model + statistical noise."""
    random = np.random.default_rng(seed)
    rows = []
    for ensemble in EXTENTS:
        for model in range(models):
            tau = 1.1 * np.exp(random.normal(0, scatter) + random.normal(0, noise))
            row = (ensemble, "flow-70", "chi2", "gamma", "update", tau, noise * tau, 10, "")
            rows.append((*row, model))
    table = pandas.DataFrame(rows, columns=[*COLUMNS, "model"])
    return table[table.model == 0].drop(columns="model"), table[table.model > 0]


def pull(tau_int) -> float:
    (row,) = exponent_rows(tau_int[tau_int.unit == "update"], EXTENTS, RANGES)
    return row["z"] / row["z_error"]


def test_error_of_z_holds_the_scatter_over_models():
    """300 runs; pulls of z have a spread of 1.0-1.2 (10 degrees of freedom): 5-sigma window.

    Negative control: with the first chain's statistical error alone they are ten times too wide.
    """
    complete, naive = [], []
    for seed in range(300):
        first, others = tables(seed, 0.05)
        complete.append(pull(pandas.concat([first, model_rows(first, others)])))
        naive.append(pull(first))
    assert 0.85 < np.std(complete) < 1.35
    assert np.std(naive) > 6


def test_without_scatter_the_statistical_error_remains():
    first, others = tables(1, 0.0)
    rows = model_rows(first, others)
    assert set(rows.estimator) == {"models"}
    assert set(rows.window) == {3}
    assert sorted(rows.unit.unique()) == ["saved", "update"]
    assert (rows.error / rows.tau).to_numpy() == pytest.approx(0.005 / np.sqrt(3), rel=0.8)


def test_classical_samplers_and_single_models_keep_their_own_rows():
    first, others = tables(2, 0.05)
    hmc = first.assign(sampler="hmc", tau=first.tau * first.ensemble.map(EXTENTS))
    joined = pandas.concat([first, hmc, model_rows(first, others)])
    found = exponent_rows(joined[joined.unit == "update"], EXTENTS, RANGES)
    rows = {r["sampler"]: r for r in found}
    assert len(found) == len(rows) == 2
    assert rows["hmc"]["z"] == pytest.approx(1, abs=0.3)
    (alone,) = exponent_rows(first, EXTENTS, RANGES)
    assert alone["z_error"] < rows["flow-70"]["z_error"]


def test_a_mean_over_models_is_withheld_where_one_model_is_a_bound():
    """The resolved models of E3 alone would be a selection of the fast ones."""
    first, others = tables(3, 0.05)
    slow = (others.ensemble == "E3") & (others.model == 2)
    others = others.astype({"note": object})
    others.loc[slow, ["estimator", "tau", "error", "note"]] = "bound", 40.0, np.nan, "no window"
    rows = model_rows(first, others)
    models = rows[rows.estimator == "models"]
    assert set(models.ensemble) == {"E1", "E2", "E4", "E5"}
    bounds = rows[rows.estimator == "bound"]
    assert set(bounds.unit) == {"update", "saved"}
    assert set(bounds.note) == {"model 2: no window"}
    assert (bounds.tau == 40.0).all()
    assert not pandas.concat([first, rows]).duplicated(["ensemble", "estimator", "unit"]).any()
    # If the chain itself has that bound already, it is not repeated.
    first = first.astype({"note": object})
    first.loc[first.ensemble == "E3", ["estimator", "error", "note"]] = "bound", np.nan, "no window"
    assert not (model_rows(first, others).estimator == "bound").any()
