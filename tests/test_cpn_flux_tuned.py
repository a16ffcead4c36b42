"""Trained flux of CP^(N-1) models: exact, its own inverse, and trained the same way each time."""

import json
import re

import numpy as np
import pytest

from lfmc.config import parse_config, stage_settings
from lfmc.errors import LfmcError
from lfmc.kernels.lanes import LANES, aligned, kernel, load
from lfmc.samplers import cpn_flux_tuned
from lfmc.samplers.cpn_flux_tuned import FluxTunedParameters, sample_flux_tuned
from lfmc.samplers.cpn_heatbath import HeatbathParameters, sample_heatbath
from lfmc.samplers.flux_drive import drive
from lfmc.samplers.flux_program import disc_angles, program
from lfmc.samplers.flux_training import expected_acceptance
from lfmc.samplers.method import method
from lfmc.samplers.state import cold_start, fields
from lfmc.samplers.tune import tune
from lfmc.theories.cpn import CPN
from lfmc.theories.cpn.auxiliary import CPNAuxiliary

FORMS = [CPN, CPNAuxiliary]
CHAINS, UPDATES = 128, 1500
FAST = FluxTunedParameters(1, 0, 12, 1.0, 1.0, 5, 1.0, 0.3)  # many are refused: errors show
# 2 forms x 5 deviations, 5 sigma of Student's t with 127 degrees of freedom: 2e-5; fixed seeds.
SIGMAS = 5.0
ENSEMBLE = {"name": "A", "L": 4, "theory": {"kind": "cpn_auxiliary", "N": 3, "beta": 0.8}}


def averages(form, sampler):
    """Mean and error of E, chi, Q, Q^2 and a Schwinger-Dyson equation on 4 x 4, by chains."""
    theory = form((4, 4), 3, 0.8)
    state = cold_start(theory, 3, range(CHAINS), "check", "flux-tuned")
    state, _ = sampler(state, theory, 50)
    state, info = sampler(state, theory, UPDATES)
    lengths = np.square(fields(state).reshape(CHAINS, -1, 2 * theory.N)).sum(-1)
    np.testing.assert_allclose(lengths, 1, atol=1e-13)
    scalars = {key: value.astype(np.float64).mean(1) for key, value in info.scalars.items()}
    charge = info.scalars["Q"].astype(np.float64)
    found = {"E": scalars["E"], "chi": scalars["m2"], "Q": charge.mean(1)}
    found |= {"Q2": (charge**2).mean(1), "sd": scalars["force2"] - scalars["curvature"]}
    means = {k: np.array([v.mean(), v.std(ddof=1) / CHAINS**0.5]) for k, v in found.items()}
    return means, info.accepted.mean()


def fast(state, theory, updates):
    return sample_flux_tuned(state, theory, FAST, updates, updates)


def heatbath(state, theory, updates):
    return sample_heatbath(state, theory, HeatbathParameters(1, 1), updates, updates)


def deviations(one, two):
    return {k: (one[k][0] - two[k][0]) / np.hypot(one[k][1], two[k][1]) for k in one}


@pytest.mark.stat
@pytest.mark.parametrize("form", FORMS)
def test_trained_flux_agrees_with_the_heat_bath(form):
    moved, accepted = averages(form, fast)
    assert 0.1 < accepted < 0.9
    off = deviations(moved, averages(form, heatbath)[0])
    assert max(map(abs, off.values())) < SIGMAS, off


@pytest.mark.stat
@pytest.mark.parametrize("wrong", ["half", "one way"])
def test_a_map_that_is_not_its_own_inverse_is_noticed(wrong, monkeypatch):
    """Negative controls: the core is turned half of its way, to pi, so that all phases end there (a
    Jacobian of 0 left out); a program that is no mirror image.
    """

    def spoilt(*arguments):
        good = program(*arguments)
        if wrong == "half":
            return good._replace(turns=0.5 * good.turns, last=0.5 * good.last)
        return good._replace(visits=good.visits[:-4], turns=good.turns[:-4])

    right = averages(CPNAuxiliary, heatbath)[0]
    monkeypatch.setattr(cpn_flux_tuned, "program", spoilt)
    off = deviations(averages(CPNAuxiliary, fast)[0], right)
    assert max(map(abs, off.values())) > 2 * SIGMAS, off


@kernel
def driven(work, s, near, links, visits, turns, last, change, n):
    around = np.empty((2 * n, LANES))
    drive(work, s, near, links, visits, turns, last, load(change, 0), n, around)


def turned_and_back(moves):
    """Largest change of vectors and s after a program and the same with the opposite flux."""
    rng, n = np.random.default_rng(2), 3
    work = aligned((2 * n * len(moves.places), LANES))
    work[:] = rng.normal(size=work.shape)
    vectors = work.reshape(-1, 2 * n, LANES)
    vectors /= np.sqrt(np.square(vectors).sum(1, keepdims=True))
    s, change = aligned((2 * len(moves.bonds), LANES)), aligned((1, LANES))
    s[:], change[:] = rng.normal(size=s.shape), rng.uniform(-3, 3, LANES)
    kept, parts = (work.copy(), s.copy()), (moves.near, moves.links, moves.visits, moves.turns)
    driven(work, s, *parts, moves.last, change, n)
    moved = np.abs(work - kept[0]).max()
    change *= -1
    driven(work, s, *parts, moves.last, change, n)
    return moved, max(np.abs(work - kept[0]).max(), np.abs(s - kept[1]).max())


