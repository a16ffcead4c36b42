"""Driven flux in CP^(N-1) models: exact, of the right flux, and moving where Q is frozen."""

import re

import numpy as np
import pytest

from lfmc.config import Config
from lfmc.errors import LfmcError
from lfmc.lattice import coordinates, volume
from lfmc.samplers import cpn_flux
from lfmc.samplers.cpn_flux import FluxParameters, flux_angles, sample_flux
from lfmc.samplers.cpn_heatbath import HeatbathParameters, sample_heatbath
from lfmc.samplers.state import cold_start, fields
from lfmc.theories.cpn import CPN
from lfmc.theories.cpn.auxiliary import CPNAuxiliary

CHAINS, UPDATES = 128, 1000
FORMS = [CPN, CPNAuxiliary]
# 2 runs x 4 observables: a deviation of 5 sigma of Student's t with 127 degrees of freedom in any
# of them has a probability of 2e-5; the seed is fixed.
SIGMAS = 5.0


def exact_deviations(form):
    """Fast moves, so that many are refused: what they let pass wrongly shows."""
    theory, parameters = form((2, 2), 3, 0.6), FluxParameters(1, 0, 3, 1)
    state = cold_start(theory, 3, range(CHAINS), "check", "flux")
    state, _ = sample_flux(state, theory, parameters, 50, 50)
    state, info = sample_flux(state, theory, parameters, UPDATES, UPDATES)
    lengths = np.square(fields(state).reshape(CHAINS, -1, 2 * theory.N)).sum(-1)
    np.testing.assert_allclose(lengths, 1, atol=1e-13)
    mean = {key: value.mean(1) for key, value in info.scalars.items()}
    off = {
        "E": mean["E"] - theory.known["E"],
        "chi": 4 * mean["m2"] - theory.known["chi"],
        "Q": mean["Q"],
        "sd": mean["force2"] - mean["curvature"],
    }
    sigmas = {k: v.mean() / (v.std(ddof=1) / CHAINS**0.5) for k, v in off.items()}
    return sigmas, info.accepted.mean()


@pytest.mark.stat
@pytest.mark.parametrize("form", FORMS)
def test_flux_gives_the_exact_values(form):
    off, accepted = exact_deviations(form)
    assert 0.1 < accepted < 0.9
    assert max(map(abs, off.values())) < SIGMAS, off


@pytest.mark.stat
@pytest.mark.parametrize("form", FORMS)
def test_a_map_that_does_not_keep_the_measure_is_noticed(form, monkeypatch):
    """The negative control: every move makes s longer by a factor exp(1/2)."""
    monkeypatch.setattr(cpn_flux, "flux_angles", lambda shape: flux_angles(shape) - 0.5j)
    off, _ = exact_deviations(form)
    assert max(map(abs, off.values())) > 2 * SIGMAS, off


@pytest.mark.unit
@pytest.mark.parametrize("shape", [(6, 4), (2, 2), (5, 8)])
def test_angles_have_one_unit_of_flux_and_no_divergence(shape):
    a = flux_angles(shape).reshape(*shape, 2)
    x, y = a[..., 0], a[..., 1]
    flux = x + np.roll(y, -1, 0) - np.roll(x, -1, 1) - y
    wanted = np.full(volume(shape), 2 * np.pi / volume(shape))
    wanted[(coordinates(shape) == 0).all(1)] -= 2 * np.pi
    np.testing.assert_allclose(flux.ravel(), wanted, atol=1e-12)
    divergence = x - np.roll(x, 1, 0) + y - np.roll(y, 1, 1)
    np.testing.assert_allclose(divergence, 0, atol=1e-12)


@pytest.mark.stat
def test_accepted_moves_change_the_charge_by_one():
    """Heat baths alone change Q in less than 10 % of their updates, moves where accepted."""
    theory = CPNAuxiliary((16, 16), 21, 0.61)
    state = cold_start(theory, 4, range(64), "check", "charge")
    state, _ = sample_heatbath(state, theory, HeatbathParameters(1, 4), 100, 100)
    _, info = sample_heatbath(state, theory, HeatbathParameters(1), 16, 16)
    assert np.mean(np.diff(info.scalars["Q"]) != 0) < 0.1
    _, info = sample_flux(state, theory, FluxParameters(1, 0, 1, 8), 16, 16)
    change, accepted = np.diff(info.scalars["Q"]), info.accepted[:, 1:] > 0
    assert accepted.sum() > 50
    assert np.mean(np.abs(change[accepted]) == 1) > 0.7
    assert np.mean(change[~accepted] == 0) > 0.9


@pytest.mark.unit
@pytest.mark.parametrize("form", FORMS)
def test_a_chain_does_not_depend_on_those_beside_it(form):
    theory, runs = form((4, 4), 3, 0.8), []
    for chains in (range(40), range(33, 40)):
        state = cold_start(theory, 1, chains, "check", "beside")
        runs.append(fields(sample_flux(state, theory, FluxParameters(1, 1, 2, 2), 5, 5)[0]))
    np.testing.assert_array_equal(runs[0][33:], runs[1])


@pytest.mark.unit
def test_it_runs_on_request_and_on_even_extents():
    theory = {"kind": "cpn", "N": 3, "beta": 0.8}
    ensembles = [{"name": "A", "L": 4, "theory": theory}]
    for samplers, wanted in (
        ({}, ("heatbath", "overrelaxation")),
        (["overrelaxation", "flux"], ("overrelaxation", "flux")),
        ({"flux": {"steps": 3}}, ("heatbath", "overrelaxation", "flux")),
    ):
        raw = {"ensembles": ensembles, "samplers": samplers, "flow": {"targets": []}}
        assert Config.model_validate(raw).classical("A") == wanted
    odd = CPN((3, 4), 3, 0.8)
    assert "flux" not in odd.samplers
    state = cold_start(odd, 1, range(2), "check", "odd")
    with pytest.raises(LfmcError, match=re.escape("extent 3 is odd")):
        sample_flux(state, odd, FluxParameters(1, 1, 1, 1), 1, 1)
