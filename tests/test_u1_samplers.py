"""HMC, heat bath and instanton moves of U(1) against exact values, and what must fail."""

import math

import numpy as np
import pytest
from scipy.special import ive
from scipy.stats import kstest

from lfmc.kernels.angles import angle_of, nearest
from lfmc.kernels.lanes import LANES, broadcast, kernel, load, store
from lfmc.samplers.hmc import HmcParameters
from lfmc.samplers.state import cold_start
from lfmc.samplers.u1_heatbath import HeatbathParameters, deviation, sample_heatbath
from lfmc.samplers.u1_hmc import sample_u1_hmc
from lfmc.theories.u1 import U1
from lfmc.theories.u1.loops import plaquette_angles
from lfmc.theories.u1.torus import unit_flux

CHAINS, UPDATES = 128, 1500
SAMPLERS = {
    "hmc": (sample_u1_hmc, HmcParameters(1.1, 8, 0.5)),
    "heatbath": (sample_heatbath, HeatbathParameters(1)),
    "instanton": (sample_heatbath, HeatbathParameters(1, 2)),
}
# 3 samplers x 2 points x 4 observables: a deviation of 5 sigma of Student's t with 127 degrees of
# freedom in any of them has a probability of 5e-5; the seed is fixed.
SIGMAS = 5.0


def started(theory, seed, chains=CHAINS):
    state = cold_start(theory, seed, range(chains), "check", "u1")
    return sample_heatbath(state, theory, HeatbathParameters(1, 1), 200, 200)[0]


def deviations(theory, scalars):
    """Sigmas of plaquette, <Q^2>, <Q> and the Schwinger-Dyson identity, over chains."""
    mean = {name: values.mean(1) for name, values in scalars.items()}
    found = {
        "plaquette": mean["plaquette"] - theory.known["plaquette"],
        "Q2": (scalars["Q"] ** 2).mean(1) - theory.known["Q2"],
        "Q": mean["Q"],
        "sd": 0.5 * theory.beta * mean["force2"] - mean["plaquette"],
    }
    return {k: v.mean() / (v.std(ddof=1) / len(v) ** 0.5) for k, v in found.items()}


@pytest.mark.stat
@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize(("shape", "beta"), [((4, 4), 1.0), ((6, 4), 2.0)])
def test_samplers_give_the_exact_values(name, shape, beta):
    theory, (sample, parameters) = U1(shape, beta), SAMPLERS[name]
    _, info = sample(started(theory, 3), theory, parameters, UPDATES, UPDATES)
    off = deviations(theory, info.scalars)
    assert max(map(abs, off.values())) < SIGMAS, off
    if name == "hmc":
        weight = np.exp(-info.extra["dH"]).mean(1)
        assert abs(weight.mean() - 1) < SIGMAS * weight.std(ddof=1) / CHAINS**0.5


@pytest.mark.stat
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_staple_of_the_wrong_sign_is_noticed(name, monkeypatch):
    """The negative control: one link of the staple enters with the other sign."""
    theory, (sample, parameters) = U1((4, 4), 2.0), SAMPLERS[name]
    state = started(theory, 3)
    wrong = theory.geometry()
    wrong[::2, [0, 1]] = wrong[::2, [1, 0]]
    monkeypatch.setattr(U1, "geometry", lambda self: wrong)
    _, info = sample(state, theory, parameters, UPDATES, 100)
    seen = theory.measure(info.saved.reshape(-1, theory.numbers))
    off = deviations(theory, {k: v.reshape(CHAINS, -1) for k, v in seen.items()})
    assert abs(off["plaquette"]) > 2 * SIGMAS
    assert abs(off["sd"]) > 2 * SIGMAS


@pytest.mark.unit
@pytest.mark.parametrize("shape", [(2, 2), (4, 6), (6, 4)])
def test_the_instanton_adds_the_same_flux_to_every_plaquette(shape):
    angle = plaquette_angles(unit_flux(shape)[None], shape)[0]
    flux = 2 * math.pi / len(angle)
    off = (angle - flux) / (2 * math.pi)
    assert np.abs(off - np.rint(off)).max() < 1e-12


