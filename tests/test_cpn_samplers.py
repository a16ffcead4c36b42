"""Samplers of CP^(N-1) models against exact values and O(3) clusters, and what must fail."""

import numpy as np
import pytest

from lfmc.samplers.cpn_heatbath import HeatbathParameters, sample_heatbath
from lfmc.samplers.state import cold_start, fields
from lfmc.samplers.wolff import WolffParameters, sample_wolff
from lfmc.theories.cpn import CPN
from lfmc.theories.cpn.auxiliary import CPNAuxiliary
from lfmc.theories.spheres import Spheres

CHAINS, UPDATES = 128, 2000
SAMPLERS = {"heatbath": HeatbathParameters(1), "overrelaxation": HeatbathParameters(1, 3)}
POINTS = [(CPN, 2), (CPN, 3), (CPNAuxiliary, 2), (CPNAuxiliary, 3)]
# 8 runs x 4 observables: a deviation of 5 sigma of Student's t with 127 degrees of freedom in
# any of them has a probability of 6e-5; the seed is fixed.
SIGMAS = 5.0


def deviations(theory, name, expected=None):
    known = expected or theory
    state = cold_start(theory, 3, range(CHAINS), "check", name)
    state, _ = sample_heatbath(state, theory, SAMPLERS[name], 50, 50)
    state, info = sample_heatbath(state, theory, SAMPLERS[name], UPDATES, UPDATES)
    lengths = np.square(fields(state).reshape(CHAINS, -1, 2 * theory.N)).sum(-1)
    np.testing.assert_allclose(lengths, 1, atol=1e-13)
    mean = {key: value.mean(1) for key, value in info.scalars.items()}
    off = {
        "E": mean["E"] - known.known["E"],
        "chi": 4 * mean["m2"] - known.known["chi"],
        "Q": mean["Q"],
        "sd": mean["force2"] - mean["curvature"],
    }
    return {k: v.mean() / (v.std(ddof=1) / CHAINS**0.5) for k, v in off.items()}


@pytest.mark.stat
@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize(("form", "n"), POINTS)
def test_samplers_give_the_exact_values(form, n, name):
    off = deviations(form((2, 2), n, 0.6), name)
    assert max(map(abs, off.values())) < SIGMAS, off


@pytest.mark.stat
@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("form", [CPN, CPNAuxiliary])
def test_a_coupling_off_by_two_per_cent_is_noticed(form, name):
    off = deviations(form((2, 2), 3, 0.6), name, form((2, 2), 3, 0.612))
    assert max(map(abs, off.values())) > SIGMAS


@pytest.mark.stat
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_missing_neighbour_is_noticed(name, monkeypatch):
    """The negative control: one neighbour of every site is counted twice, another one never."""
    theory = CPN((4, 4), 3, 0.9)
    wrong = theory.geometry()
    wrong[:, 1] = wrong[:, 0]
    monkeypatch.setattr(CPN, "geometry", lambda self: wrong)
    state = cold_start(theory, 3, range(CHAINS), "check", name)
    state, info = sample_heatbath(state, theory, SAMPLERS[name], 500, 500)
    off = (info.scalars["force2"] - info.scalars["curvature"])[:, 50:].mean(1)
    assert abs(off.mean()) > 2 * SIGMAS * off.std(ddof=1) / CHAINS**0.5


@pytest.mark.stat
def test_two_components_agree_with_o3_clusters():
    """E, chi and <Q^2> on 8 x 8 at the same beta; 3 deviations, 5 sigma."""
    vectors, spins = CPN((8, 8), 2, 1.05), Spheres((8, 8), 3, 1.05)
    runs = {}
    for theory, sample, parameters in (
        (vectors, sample_heatbath, SAMPLERS["overrelaxation"]),
        (spins, sample_wolff, WolffParameters(4)),
    ):
        state = cold_start(theory, 5, range(CHAINS), "check", "o3")
        state, _ = sample(state, theory, parameters, 100, 100)
        runs[theory] = sample(state, theory, parameters, 1000, 1000)[1].scalars
    one, two = runs[vectors], runs[spins]
    pairs = {
        "E": (2 * one["E"] - 1, two["E"]),
        "m2": (2 * one["m2"], two["m2"]),
        "Q2": (one["Q"] ** 2, two["Q"] ** 2),
    }
    for name, both in pairs.items():
        means = [values.mean(1) for values in both]
        error = np.hypot(*(m.std(ddof=1) / CHAINS**0.5 for m in means))
        assert error < 0.02 * means[0].mean(), name
        assert abs(means[0].mean() - means[1].mean()) < SIGMAS * error, name


@pytest.mark.unit
@pytest.mark.parametrize("form", [CPN, CPNAuxiliary])
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_chain_does_not_depend_on_those_beside_it(form, name):
    theory, parameters = form((4, 4), 3, 0.8), SAMPLERS[name]
    runs = []
    for chains in (range(40), range(33, 40)):
        state = cold_start(theory, 1, chains, "check", "beside")
        runs.append(fields(sample_heatbath(state, theory, parameters, 5, 5)[0]))
    np.testing.assert_array_equal(runs[0][33:], runs[1])
