"""Reweighting to nearby couplings: exact values, direct runs, errors that hold, refusals."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from api_run import make_run
from exact_targets import quadrature

import lfmc
from lfmc.analysis import reweighting
from lfmc.analysis.action_changes import action_change, coefficients
from lfmc.cli.reweighting import reweight as command
from lfmc.conformance.exact import exact_averages
from lfmc.errors import LfmcError
from lfmc.theories.u1.exact import plaquette

PHI4 = lfmc.Phi4((2, 2), m2=-3.0, lam=3.0)
WAVE = lfmc.theory("sine_gordon", (6,), beta=1.5, g=0.8, m2=0.5)
FIELD = lfmc.theory("phi4_in_field", (4, 4), m2=-4.0, lam=6.0, J=0.1)
SEEN = 4.0  # sigma; a normal deviation is larger with probability 6e-5


def chain_of(theory, seed=1, updates=6000, chains=128):
    return lfmc.hmc(theory, chains=chains, updates=updates, seed=seed, progress=False)


@pytest.fixture(scope="module")
def square():
    return chain_of(PHI4)


def exact_square(**changed):
    """phi2, phi4, E and chi2."""
    found = quadrature(replace(PHI4, **changed))
    return {name: value for name, value in found.items() if name != "Z"}


def sigmas(one, exact):
    return abs(one.value - exact) / one.error


@pytest.mark.unit
@pytest.mark.parametrize(
    ("theory", "changed", "expected"),
    [
        (lfmc.Phi4((4, 6), -4.0, 6.0), {"lam": 6.5}, {"phi4": 12.0}),
        (lfmc.Phi4((4, 6), -4.0, 6.0), {"m2": -3.5, "lam": 7.0}, {"phi2": 12.0, "phi4": 24.0}),
        (lfmc.Phi4((4, 6), -4.0, 6.0), {}, {}),
        (FIELD, {"J": 0.3}, {"m": -3.2}),
        # U = lam phi4 - J m there, so that 16 (lam' - lam) phi4 = 16/6 (lam' - lam) (U + J m)
        (FIELD, {"lam": 6.6}, {"m": 0.16, "U": 1.6}),
        (lfmc.theory("free", (8, 8), m2=0.25), {"m2": 0.5}, {"phi2": 16.0}),
        (lfmc.theory("u1", (4, 4), beta=1.0), {"beta": 1.5}, {"plaquette": -8.0}),
        (lfmc.theory("spheres", (4, 4), N=3, beta=1.0), {"beta": 1.5}, {"E": -16.0}),
    ],
)
def test_the_change_of_the_action_is_one_of_recorded_scalars(theory, changed, expected):
    found = coefficients(theory, replace(theory, **changed))
    assert found == pytest.approx(expected, rel=1e-8)


@pytest.mark.unit
def test_the_change_is_that_of_the_action():
    target = replace(WAVE, g=1.1, m2=0.4)
    fields = np.random.default_rng(3).standard_normal((50, 6))
    change = action_change(WAVE, target, WAVE.measure(fields))
    assert change == pytest.approx(target.evaluate(fields) - WAVE.evaluate(fields), abs=1e-9)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("theory", "target", "message"),
    [
        (WAVE, replace(WAVE, beta=1.6), "scalars m, phi2, U, virial, E do not determine"),
        (PHI4, replace(PHI4, shape=(4, 4)), "keeps the theory and its lattice"),
        (PHI4, lfmc.theory("free", (2, 2), m2=1.0), "keeps the theory and its lattice"),
        (replace(WAVE, g=1e-6), replace(WAVE, g=0.2), "single precision"),
    ],
)
def test_changes_that_scalars_do_not_give_are_refused(theory, target, message):
    fields = np.random.default_rng(3).standard_normal((50, theory.numbers))
    with pytest.raises(LfmcError, match=message):
        action_change(theory, target, theory.measure(fields))


@pytest.mark.stat
@pytest.mark.parametrize("changed", [{"lam": 4.0}, {"m2": -3.7}, {"m2": -2.6, "lam": 3.6}])
def test_reweighted_values_are_exact_on_a_square(square, changed):
    """Four values at three points; the unweighted ones are more than 10 sigma away."""
    exact, found = exact_square(**changed), lfmc.reweight(square, **changed)
    assert found.ess.value > 0.2
    assert max(sigmas(found[name], value) for name, value in exact.items()) < SEEN
    assert sigmas(found.sd, 1.0) < SEEN  # Schwinger-Dyson at the other couplings
    direct = lfmc.measure(square)
    assert max(sigmas(direct[name], value) for name, value in exact.items()) > 10


@pytest.mark.stat
def test_the_wrong_sign_of_the_exponent_fails(square, monkeypatch):
    """The negative control."""
    monkeypatch.setattr(reweighting, "action_change", lambda *a: -action_change(*a))
    exact, found = exact_square(lam=3.7), lfmc.reweight(square, lam=3.7)
    assert max(sigmas(found[name], value) for name, value in exact.items()) > 10
    assert sigmas(found.sd, 1.0) > 10


@pytest.mark.stat
def test_a_ring_of_another_theory_is_exact():
    target = replace(WAVE, g=1.0)
    exact, found = exact_averages(target), lfmc.reweight(chain_of(WAVE, 2), g=1.0)
    names = ("phi2", "U", "virial", "E", "chi2")
    assert max(sigmas(found[name], exact[name]) for name in names) < SEEN


@pytest.mark.stat
def test_links_are_reweighted_too():
    chain = lfmc.markov_chain(
        lfmc.theory("u1", (4, 4), beta=1.0), "heatbath", chains=64, updates=2000, seed=4,
        progress=False,
    )  # fmt: skip
    found = lfmc.reweight(chain, beta=1.2)
    assert sigmas(found.plaquette, plaquette(1.2, 16)) < SEEN
    assert sigmas(lfmc.measure(chain).plaquette, plaquette(1.2, 16)) > 10


@pytest.mark.stat
def test_reweighted_values_are_those_of_a_run_there():
    """Every observable but masses, of a flow-sized lattice, against a run of its own."""
    theory = lfmc.Phi4((6, 6), m2=-4.0, lam=6.975)
    near = lfmc.cluster(theory, chains=64, updates=4000, seed=5, progress=False)
    there = replace(theory, lam=6.6)
    direct = lfmc.measure(lfmc.cluster(there, chains=64, updates=4000, seed=6, progress=False))
    found = lfmc.reweight(near, lam=6.6)
    for name in ("chi2", "E", "phi2", "phi4", "absm", "binder", "Gt_0", "Gt_3", "mpL"):
        error = np.hypot(found[name].error, direct[name].error)
        assert abs(found[name].value - direct[name].value) < SEEN * error, name


@pytest.mark.stat
def test_reweighted_errors_hold():
    """60 chains: the mean of pulls^2 is within 4 sigma of 1 (false alarms: 6e-5)."""
    exact = exact_square(lam=3.3)["chi2"]
    found = [lfmc.reweight(chain_of(PHI4, s, 1000, 32), lam=3.3).chi2 for s in range(10, 70)]
    pulls = np.array([sigmas(one, exact) for one in found])
    assert abs((pulls**2).mean() - 1) < 4 * (2 / 60) ** 0.5


@pytest.mark.unit
def test_too_few_effective_configurations_are_refused(square):
    with pytest.raises(LfmcError, match=r"at m2 = -3, lam = 300 the effective part .* below 0\.05"):
        lfmc.reweight(square, lam=300.0)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"mass": 1.0}, "no coupling of phi4 'mass'"),
        ({"lam": "large"}, "lam = 'large'; give a number"),
        ({"lam": True}, "lam = True; give a number"),
        ({"lam": -1.0}, "greater than 0"),
        ({"lam": float("nan")}, "finite"),
    ],
)
def test_couplings_that_are_none_are_refused(square, changed, message):
    with pytest.raises(LfmcError, match=message):
        lfmc.reweight(square, **changed)


@pytest.mark.unit
def test_the_sign_of_an_ordered_phase_gives_no_error_of_m():
    ordered = lfmc.Phi4((6, 6), m2=-4.0, lam=2.0)
    chain = lfmc.local(ordered, chains=32, updates=2000, seed=7, progress=False)
    found = lfmc.reweight(chain, lam=2.02)
    assert np.isnan(found.m.error)
    assert "sign" in found.m.note
    assert found.absm.error > 0


@pytest.mark.unit
def test_the_command_writes_a_table_of_every_point(tmp_path, capsys):
    make_run(tmp_path)
    where = ["--config", str(tmp_path / "config.yaml"), "--results", str(tmp_path / "results")]
    place = [*where, "--ensemble", "E1", "--sampler"]
    for sampler in ("cluster", "flow-70"):
        command.main([*place, sampler, "--set", "lam=[6.9,7.1]"], standalone_mode=False)
    table = pd.read_csv(tmp_path / "results/reweight/E1/flow-70.csv", comment="#")
    assert set(table.couplings) == {"m2 = -4, lam = 6.9", "m2 = -4, lam = 7.1"}
    value = table[table.observable == "chi2"].set_index("couplings")
    assert value.value.iloc[0] > value.value.iloc[1]
    assert (value.ess > 0.5).all()
    assert "ESS 0.9" in capsys.readouterr().out
    output = tmp_path / "results/reweight/E1/hmc.csv"
    with pytest.raises(LfmcError, match="effective part"):
        command.main([*place, "hmc", "--set", "lam=[6.9,60]"], standalone_mode=False)
    assert not output.exists()
    for wrong, message in (("lam=[]", "empty list"), ("kappa=1", "no coupling of phi4")):
        with pytest.raises(LfmcError, match=message):
            command.main([*place, "hmc", "--set", wrong], standalone_mode=False)
    both = ["--set", "lam=[1,2]", "--set", "m2=[1,2]"]
    with pytest.raises(LfmcError, match="give one of them one"):
        command.main([*place, "hmc", *both], standalone_mode=False)
    with pytest.raises(LfmcError, match="to which couplings"):
        command.main([*place, "hmc"], standalone_mode=False)