@pytest.mark.stat
@pytest.mark.parametrize("kappa", [1e-9, 1e-3, 0.3, 2.0, 40.0, 2000.0])
def test_deviations_of_the_heat_bath_are_von_mises(kappa):
    """Kolmogorov and Smirnov at 1e-4, and <cos> within 5 sigma of I_1/I_0."""
    state = cold_start(U1((2, 2), 1.0), 7, range(LANES), "check", "von Mises").streams[0]
    sine, cosine = np.empty((600, LANES)), np.empty((600, LANES))
    _many(state, kappa, sine, cosine)
    angle = np.arctan2(sine, cosine).ravel()
    assert np.allclose(sine**2 + cosine**2, 1.0, atol=1e-12)
    x = np.linspace(-math.pi, math.pi, 200_001)
    density = np.exp(kappa * (np.cos(x) - 1))
    below = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    below /= below[-1]
    assert kstest(angle, lambda a: np.interp(a, x, below)).pvalue > 1e-4
    error = np.cos(angle).std() / len(angle) ** 0.5
    assert abs(np.cos(angle).mean() - ive(1, kappa) / ive(0, kappa)) < 5 * error
    wrong = np.interp(angle, x, below) ** 1.1
    assert kstest(wrong, "uniform").pvalue < 1e-4


@kernel
def _many(streams, kappa, sine, cosine):
    state = (load(streams, 0), load(streams, 1), load(streams, 2), load(streams, 3))
    for k in range(sine.shape[0]):
        s, c, state = deviation(broadcast(kappa), state)
        store(sine, k, s)
        store(cosine, k, c)


@kernel
def _angles(y, x, angle, whole):
    for k in range(x.shape[0]):
        store(angle, k, angle_of(load(y, k), load(x, k)))
        store(whole, k, nearest(load(x, k)))


@pytest.mark.unit
def test_angles_on_lanes_are_those_of_numpy():
    random = np.random.default_rng(2)
    x, y = random.normal(size=(2, 400, LANES)) * 10.0 ** random.uniform(-8, 8, (2, 400, LANES))
    special = np.array([(0.0, 0.0), (1.0, 0.0), (-1.0, 0.0), (0.0, 2.0), (0.0, -2.0), (-3.0, 3.0)])
    x[0, :6], y[0, :6] = special.T
    angle, whole = np.empty_like(x), np.empty_like(x)
    _angles(y, x, angle, whole)
    assert np.abs(angle - np.arctan2(y, x)).max() < 1e-15 * 4
    assert (whole == np.rint(x)).all()


@pytest.mark.unit
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_chain_does_not_depend_on_the_chains_beside_it(name):
    theory, (sample, parameters) = U1((4, 4), 2.0), SAMPLERS[name]
    together = cold_start(theory, 4, range(40), "check", "u1")
    alone = cold_start(theory, 4, range(35, 38), "check", "u1")
    _, one = sample(together, theory, parameters, 20, 10)
    _, two = sample(alone, theory, parameters, 20, 10)
    assert np.array_equal(one.saved[35:38], two.saved)
    for key in theory.scalars:
        assert np.array_equal(one.scalars[key][35:38], two.scalars[key])


@pytest.mark.unit
@pytest.mark.parametrize("name", SAMPLERS)
def test_recorded_scalars_are_those_of_the_saved_fields(name):
    theory, (sample, parameters) = U1((6, 4), 2.0), SAMPLERS[name]
    _, info = sample(started(theory, 5, 40), theory, parameters, 20, 5)
    seen = theory.measure(info.saved.reshape(-1, theory.numbers))
    for key in theory.scalars:
        assert np.abs(seen[key].reshape(40, 4) - info.scalars[key][:, 4::5]).max() < 1e-12
