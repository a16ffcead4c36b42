"""Every figure draws exactly what the tables, bins and fields hold."""

import numpy as np
import pandas as pd
import pytest
from figures_results import draw, drawn, paper_config, write_results
from matplotlib.figure import Figure
from scalar_figures import FIGURES

from lfmc.analysis.jackknife import jackknife
from lfmc.figures import error_scaling, rejection_runs, table1, training_cost, training_quality
from lfmc.figures.format import value_error
from lfmc.figures.panels import log_errorbar
from lfmc.figures.registry import figure_module, inputs
from lfmc.figures.rundata import RunData
from lfmc.figures.style import look, sampler_mark
from lfmc.store import open_hdf5
from lfmc.table_files import write_table
from lfmc.theories.two_point import ising_energy, susceptibility

pytestmark = pytest.mark.unit

LABELS = {s: sampler_mark(s).label for s in ("flow-50", "flow-70", "hmc", "local", "cluster")}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunData:
    folder = tmp_path_factory.mktemp("paper")
    return write_results(paper_config(folder), folder)


def test_every_figure_reads_no_more_than_it_declares(run):
    """The Snakefile takes a figure's inputs from the registry."""
    for name in FIGURES:
        fresh = RunData(run.config, run.results)
        with look():
            figure_module(name).draw(fresh)
        figure_module(name).caption(fresh)
        read = {str(p.relative_to(run.results)) for p in fresh.inputs}
        assert read <= set(inputs(name, run.config)), name


def test_chi2_and_energy_are_the_tables(run):
    figure = draw("chi2_energy", run)
    table = run.table("observables")
    for ax, observable in zip(figure.axes[:2], ("chi2", "E"), strict=True):
        for sampler, label in LABELS.items():
            rows = table[(table.sampler == sampler) & (table.observable == observable)]
            x, y, error = drawn(ax, label)
            np.testing.assert_allclose(y, rows.value)
            np.testing.assert_allclose(error, rows["error"])
            assert list(np.round(x / 2) * 2) == [6, 8, 10, 12, 14]


def test_deviations_are_relative_to_hmc(run):
    below = draw("chi2_energy", run).axes[2]
    _, own, _ = drawn(below, "HMC")
    np.testing.assert_array_equal(own, 0)
    _, y, error = drawn(below, LABELS["flow-70"])
    flow = [run.observable(e, "flow-70", "chi2") for e in run.config.ensemble_names]
    hmc = [run.observable(e, "hmc", "chi2") for e in run.config.ensemble_names]
    expected = [1e3 * (a[0] / b[0] - 1) for a, b in zip(flow, hmc, strict=True)]
    np.testing.assert_allclose(y, expected, atol=1e-9)
    np.testing.assert_allclose(error, [1e3 * a[1] / b[0] for a, b in zip(flow, hmc, strict=True)])


