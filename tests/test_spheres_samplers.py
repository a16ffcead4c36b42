"""Samplers of O(N) spins against exact values, and what must fail."""

import numpy as np
import pytest

from lfmc.samplers import spheres_hmc
from lfmc.samplers.hmc import HmcParameters
from lfmc.samplers.spheres_heatbath import HeatbathParameters, sample_heatbath
from lfmc.samplers.spheres_hmc import sample_spheres_hmc
from lfmc.samplers.state import cold_start, fields
from lfmc.samplers.wolff import WolffParameters, sample_wolff
from lfmc.theories.spheres import Spheres, exact

CHAINS, UPDATES = 128, 1000
POINTS = [((4,), 1), ((4,), 2), ((2, 2), 3), ((4,), 4)]
SAMPLERS = {
    "hmc": (sample_spheres_hmc, HmcParameters(1.5, 8, 0.5)),
    "heatbath": (sample_heatbath, HeatbathParameters(1)),
    "overrelaxation": (sample_heatbath, HeatbathParameters(1, 3)),
    "wolff": (sample_wolff, WolffParameters(1)),
}
# 14 runs x 4 observables: a deviation of 5 sigma of Student's t with 127 degrees of freedom in
# any of them has a probability of 1e-4; the seed is fixed.
SIGMAS = 5.0


def expected(theory):
    """A 2 x 2 torus is a ring of four sites whose bonds count twice."""
    double = 2.0 if theory.shape == (2, 2) else 1.0
    return exact.ring(theory.N, double * theory.beta, 4)


def deviations(theory, name, length=UPDATES):
    sample, parameters = SAMPLERS[name]
    state = cold_start(theory, 3, range(CHAINS), "check", name)
    state, _ = sample_wolff(state, theory, WolffParameters(1), 50, 50)
    state, info = sample(state, theory, parameters, length, length)
    np.testing.assert_allclose(np.square(theory.spins(fields(state))).sum(-1), 1, atol=1e-12)
    mean = {key: value.mean(1) for key, value in info.scalars.items()}
    known, bond = expected(theory), 2 * theory.dimension * mean["E"]
    factor = theory.beta / (theory.N - 1) if theory.N > 1 else 1.0
    off = {
        "E": mean["E"] - known["E"],
        "chi": 4 * mean["m2"] - known["chi"],
        "m": mean["m"],
        "sd": factor * mean["force2"] - bond,
    }
    if name == "hmc":
        off["creutz"] = np.exp(-info.extra["dH"]).mean(1) - 1
    return {k: v.mean() / (v.std(ddof=1) / CHAINS**0.5) for k, v in off.items()}


@pytest.mark.stat
@pytest.mark.parametrize(
    ("shape", "n", "name"),
    [(s, n, k) for s, n in POINTS for k in Spheres(s, n, 0.6).samplers],
)
def test_samplers_give_the_exact_values(shape, n, name):
    theory = Spheres(shape, n, 0.6)
    off = deviations(theory, name)
    assert max(map(abs, off.values())) < SIGMAS, off


@pytest.mark.stat
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_missing_neighbour_is_noticed(name, monkeypatch):
    """The negative control: one neighbour of every site is counted twice, another one never."""
    theory = Spheres((4,), 3, 1.2)
    wrong = theory.geometry()
    wrong[:, 1] = wrong[:, 0]
    monkeypatch.setattr(Spheres, "geometry", lambda self: wrong)
    off = deviations(theory, name)
    assert max(map(abs, off.values())) > 2 * SIGMAS


@pytest.mark.stat
def test_reflections_keep_the_energy_and_are_involutions():
    theory = Spheres((4, 4), 3, 1.0)
    state = cold_start(theory, 1, range(4), "check", "reflect")
    before = theory.evaluate(fields(state))
    state, _ = sample_heatbath(state, theory, HeatbathParameters(0, 5), 1, 1)
    np.testing.assert_allclose(theory.evaluate(fields(state)), before, atol=1e-12)


@pytest.mark.stat
def test_energy_error_of_hmc_falls_with_the_square_of_the_step():
    theory = Spheres((4, 4), 3, 1.0)
    state = cold_start(theory, 1, range(32), "check", "reverse")
    sizes = []
    for steps in (8, 16):
        _, info = spheres_hmc.sample_spheres_hmc(state, theory, HmcParameters(1.0, steps), 1, 1)
        sizes.append(np.abs(info.extra["dH"]).mean())
    assert sizes[0] / sizes[1] == pytest.approx(4, rel=0.2)  # second order in the step


@pytest.mark.unit
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_chain_does_not_depend_on_those_beside_it(name):
    theory, (sample, parameters) = Spheres((4, 4), 3, 1.0), SAMPLERS[name]
    runs = []
    for chains in (range(40), range(33, 40)):
        state = cold_start(theory, 1, chains, "check", "beside")
        runs.append(fields(sample(state, theory, parameters, 5, 5)[0]))
    np.testing.assert_array_equal(runs[0][33:], runs[1])