@pytest.mark.unit
def test_the_program_with_the_opposite_flux_is_the_inverse():
    for arguments in ((1.0, 5, 1.0, 0.0), (3.0, 21, 1.4, 0.3)):
        moved, left = turned_and_back(program(*arguments))
        assert moved > 0.1
        assert left < 1e-9  # rounding of a few hundred reflections
    one_way = program(3.0, 21, 1.4, 0.3)
    one_way = one_way._replace(visits=one_way.visits[:-1], turns=one_way.turns[:-1])
    assert turned_and_back(one_way)[1] > 1e-3


@pytest.mark.unit
@pytest.mark.parametrize("radius", [1.0, 2.0, 3.5])
def test_angles_have_flux_1_through_the_core_and_none_in_all(radius):
    disc, angles = disc_angles(radius)
    flux = dict.fromkeys(disc, 0.0)
    for (i, j, mu), angle in angles.items():
        left, right = ((i, j), (i, j - 1)) if mu == 0 else ((i - 1, j), (i, j))
        flux[left] += angle
        flux[right] -= angle
    assert disc[0] == (0, 0)
    np.testing.assert_allclose(flux.pop((0, 0)), 1, atol=1e-12)
    np.testing.assert_allclose(list(flux.values()), -1 / len(flux), atol=1e-12)
    moves = program(radius, 9, 2.0, 0.3)
    total = moves.last.copy()
    np.add.at(total, moves.links[moves.visits], moves.turns)
    wanted = [angles.get(tuple(bond), 0.0) for bond in moves.bonds.tolist()]
    np.testing.assert_allclose(2 * np.pi * total, wanted, atol=1e-12)


@pytest.mark.unit
@pytest.mark.parametrize("form", FORMS)
def test_a_chain_does_not_depend_on_those_beside_it(form):
    theory, runs = form((5, 4), 3, 0.8), []
    parameters = FluxTunedParameters(1, 1, 2, 0.7, 1.0, 9, 2.0, 0.0)
    for chains in (range(40), range(33, 40)):
        state = cold_start(theory, 1, chains, "check", "beside")
        runs.append(fields(sample_flux_tuned(state, theory, parameters, 5, 5)[0]))
    np.testing.assert_array_equal(runs[0][33:], runs[1])


@pytest.mark.stat
def test_the_expected_acceptance_is_that_of_a_normal_gain():
    """Within 5 sigma of 10^6 draws (2e-6); another variance is noticed."""
    for work, variance in ((0.3, 0.6), (3.0, 5.0), (6.0, 14.0)):
        gain = np.random.default_rng(1).normal(-work, variance**0.5, 10**6)
        counted = np.minimum(1, np.exp(gain))
        error = counted.std() / 1e3
        assert abs(counted.mean() - expected_acceptance(work, variance)) < 5 * error
        assert abs(counted.mean() - expected_acceptance(work, 1.2 * variance)) > 10 * error


def config(samplers):
    raw = {"ensembles": [ENSEMBLE], "samplers": samplers, "flow": {"targets": []}}
    return parse_config(raw)


@pytest.mark.unit
def test_the_training_is_recorded_and_chains_read_it():
    given = config({"flux-tuned": {"scan_moves": 8, "thermalisation": 2, "moves": 4}})
    entry = tune(given, "A")["flux-tuned"]
    again = tune(given, "A")["flux-tuned"]
    assert entry["scan"] == again["scan"]
    assert entry["gain"] == max(row["gain"] for row in entry["scan"])
    assert entry["updates"] == 2 + 2 * len(entry["scan"])
    assert entry["seconds"] > 0
    theory = CPNAuxiliary((4, 4), 3, 0.8)
    chosen = method(given, "flux-tuned", theory, json.loads(json.dumps({"flux-tuned": entry})))
    keys = ("radius", "steps", "density", "ease")
    assert chosen.parameters[4:] == tuple(entry[key] for key in keys)


@pytest.mark.unit
@pytest.mark.parametrize(("beta", "warned"), [(3.0, True), (0.8, False)])
def test_a_training_without_accepted_moves_warns(beta, warned, caplog):
    """At large beta the flux of one plaquette is too much for a disc of 4 x 4."""
    hardly = ENSEMBLE | {"theory": {"kind": "cpn_auxiliary", "N": 3, "beta": beta}}
    raw = {"ensembles": [hardly], "samplers": {"flux-tuned": {"scan_moves": 8, "moves": 4}}}
    entry = tune(parse_config(raw | {"flow": {"targets": []}}), "A")["flux-tuned"]
    assert (entry["acceptance"] < 0.01) == warned
    assert ("hardly change the charge" in caplog.text) == warned


@pytest.mark.unit
def test_it_runs_on_request_and_where_a_disc_fits():
    assert config({}).classical("A") == ("heatbath", "overrelaxation")
    assert "flux-tuned" not in str(stage_settings(config({}), "tune", "A"))
    assert config(["flux-tuned"]).classical("A") == ("flux-tuned",)
    assert "flux-tuned" not in CPN((2, 4), 3, 0.8).samplers
    theory = CPN((4, 4), 3, 0.8)
    state = cold_start(theory, 1, range(2), "check", "large")
    with pytest.raises(LfmcError, match=re.escape("radius 2 does not fit into [4, 4]; extents")):
        sample_flux_tuned(state, theory, FAST._replace(radius=2.0), 1, 1)
    with pytest.raises(LfmcError, match="4 steps odd"):
        sample_flux_tuned(state, theory, FAST._replace(steps=4), 1, 1)
