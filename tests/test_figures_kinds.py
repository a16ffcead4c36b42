"""What figures share: marks and units of samplers, a power law of the training."""

from types import SimpleNamespace

import numpy as np
import pytest

from lfmc.classical import CLASSICAL
from lfmc.config import parse_config
from lfmc.config.kinds import theory_class
from lfmc.config.sampler_sections import Samplers
from lfmc.figures import training_cost, units
from lfmc.figures.panels import segments
from lfmc.figures.report_page import figure
from lfmc.figures.style import observable_mark, sampler_mark

pytestmark = pytest.mark.unit


def test_training_exponent_of_an_exact_power_law():
    x = np.array([6.0, 8, 10, 12, 14])
    fit = training_cost.power_law(x, 3 * x**2.5)
    assert fit is not None
    assert (fit.alpha, fit.z) == pytest.approx((3, 2.5))
    assert fit.z_error == pytest.approx(0, abs=1e-9)
    assert training_cost.power_law(x[:2], x[:2]) is None


def test_no_power_law_goes_through_small_counts():
    """1, 2, 2, 3, 4 steps are no exponent; 20 and more are, and so are seconds."""
    x = np.array([6.0, 8, 10, 12, 14])
    assert training_cost.power_law(x, np.array([1.0, 2, 2, 3, 4])) is None
    assert training_cost.power_law(x, np.array([19.0, 30, 40, 60, 70])) is None
    assert training_cost.power_law(x, np.array([20.0, 30, 40, 60, 70])) is not None
    assert training_cost.power_law(x, np.array([0.1, 0.2, 0.3, 0.4, 0.5])) is not None


def test_no_line_joins_two_ensembles_of_one_extent():
    x, y = np.array([8.0, 8.0, 12.0]), np.array([1.0, 2.0, 3.0])
    assert [list(value) for _, value in segments(x, y)] == [[1, 1], [2, 2], [3, 3]]
    ((place, value),) = segments(x[1:], y[1:])
    assert (list(place), list(value)) == ([8, 12], [2, 3])
    assert len(segments(x[:1], y[:1])) == 1
    assert segments(x[:0], y[:0]) == []


def test_every_possible_flow_has_its_own_mark():
    marks = {sampler_mark(f"flow-{k}")[:2] for k in range(1, 100)}
    marks |= {sampler_mark(s)[:2] for s in ("hmc", "local", "cluster")}
    assert len(marks) == 102


def words(function, raw):
    return function(SimpleNamespace(config=parse_config(raw)))


def test_units_are_those_of_the_samplers_that_run():
    gauge = {"ensembles": [{"name": "A", "L": 4, "theory": {"kind": "u1", "beta": 1.0}}]}
    assert words(units.updates, gauge) == (
        "flow: one proposal; hmc: one trajectory of 10 leapfrog steps; heatbath: one sweep; "
        "instanton: one sweep and one move between sectors"
    )
    assert words(units.saves, gauge) == (
        "hmc, heatbath and instanton after every 10 updates; flows after every proposal"
    )
    spins = {
        "ensembles": [{"name": "A", "L": 4, "theory": {"kind": "spheres", "N": 1, "beta": 0.4}}]
    }
    spins |= {"samplers": {"run": ["wolff"], "wolff": {"clusters": 3}}, "flow": {"targets": []}}
    assert words(units.updates, spins) == "wolff: 3 clusters"
    assert words(units.saves, spins) == "wolff after every 2 updates"


def test_every_sampler_has_words_for_its_update():
    assert set(units._updates(Samplers())) == set(CLASSICAL)


def test_a_picture_is_shown_in_proportion_to_its_width():
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (850).to_bytes(4) + (700).to_bytes(4)
    assert f'width="{0.6 * 850:.0f}"' in figure("A", header, "b")


@pytest.mark.parametrize("kind", ["spheres", "cpn", "u1", "schwinger", "phi4"])
def test_observables_of_one_theory_have_marks_of_their_own(kind):
    """The figure `tau_ratio` shows all series of a theory in one panel."""
    theory = theory_class(kind)((4, 4), **theory_class(kind).example)
    names = {*theory.series, theory.slowest}
    assert len({observable_mark(name)[:2] for name in names}) == len(names)
