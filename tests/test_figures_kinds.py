"""What figures share: a mark for every sampler, a power law of the training."""

import numpy as np
import pytest

from lfmc.figures import training_cost
from lfmc.figures.panels import segments
from lfmc.figures.style import sampler_mark

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
