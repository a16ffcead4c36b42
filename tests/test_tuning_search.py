"""The search for couplings on synthetic runs: roots, errors that hold, and clear refusals."""

from typing import NamedTuple

import numpy as np
import pytest

from lfmc.errors import LfmcError
from lfmc.tuning.crossing import crossing
from lfmc.tuning.reweighting import Curve
from lfmc.tuning.search import Goal, search

pytestmark = pytest.mark.unit

CHAINS, WIDTH, NOISE = 64, 0.3, 2.0


class Synthetic(NamedTuple):
    """A run of a known curve whose noise is common to the window, as after reweighting."""

    value: float
    saved: int
    curve_of: object
    seed: int
    seconds: float = 0.0

    def extended(self, saved):
        return self._replace(saved=self.saved + saved)

    def curve(self, observable):
        at = self.value + WIDTH * np.linspace(-1, 1, 7)
        rng = np.random.default_rng([self.seed, int(1e6 * self.value), self.saved])
        size = NOISE / self.saved**0.5
        shift, tilt = size * rng.standard_normal((2, CHAINS))
        each = self.curve_of(at) + shift[:, None] + 0.3 * tilt[:, None] * (at - self.value)
        total = each.sum(0)
        return Curve(at, total / CHAINS, (total - each) / (CHAINS - 1))


def synthetic(curve_of, seed=1):
    return lambda number, value, before: Synthetic(value, 0, curve_of, seed)


def goal(**changed):
    usual = {"observable": "mpL", "target": 4.0, "tolerance": 0.004, "between": (4.0, 9.0)}
    return Goal(**(usual | {"most": 10**6} | changed))


def rising(x):
    return 16.0 * (1 - (4.25 / x) ** 0.5 if np.isscalar(x) else 1 - np.sqrt(4.25 / x))


ROOT = 4.25 / 0.75**2
SLOPE = 8 * 4.25**0.5 / ROOT**1.5


def test_the_root_of_a_rising_curve_is_found():
    found = search(goal(), synthetic(rising))
    assert abs(found.crossing.at - ROOT) < 5 * found.crossing.error
    assert found.crossing.observable_error <= 0.004
    assert found.crossing.error == pytest.approx(0.004 / SLOPE, rel=0.3)  # over the slope


def test_a_falling_curve_is_as_good():
    found = search(goal(target=-4.0), synthetic(lambda x: -rising(x)))
    assert abs(found.crossing.at - ROOT) < 5 * found.crossing.error
    assert found.crossing.slope < 0


@pytest.mark.parametrize("between", [(1.0, 2.0), (20.0, 30.0), (6.9, 7.0)])
def test_a_start_interval_beside_the_root_grows(between):
    found = search(goal(between=between), synthetic(rising))
    assert abs(found.crossing.at - ROOT) < 5 * found.crossing.error


def test_masses_lost_in_noise_count_as_large():
    class Lost(Synthetic):
        def curve(self, observable):
            found = super().curve(observable)
            far = found.at > 8.5
            return found._replace(
                value=np.where(far, np.inf, found.value),
                without=np.where(far, np.nan, found.without),
            )

    found = search(goal(between=(4.0, 40.0)), lambda _, value, __: Lost(value, 0, rising, 1))
    assert abs(found.crossing.at - ROOT) < 5 * found.crossing.error


@pytest.mark.stat
def test_the_error_of_the_root_holds():
    """400 searches: the mean of pulls^2 is within 4 sigma of 1 (false alarms: 6e-5)."""
    pulls = np.array(
        [
            (found.crossing.at - ROOT) / found.crossing.error
            for found in (search(goal(), synthetic(rising, seed)) for seed in range(400))
        ]
    )
    assert abs((pulls**2).mean() - 1) < 4 * (2 / 400) ** 0.5
    # The error of the observable itself, without the slope, would not do.
    assert abs(((pulls * SLOPE) ** 2).mean() - 1) > 4 * (2 / 400) ** 0.5


def test_without_a_crossing_the_values_at_the_ends_are_named():
    with pytest.raises(LfmcError, match=r"mpL stays below 40 \(.* at .* and .* at .*\); seek"):
        search(goal(target=40.0), synthetic(rising))


def test_too_much_noise_names_what_would_be_enough():
    with pytest.raises(LfmcError, match=r"too noisy: 200 configurations of each chain at .* about"):
        search(goal(most=200), synthetic(rising))


def test_a_slope_within_its_noise_is_no_crossing():
    run = Synthetic(7.5, 100, lambda x: 4.0 + 0 * x, 1)
    assert crossing(run.curve("mpL"), 4.0) is None
    assert crossing(run._replace(curve_of=rising).curve("mpL"), 4.0) is not None
