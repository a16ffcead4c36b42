"""Chains joined between couplings, and critical points with exponents: exact and synthetic."""

from itertools import pairwise

import numpy as np
import pytest
from scan_chains import free_chains, written_scan

from lfmc.analysis import histograms
from lfmc.analysis.critical import (
    POINTS,
    Lattice,
    Number,
    _corrected,
    _exponent,
    critical_rows,
    crossing,
)
from lfmc.analysis.histograms import errors, joined
from lfmc.cli.critical import critical
from lfmc.cli.figures import plot
from lfmc.errors import LfmcError
from lfmc.figures.drawable import NotDrawable
from lfmc.table_files import read_table

AT = np.array([0.32, 0.35, 0.45, 0.5])
SEEN = 4.0


def chi2_of(chains, at=AT):
    """V <m^2> between the couplings, (1 + K, G); exactly 1/(2 m2)."""
    columns = [c.scalars["m"].astype(float)[..., None] ** 2 for c in chains]
    found = joined(chains, "m2", at, columns)
    return np.prod(chains[0].shape) * found.means[..., 0], found.ess


@pytest.mark.stat
def test_joined_chains_are_exact_between_their_couplings():
    values, ess = chi2_of(free_chains(1, length=2000))
    assert (abs(values[0] - 1 / (2 * AT)) < SEEN * errors(values)).all()
    assert (ess > 1.5).all()  # more than any of the three has by itself


@pytest.mark.stat
def test_without_weights_they_are_not(monkeypatch):
    """The negative control."""
    nothing = lambda theory, target, scalars: np.zeros(scalars["m"].shape)  # noqa: E731
    monkeypatch.setattr(histograms, "action_change", nothing)
    values, _ = chi2_of(free_chains(1, length=2000))
    assert (abs(values[0] - 1 / (2 * AT)) > 10 * errors(values)).sum() >= 3


@pytest.mark.stat
@pytest.mark.parametrize("tau", [0.5, 5.0])
def test_errors_of_joined_chains_hold(tau):
    """40 sets of chains: the mean of pulls^2 is within 4 sigma of 1 (false alarms: 6e-5)."""
    found = [chi2_of(free_chains(seed, tau=tau), AT[1:2])[0] for seed in range(40)]
    pulls = np.array([(v[0, 0] - 1 / (2 * AT[1])) / errors(v)[0] for v in found])
    # A jackknife of 32 blocks: t of 31 degrees, whose variance is 31/29.
    assert abs((pulls**2).mean() - 31 / 29) < 4 * (2 / 40) ** 0.5


@pytest.mark.unit
def test_one_chain_joined_is_that_chain_reweighted():
    (chain,) = free_chains(2, values=(0.4,))
    values, _ = chi2_of([chain], np.array([0.4, 0.42]))
    m2 = chain.scalars["m"].astype(float) ** 2
    assert values[0, 0] == pytest.approx(16 * m2.mean(), rel=1e-12)
    weight = np.exp(-16 * 0.02 * chain.scalars["phi2"].astype(float))
    assert values[0, 1] == pytest.approx(16 * (weight * m2).sum() / weight.sum(), rel=1e-9)


@pytest.mark.unit
def test_chains_too_far_apart_are_refused():
    with pytest.raises(LfmcError, match=r"L = 16: at m2 = .* smaller steps|too little in common"):
        chi2_of(free_chains(3, 16, values=(0.1, 6.0)), np.linspace(0.1, 6.0, 9))


GAMMA, NU, CRITICAL = 1.75, 1.0, 4.25


def synthetic(extent, seed, gamma=GAMMA, noise=2e-3, blocks=32):
    """Curves of a lattice that scale exactly, with noise that is smooth in the coupling."""
    rng = np.random.default_rng([seed, extent])
    at = CRITICAL + np.linspace(-2.0, 6.0, POINTS) / extent ** (1 / NU)
    x = (at - CRITICAL) * extent ** (1 / NU)
    shape = {
        "chi2_connected": extent**gamma * 0.1 / np.cosh(x / 3 - 0.7),
        "chi2": extent**gamma * np.exp(-x / 4),
        "U4": 0.6 - 0.25 * np.tanh(x / 4),
    }
    curves = {}
    for name, values in shape.items():
        each = noise * np.sqrt(blocks) * rng.standard_normal((blocks, 2))
        factor = 1 + each[:, :1] + 0.3 * each[:, 1:] * x
        whole = factor.mean(0)
        without = (blocks * whole - factor) / (blocks - 1)
        curves[name] = values * np.vstack([whole, without])
    return Lattice(extent, at, curves, np.ones(POINTS))


def exponents(seed, **changed):
    lattices = [synthetic(extent, seed, **changed) for extent in (8, 12, 16, 24)]
    rows = critical_rows("cluster", lattices, ising=True)
    return {(r["L"], r["quantity"]): r for r in rows}


LARGEST, ALL = "12 16 24", "8 12 16 24"  # column L of plain power laws and of corrected ones