@pytest.mark.parametrize(
    ("name", "observable", "first"), [("greens", "Gt", 0), ("effective_mass", "mLeff", 1)]
)
def test_correlators_are_the_tables(run, name, observable, first):
    figure = draw(name, run)
    panels = [ax for ax in figure.axes if ax.get_title()]
    for ax, ensemble in zip(panels, run.config.ensembles, strict=True):
        assert ax.get_title().startswith(ensemble.name)
        for sampler, label in LABELS.items():
            x, y, error = drawn(ax, label)
            assert list(np.round(x)) == list(range(first, ensemble.extent // 2 + 1))
            known = [
                run.observable(ensemble.name, sampler, f"{observable}_{t}")
                for t in range(first, ensemble.extent // 2 + 1)
            ]
            np.testing.assert_allclose(y, [k[0] for k in known])
            np.testing.assert_allclose(error, [k[1] for k in known], rtol=1e-6)


@pytest.mark.parametrize(("name", "unit"), [("tau_int", "saved"), ("tau_int_update", "update")])
def test_tau_int_is_the_table_and_z_is_printed(run, name, unit):
    figure = draw(name, run)
    table, exponents = run.table("tau_int"), run.table("exponents")
    for ax, observable in zip(figure.axes, ("E", "chi2", "G0"), strict=True):
        legend = [text.get_text() for text in ax.get_legend().get_texts()]
        for (sampler, label), printed in zip(LABELS.items(), legend, strict=True):
            rows = table[
                (table.sampler == sampler)
                & (table.observable == observable)
                & (table.unit == unit)
                & (table.estimator == "gamma")
            ]
            x, y, error = drawn(ax, label)
            assert list(x) == [6, 8, 10, 12, 14]
            np.testing.assert_allclose(y, rows.tau)
            np.testing.assert_allclose(error, rows["error"])
            z = exponents[
                (exponents.sampler == sampler)
                & (exponents.observable == observable)
                & (exponents.unit == unit)
                & (exponents.fit_L == " ".join(map(str, run.config.fit.L)))
            ].iloc[0]
            scaled = z.z_error * max(1, z.chi2_dof) ** 0.5
            assert z.z_error_scaled == pytest.approx(scaled)
            guide = "guide " if z.p_value < 1e-3 else ""
            quality = f"{z.chi2_dof:.1f}" if z.chi2_dof < 10 else f"{z.chi2_dof:.0f}"
            assert printed == f"{label}, {guide}$z = {value_error(z.z, scaled, 1)}$ [{quality}]"
            lines = [line for line in ax.lines if len(line.get_xdata()) == 20]
            assert any(
                np.isclose(line.get_ydata()[0], z.alpha * run.config.fit.L[0] ** z.z)
                for line in lines
            )


def test_bounds_of_the_flows_are_the_rejection_and_jensen_rows(run):
    ax = draw("tau_int", run).axes[0]
    table = run.table("tau_int")
    for flow in run.config.flow_names:
        for estimator, style in (("rejections", "--"), ("jensen", ":")):
            rows = table[(table.sampler == flow) & (table.estimator == estimator)]
            rows = rows[rows.unit == "update"]
            color = sampler_mark(flow).color
            (line,) = [x for x in ax.lines if x.get_linestyle() == style and x.get_color() == color]
            np.testing.assert_allclose(line.get_ydata(), rows.tau)


def test_rejection_runs_are_fractions_of_the_histogram(run):
    ax = draw("rejection_runs", run).axes[0]
    with open_hdf5(run.results / "measure/E1/flow-70.h5") as file:
        counts = file["rejection_runs"][()]
    (series,) = [c for c in ax.containers if c.get_label() == LABELS["flow-70"]]
    x, y = series[0].get_xdata(), series[0].get_ydata()
    single = x <= 30
    np.testing.assert_allclose(x[single], np.flatnonzero(counts[:31]))
    np.testing.assert_allclose(y[single], counts[:31][counts[:31] > 0] / counts.sum())
    length, fraction, error = rejection_runs.histogram(np.array([0, 3, 0, 1]))
    assert list(length) == [1, 3]
    assert list(fraction) == [0.75, 0.25]
    np.testing.assert_allclose(error, np.array([np.sqrt(3), 1]) / 4)


def test_long_runs_are_counted_in_bins_of_a_tenth_of_a_decade():
    counts = np.zeros(901, dtype=int)
    counts[[1, 30, 31, 33, 900]] = 5, 2, 1, 1, 1
    edges = rejection_runs.bin_edges(len(counts))
    assert list(edges[:34]) == [*range(32), 39, 49]
    assert edges[-1] >= 901
    length, fraction, error = rejection_runs.histogram(counts)
    assert list(length[:2]) == [1, 30]
    assert length[2] == pytest.approx(np.sqrt(31 * 38))
    assert fraction[2] == pytest.approx(2 / 8 / 10)
    assert edges[-2] <= length[3] < edges[-1]
    np.testing.assert_allclose(error, fraction / np.sqrt([5, 2, 2, 1]))
    widths = np.diff(edges)[np.searchsorted(edges, length, side="right") - 1]
    assert (fraction * widths).sum() == pytest.approx(1)


def test_a_single_count_has_no_bar_downwards():
    ax = Figure().subplots()
    log_errorbar(ax, [1, 2, 3], [0.5, 0.1, -0.2], [0.2, 0.1, 0.1])
    ((line, _, (bars,)),) = ax.containers
    assert list(line.get_xdata()) == [1, 2]  # -0.2 has no place on the axis
    low = [segment[0][1] for segment in bars.get_segments()]
    assert low == pytest.approx([0.3, 0.1])


def test_error_scaling_ends_at_the_error_of_all_bins(run):
    ensemble = run.config.ensembles[0]
    line = error_scaling.relative_error(run, ensemble, "hmc")
    bins = run.bins("E1", "hmc")
    value, error = jackknife(
        bins.two_point, bins.counts, lambda mean: susceptibility(mean, (6, 6))[..., None]
    )
    assert line.x[-1] == bins.counts.sum() == 1_000_000
    assert line.value[-1] == pytest.approx(error[0] / value[0])
    assert list(line.x[1:-1] / line.x[:-2]) == pytest.approx([2] * (len(line.x) - 2), rel=0.1)
    upper, lower = draw("error_scaling", run).axes[:2]
    energy = error_scaling.relative_error(run, ensemble, "hmc", "E")
    value, error = jackknife(
        bins.two_point, bins.counts, lambda mean: ising_energy(mean, (6, 6))[..., None]
    )
    assert energy.value[-1] == pytest.approx(error[0] / value[0])
    for ax, known in ((upper, line), (lower, energy)):
        x, y, spread = drawn(ax, "HMC")
        np.testing.assert_allclose(x, known.x)
        np.testing.assert_allclose(y, known.value)
        np.testing.assert_allclose(spread, known.error)


def test_cost_and_ratio_are_the_tables(run):
    ax = draw("cost_per_sample", run).axes[0]
    costs = run.table("costs")
    for sampler in ("hmc", "local", "cluster"):
        _, y, error = drawn(ax, LABELS[sampler])
        rows = costs[(costs.sampler == sampler) & (costs.quantity == "seconds_per_independent")]
        np.testing.assert_allclose(y, rows.value)
        np.testing.assert_allclose(error, rows["error"])
    dashed = [c for c in ax.containers if c[0].get_linestyle() == "--"]
    rows = costs[costs.quantity == "seconds_per_independent_with_training"]
    got = np.concatenate([c[0].get_ydata() for c in dashed])
    np.testing.assert_allclose(np.sort(got), np.sort(rows.value))

    table = run.table("tau_int")
    for ax, flow in zip(draw("tau_ratio", run).axes, run.config.flow_names, strict=True):
        rows = table[(table.sampler == flow) & (table.estimator == "ratio")]
        _, y, error = drawn(ax, "$E$")
        np.testing.assert_allclose(y, rows[rows.observable == "E"].tau)
        np.testing.assert_allclose(error, rows[rows.observable == "E"]["error"])


def test_training_cost_shows_every_run_and_censors_those_that_failed(run, tmp_path):
    table = run.table("training").copy()
    lost = table.index[(table.flow == "flow-70") & (table.ensemble == "E5")][0]
    table.loc[lost, "acceptance_p"] = 0.4
    for name in FIGURES["training_cost"].tables:
        write_table(tmp_path / "tables" / f"{name}.csv", table, "{}")
    other = RunData(run.config, tmp_path)
    with look():
        ax = training_cost.draw(other).axes[0]
    points = {line.get_marker(): line for line in ax.lines if line.get_color() == "#D55E00"}
    assert len(points["o"].get_ydata()) == 14
    assert list(points[training_cost.ARROW].get_ydata()) == [table.loc[lost, "seconds"]]
    assert "1 of 30 runs" in training_cost.caption(other)


def test_training_quality_is_the_difference_of_both_sides_and_the_ess_per_site(run):
    sides, sites = draw("training_quality", run).axes
    table = run.table("training")
    rows = table[table.flow == "flow-70"]
    colour = sampler_mark("flow-70").color
    (gap,) = [line for line in sides.lines if line.get_color() == colour]
    (share,) = [line for line in sites.lines if line.get_color() == colour]
    np.testing.assert_allclose(gap.get_ydata(), rows.acceptance_p - rows.acceptance_q)
    volume = rows.ensemble.map({e.name: e.extent**2 for e in run.config.ensembles})
    np.testing.assert_allclose(share.get_ydata(), -np.log(rows.ess) / volume)
    assert "n = 3 seeds" in training_quality.caption(run)


def test_table1_holds_the_values_and_their_deviations(run):
    header, rows = table1.cells(run)
    assert header[4:] == ["published", *LABELS.values()]
    own = run.observable("E4", "hmc", "mpL")
    published = (3.96, 0.05)
    pull = (own[0] - published[0]) / np.hypot(own[1], published[1])
    assert rows[3][:5] == ["E4", "$12^2$", "-4", "5.276", "3.96(5)"]
    assert rows[3][7] == f"{value_error(*own)} [{pull:+.1f}]"


def test_fields_are_the_stored_ones_and_share_one_scale(run):
    figure = draw("fields", run)
    images = [ax.images[0] for ax in figure.axes if ax.images]
    assert len(images) == 20
    assert len({image.get_clim() for image in images}) == 1
    low, high = images[0].get_clim()
    assert low == -high
    with open_hdf5(run.results / "propose/E1/flow-70.h5") as file:
        prior, phi = file["fields/prior"][-1], file["fields/phi"][-1]
    np.testing.assert_array_equal(images[0].get_array(), prior.reshape(6, 6))
    np.testing.assert_array_equal(images[1].get_array(), phi.reshape(6, 6))
    with open_hdf5(run.results / "hmc/E1.h5") as file:
        np.testing.assert_array_equal(images[2].get_array(), file["fields/phi"][-1].reshape(6, 6))


def test_every_caption_states_its_statistics(run):
    for name in FIGURES:
        text = figure_module(name).caption(run)
        assert "n = " in text or "(N = " in text, name
        assert "\n" not in text
        assert "  " not in text
        assert text.isascii()
        assert text.endswith(".")


@pytest.mark.parametrize(("counts", "text"), [([5, np.nan], "n = 5"), ([np.nan], "unknown")])
def test_statistics_leave_out_rows_without_a_number(run, monkeypatch, counts, text):
    """Exact values and observables of other theories have none."""
    table = pd.DataFrame({"observable": ["chi"] * len(counts), "n": counts})
    monkeypatch.setattr(RunData, "table", lambda self, name: table)
    assert text in run.statistics("chi2")
