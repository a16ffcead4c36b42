"""Which sampler is the cheapest for N configurations: the lower envelope of straight lines."""

import numpy as np
import pandas as pd
import pytest
from figures_results import draw, paper_config, write_results

from lfmc.analysis.cheapest import COLUMNS, Cost, cheapest_rows, intervals
from lfmc.analysis.costs import Amount
from lfmc.figures.cheapest import caption, numbers, rows_of, winners
from lfmc.figures.style import sampler_mark

pytestmark = pytest.mark.unit


def cost(setup: float, each: float) -> Cost:
    return Cost(Amount(setup, 0.1 * setup), Amount(each, 0.1 * each))


@pytest.mark.parametrize("seed", range(20))
def test_intervals_are_those_of_the_least_total_at_every_n(seed):
    """Against the minimum of all lines at 400 numbers of configurations."""
    rng = np.random.default_rng(seed)
    costs = {name: cost(*10.0 ** rng.uniform((-2, -6), (3, -1))) for name in "abcdef"}
    found = intervals(costs)
    for n in 10.0 ** rng.uniform(-2, 9, 400):
        total = {name: c.setup.value + n * c.each.value for name, c in costs.items()}
        (winner,) = (k for k, v in found.items() if v.first.value <= n < v.last)
        assert total[winner] == min(total.values())
    edges = [v.first.value for v in found.values()]
    assert edges == sorted(edges)
    assert edges[0] == 0
    assert [v.last for v in found.values()] == [*edges[1:], np.inf]


def test_equal_set_ups_and_equal_costs_have_one_winner():
    assert list(intervals({"a": cost(1, 2), "b": cost(1, 1)})) == ["b"]
    assert list(intervals({"a": cost(2, 1), "b": cost(1, 1)})) == ["b"]
    assert list(intervals({"a": cost(0, 3), "b": cost(1, 2), "c": cost(2, 1)})) == ["a", "c"]
    assert intervals({}) == {}


def test_errors_of_a_crossing_are_those_of_the_break_even():
    """N = s/(c - c'): by sampling the numbers from their errors."""
    rng = np.random.default_rng(1)
    flow, other = (
        Cost(Amount(100.0, 3.0), Amount(1e-3, 2e-5)),
        Cost(Amount(0, 0), Amount(3e-3, 1e-4)),
    )
    first = intervals({"flow": flow, "other": other})["flow"].first
    each = rng.normal(3e-3, 1e-4, 10**5) - rng.normal(1e-3, 2e-5, 10**5)
    assert first.value == pytest.approx(5e4)
    assert first.error == pytest.approx(np.std(rng.normal(100, 3, 10**5) / each), rel=0.05)


def row(sampler, name, **more):
    return {"ensemble": "A", "sampler": sampler, "observable": name, "n": 1000, **more}


def test_rows_hold_both_observables_and_the_whole_chain():
    measured = [row("hmc", "chi2", value=5.0), row("flow-best", "chi2", value=5.0)]
    measured += [row("hmc", "setup_seconds", value=2.0), row("hmc", "measure_seconds", value=3.0)]
    times = [
        row(sampler, name, estimator="gamma", unit=unit, tau=tau * factor, error=0.1 * tau * factor)
        for sampler, each in (("hmc", 1e-3), ("flow-best", 2e-4))
        for name, tau in (("chi2", 4.0), ("E", 2.0))
        for unit, factor in (("update", 1.0), ("saved", 0.5), ("second", each))
    ]
    training = pd.DataFrame(
        [{"ensemble": "A", "flow": "flow-best", "seconds": 50.0, "reached": True}]
    )
    observables, tau_int = pd.DataFrame(measured), pd.DataFrame(times)
    rows = cheapest_rows(observables, tau_int, training, {"A": "chi2"}, 1000)
    table = pd.DataFrame(rows, columns=list(COLUMNS)).set_index(["observable", "sampler"])
    assert list(table.index) == [(name, s) for name in ("chi2", "E") for s in ("hmc", "flow-best")]
    hmc, flow = table.loc[("chi2", "hmc")], table.loc[("chi2", "flow-best")]
    assert (hmc.tau, hmc.setup, hmc.seconds, hmc.error) == pytest.approx((4, 2, 8e-3, 8e-4))
    assert hmc.whole == pytest.approx(2 + 3 + 2000 * 1e-3)  # 2000 updates
    assert (flow.setup, flow.seconds, flow.shared) == pytest.approx((50, 1.6e-3, 51.6e-3))
    assert flow["first"] == hmc["last"] == pytest.approx(48 / 6.4e-3)
    assert flow["last"] == np.inf
    assert table.loc[("E", "flow-best"), "first"] == pytest.approx(48 / 3.2e-3)
    # A chain that does not resolve tau_int of chi2 has no row of it, and the other one wins.
    unresolved = tau_int[(tau_int.sampler != "hmc") | (tau_int.observable != "chi2")]
    rows = cheapest_rows(observables, unresolved, training, {"A": "chi2"}, 1000)
    assert next((r["observable"], r["sampler"], r["first"]) for r in rows) == (
        "chi2",
        "flow-best",
        0,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cheapest")
    return write_results(paper_config(folder), folder)


def test_the_figure_shows_the_table(run):
    seconds, regions = draw("cheapest", run).axes
    table = run.table("cheapest")
    assert {len(group) for _, group in table.groupby(["ensemble", "observable"])} == {5}
    for sampler in run.config.sampler_names:
        rows, color = rows_of(run, sampler), sampler_mark(sampler).color
        (points,) = (c for c in seconds.containers if c[0].get_color() == color)
        np.testing.assert_allclose(points[0].get_ydata(), rows.shared, rtol=1e-3)
        bars = [c for c in regions.collections if c.get_linewidth()[0] > 5]
        drawn = [c for c in bars if tuple(c.get_edgecolor()[0][:3]) == _rgb(color)]
        seen = rows.dropna(subset=["first"])
        assert len(drawn) == len(seen[(seen["last"] > 10) & (seen["first"] < 1e9)])
    assert numbers(run) == (10**6, 10**6)
    assert "dashed" not in caption(run)
    assert len(winners(run)) == 5


def _rgb(color):
    from matplotlib.colors import to_rgb

    return to_rgb(color)