@pytest.mark.stat
def test_exponents_and_critical_point_of_scaling_curves_are_found():
    found = exponents(1)
    of_gamma = ("gamma_nu", "gamma_nu_crossing", "gamma_nu_corrected")
    for name, exact in (*((n, GAMMA) for n in of_gamma), ("nu", NU), ("nu_corrected", NU)):
        row = found[ALL if "corrected" in name else LARGEST, name]
        assert abs(row["value"] - exact) < SEEN * row["error"]
        assert row["sigmas"] == pytest.approx((row["value"] - exact) / row["error"])
        assert row["error"] < (0.1 if "corrected" in name else 0.05)
    for pair in ("8 12", "12 16", "16 24"):
        row = found[pair, "crossing"]
        assert abs(row["value"] - CRITICAL) < SEEN * row["error"]
    row = found["16", "pseudo_critical"]  # the maximum is at x = 2.1
    assert abs(row["value"] - CRITICAL - 2.1 / 16) < SEEN * row["error"]


@pytest.mark.stat
def test_another_exponent_is_told_apart():
    """The negative control."""
    found = exponents(1, gamma=1.6)
    assert found[LARGEST, "gamma_nu"]["sigmas"] < -10
    assert found[LARGEST, "gamma_nu_crossing"]["sigmas"] < -SEEN


@pytest.mark.unit
def test_plain_power_laws_leave_small_lattices_out():
    """A smallest lattice that does not scale changes the corrected fits alone."""
    lattices = [synthetic(extent, 1) for extent in (8, 12, 16, 24)]
    wrong = {name: 1.2 * values for name, values in lattices[0].curves.items()}
    changed = [lattices[0]._replace(curves=wrong), *lattices[1:]]
    one, other = (
        {r["quantity"]: r["value"] for r in critical_rows("cluster", found, True)}
        for found in (lattices, changed)
    )
    assert one["gamma_nu"] == other["gamma_nu"]
    assert one["nu"] == other["nu"]
    assert abs(one["gamma_nu_corrected"] - other["gamma_nu_corrected"]) > 0.1


@pytest.mark.stat
def test_errors_of_exponents_and_crossings_hold():
    """60 sets of curves, pulls^2 within 4 sigma of the mean for 31 degrees of freedom.

    Errors are scaled up where chi2/dof is above 1, so exponents may fall below."""
    found = [exponents(seed) for seed in range(60)]
    for key, exact in (((LARGEST, "gamma_nu"), GAMMA), (("16 24", "crossing"), CRITICAL)):
        pulls = np.array([(f[key]["value"] - exact) / f[key]["error"] for f in found])
        assert 0.5 < (pulls**2).mean() < 31 / 29 + 4 * (2 / 60) ** 0.5, key


@pytest.mark.unit
@pytest.mark.parametrize("omega", [1.0, 1.5, 2.0])
def test_corrections_to_scaling_are_fitted(omega):
    """Power laws alone are off by many sigma, the corrected fit by less than its error."""
    exact = {
        n: Number(n**1.75 * np.exp(-omega * n**-omega), 3e-3 * n**1.75) for n in (8, 12, 16, 24)
    }
    plain, corrected = _exponent(exact)[0], _corrected(exact)[0]
    assert plain.value - 1.75 > 4 * plain.error
    assert abs(corrected.value - 1.75) < 1.1 * corrected.error
    three = {n: exact[n] for n in (8, 12, 16)}
    assert np.isnan(_corrected(three)[1])


@pytest.mark.unit
def test_a_maximum_at_an_end_and_curves_that_do_not_cross_have_no_row():
    lattices = [synthetic(extent, 1) for extent in (8, 12, 16)]
    ends = [
        one._replace(curves=one.curves | {"chi2_connected": one.curves["chi2"]}) for one in lattices
    ]
    names = {r["quantity"] for r in critical_rows("cluster", ends, ising=True)}
    assert names == {"crossing", "U4_crossing", "gamma_nu_crossing"}
    apart = [one._replace(at=one.at + 10 * k) for k, one in enumerate(lattices)]
    assert [crossing(a, b) for a, b in pairwise(apart)] == [None, None]


@pytest.mark.unit
def test_the_command_and_the_figure_of_a_scan(tmp_path, capsys):
    where = ["--config", str(written_scan(tmp_path, tmp_path))]
    critical.main(where, standalone_mode=False)
    assert "tables/critical.csv" in capsys.readouterr().out
    curves = read_table(tmp_path / "tables" / "curves.csv")
    middle = curves[(curves.quantity == "chi2") & (curves.L == 6) & (curves["at"] > 0.42)].iloc[0]
    assert abs(middle.value - 1 / (2 * middle["at"])) < SEEN * middle.error
    assert read_table(tmp_path / "tables" / "critical.csv").columns.tolist()[:3] == [
        "sampler", "L", "quantity",
    ]  # fmt: skip


@pytest.mark.unit
def test_lattices_that_cannot_be_joined_are_left_out_and_the_run_goes_on(tmp_path, caplog):
    path = written_scan(tmp_path, tmp_path, values=(0.01, 1.0, 100.0))
    critical.main(["--config", str(path)], standalone_mode=False)
    assert "L = 8 is left out" in caplog.text
    assert "smaller steps" in caplog.text
    assert read_table(tmp_path / "tables" / "critical.csv").empty
    with pytest.raises(NotDrawable, match="smaller steps"):
        plot.main(["critical", "--config", str(path)], standalone_mode=False)


@pytest.mark.unit
def test_a_run_that_is_no_scan_is_refused(tmp_path):
    ensembles = "ensembles: [{ name: A, L: 4, m2: -4.0, lam: 6.0 }]\n"
    (tmp_path / "config.yaml").write_text(ensembles)
    with pytest.raises(LfmcError, match="no scan of one coupling"):
        critical.main(["--config", str(tmp_path / "config.yaml")], standalone_mode=False)
