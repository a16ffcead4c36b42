"""Power-law fits, exponent table, costs."""

import numpy as np
import pandas
import pytest

from lfmc.analysis.costs import Amount, break_even, cost_rows, with_training
from lfmc.analysis.exponents import exponent_rows
from lfmc.analysis.scaling import fit_power_law
from lfmc.errors import LfmcError

L = np.array([6.0, 8.0, 10.0, 12.0, 14.0])


@pytest.mark.unit
def test_exact_power_law_is_recovered():
    found = fit_power_law(L, 0.3 * L**1.7, 0.01 * L)
    assert found.z == pytest.approx(1.7)
    assert found.alpha == pytest.approx(0.3)
    assert found.chi2_dof == pytest.approx(0.0, abs=1e-18)


@pytest.mark.unit
def test_fit_is_scipys_with_absolute_sigma():
    from scipy.optimize import curve_fit

    tau = 0.3 * L**1.7 * (1 + 1e-3 * np.array([3.0, -1.0, 0.5, 2.0, -2.0]))
    error = 2e-3 * tau
    parameters, covariance = curve_fit(
        lambda x, a, z: a * x**z, L, tau, p0=(0.3, 1.7), sigma=error, absolute_sigma=True
    )
    found = fit_power_law(L, tau, error)
    assert found.alpha == pytest.approx(parameters[0], rel=1e-3)
    assert found.z == pytest.approx(parameters[1], rel=1e-3)
    assert found.z_error == pytest.approx(np.sqrt(covariance[1, 1]), rel=1e-2)
    assert found.alpha_error == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-2)


@pytest.mark.stat
def test_pulls_of_z_and_chi2_are_standard():
    """2000 synthetic fits: pull variance 1 and chi2/dof 1 within 4 sigma (13 %, 10 %), rate
    2e-4. Negative control: with errors rescaled by chi2/dof the pull's variance is above 1.5."""
    rng = np.random.default_rng(8)
    true = 0.5 * L**1.2
    fits = []
    for _ in range(2000):
        fits.append(fit_power_law(L, true * (1 + 0.01 * rng.normal(size=5)), 0.01 * true))
    pull = np.array([(f.z - 1.2) / f.z_error for f in fits])
    chi2 = np.array([f.chi2_dof for f in fits])
    assert (pull**2).mean() == pytest.approx(1, abs=4 * np.sqrt(2 / 2000))
    assert chi2.mean() == pytest.approx(1, abs=4 * np.sqrt(2 / 3 / 2000))
    assert (pull**2 / chi2).mean() > 1.5


@pytest.mark.unit
def test_bad_fits_are_refused():
    with pytest.raises(LfmcError, match="at least 3 different L"):
        fit_power_law(np.array([6.0, 8.0, 8.0]), np.ones(3), np.ones(3))
    with pytest.raises(LfmcError, match="positive, finite"):
        fit_power_law(L, np.ones(5), np.zeros(5))


def tau_table(samplers=("hmc", "flow-50"), alpha=1.0):
    rows = []
    for sampler in samplers:
        z = 2.0 if sampler == "hmc" else 0.0
        for n in L:
            head = {"ensemble": f"L{n:.0f}", "sampler": sampler, "window": 5}
            tau = alpha * n**z
            for unit, scale in (("update", 1.0), ("saved", 0.5), ("second", 1e-3)):
                rows.append(
                    head
                    | {"observable": "chi2", "estimator": "gamma", "unit": unit}
                    | {"tau": tau * scale, "error": 0.01 * tau * scale}
                )
            rows.append(
                head
                | {"observable": "chi2", "estimator": "ratio", "unit": "none"}
                | {"tau": 1.0, "error": 0.1}
            )
    return pandas.DataFrame(rows)


@pytest.mark.unit
def test_exponents_of_every_sampler_observable_and_unit():
    extents = {f"L{n:.0f}": int(n) for n in L}
    ranges = {"10-12-14": (10, 12, 14), "all": (6, 8, 10, 12, 14), "6-8": (6, 8)}
    rows = exponent_rows(tau_table(), extents, ranges)
    keys = {(r["sampler"], r["observable"], r["unit"], r["fit_L"]) for r in rows}
    assert len(keys) == len(rows) == 2 * 3 * 2
    for row in rows:
        assert row["z"] == pytest.approx(2.0 if row["sampler"] == "hmc" else 0.0, abs=1e-9)
    assert exponent_rows(tau_table(), {"L6": 6, "L8": 8}, ranges) == []


@pytest.mark.unit
def test_break_even():
    training, flow = Amount(100.0, 10.0), Amount(1e-3, 1e-5)
    number = break_even(training, flow, Amount(3e-3, 0.0))
    assert number.value == pytest.approx(5e4)
    assert number.error == pytest.approx(5e4 * np.hypot(0.1, 5e-3))
    assert break_even(training, flow, Amount(9e-4, 0.0)).value == np.inf
    assert break_even(training, flow, Amount(3e-3, 0.0), 60.0).value == pytest.approx(2e4)
    assert break_even(training, flow, Amount(3e-3, 0.0), 101.0).value == 0
    shared = with_training(flow, training, 2e-6)
    assert shared.value == pytest.approx(1.2e-3)
    assert shared.error == pytest.approx(np.hypot(1.2e-5, 2e-5))


@pytest.mark.unit
def test_cost_table():
    training = pandas.DataFrame(
        {"ensemble": ["L14", "L14"], "flow": ["flow-50"] * 2, "seconds": [8.0, 12.0]}
    )
    times = pandas.DataFrame(
        [
            {"ensemble": "L14", "sampler": s, "observable": o, "value": v, "error": 0.0}
            for s, o, v in (
                ("hmc", "setup_seconds", 4.0),
                ("hmc", "measure_seconds", 2.0),
                ("flow-50", "measure_seconds", 3.0),
                ("hmc", "chi2", 7.0),
            )
        ]
    )
    rows = pandas.DataFrame(cost_rows(times, tau_table(), training, 1000))
    here = rows[(rows.ensemble == "L14") & (rows.sampler == "flow-50")].set_index("quantity")
    assert here.value["seconds_per_update"] == pytest.approx(1e-3)
    assert here.value["seconds_per_independent"] == pytest.approx(2e-3)
    assert here.value["seconds_per_independent_with_training"] == pytest.approx(2e-3 + 0.01)
    assert here.value["training_seconds"] == pytest.approx(10.0)
    assert here["error"]["training_seconds"] == pytest.approx(2.0)
    assert here.value["break_even_hmc"] == pytest.approx((10.0 - 4.0) / (2e-3 * 195))
    setup = rows[rows.quantity == "setup_seconds"].set_index(["ensemble", "sampler"]).value
    assert setup.to_dict() == {("L14", "flow-50"): 10.0, ("L14", "hmc"): 4.0}
    measured = rows[rows.quantity == "measure_seconds"].set_index(["ensemble", "sampler"]).value
    assert measured.to_dict() == {("L14", "flow-50"): 3.0, ("L14", "hmc"): 2.0}
    assert "break_even_local" not in here.index
    assert "training_seconds" not in set(rows[rows.sampler == "hmc"].quantity)
