"""Detailed balance of trained flux, pair by pair of fields before and after its moves.

From fields x of the heat bath, moves alone lead to x'. If they satisfy detailed balance,
<a(x) b(x') - b(x) a(x')> = 0 for all a and b; with a = 1 that is stationarity. The ratio r of the
first move, which is its own inverse, has <r> = 1 and <r theta(r < 1)> = <theta(r > 1)>. Whatever
x and x' have in common drops out, so that errors of a few per cent of the action show.
"""

import numpy as np
import pytest

from lfmc.samplers import cpn_flux_tuned
from lfmc.samplers.cpn_flux_tuned import FluxTunedParameters, gains_of_moves
from lfmc.samplers.cpn_heatbath import HeatbathParameters, sample_heatbath
from lfmc.samplers.flux_program import program
from lfmc.samplers.state import cold_start, fields
from lfmc.theories.cpn import CPN
from lfmc.theories.cpn.auxiliary import CPNAuxiliary

pytestmark = pytest.mark.stat

CHAINS, ROUNDS = 256, 60
# 3 x 8 deviations by chains, 5 sigma of Student's t with 255 degrees of freedom: 3e-5; fixed seeds.
SIGMAS = 5.0
# Form, N, beta, shape and width of the choice of cores; a narrow one is hardly ever symmetric.
POINTS = [
    (CPNAuxiliary, 3, 0.8, (4, 4), 0.7),
    (CPNAuxiliary, 2, 1.2, (4, 5), 0.1),
    (CPN, 2, 1.2, (7, 4), 0.2),
]


def deviations(form, n, beta, shape, width, moved_at=None):
    """Deviations from zero, in errors; of moves of a wrong coupling with `moved_at`."""
    theory, moved = form(shape, n, beta), form(shape, n, moved_at or beta)
    parameters = FluxTunedParameters(0, 0, 2, width, 1.0, 5, 1.0, 0.3)
    state, bath = cold_start(theory, 3, range(CHAINS), "check", "balance"), HeatbathParameters(1, 2)
    state, _ = sample_heatbath(state, theory, bath, 200, 200)
    found = []
    for _ in range(ROUNDS):
        state, _ = sample_heatbath(state, theory, bath, 4, 4)
        after, _, gains = gains_of_moves(state, moved, parameters, 1)
        found.append([*differences(theory, state, after), *ratios(gains[:, 0])])
    mean = np.array(found).mean(0)
    return mean.mean(1) / (mean.std(1, ddof=1) / CHAINS**0.5)


def differences(theory, before, after):
    """a(x) b(x') - b(x) a(x') of 1, E, chi and Q^2, of every chain."""
    one, two = (observables(theory, state) for state in (before, after))
    pairs = [(i, j) for i in range(len(one)) for j in range(i)]
    return [one[j] * two[i] - one[i] * two[j] for i, j in pairs]


def observables(theory, state):
    scalars = theory.measure(fields(state))
    energy, chi, charge = (np.asarray(scalars[k], np.float64) for k in ("E", "m2", "Q"))
    return np.ones(len(energy)), energy, chi, charge**2


def ratios(gain):
    return np.expm1(gain), np.where(gain < 0, np.exp(np.minimum(gain, 0)), -1.0)


@pytest.mark.parametrize("point", POINTS, ids=["auxiliary", "narrow", "quartic"])
def test_moves_of_trained_flux_satisfy_detailed_balance(point):
    off = deviations(*point)
    assert np.abs(off).max() < SIGMAS, off


def test_moves_of_another_coupling_are_noticed():
    """Negative control: the action off by ten per cent."""
    off = deviations(*POINTS[0], moved_at=0.88)
    assert np.abs(off).max() > 2 * SIGMAS, off


def test_a_program_that_is_no_mirror_image_is_noticed(monkeypatch):
    """Negative control: without its last step."""

    def one_way(*arguments):
        good = program(*arguments)
        return good._replace(visits=good.visits[:-3], turns=good.turns[:-3])

    monkeypatch.setattr(cpn_flux_tuned, "program", one_way)
    off = deviations(*POINTS[0])
    assert np.abs(off).max() > 2 * SIGMAS, off
