"""Figures of runs in which numbers are withheld: the caption lists what is left out."""

import numpy as np
import pytest
from click.testing import CliRunner
from figures_results import N, paper_config, write_results
from PIL import Image
from scalar_figures import FIGURES

from lfmc.cli.figures import plot as plot_command
from lfmc.figures.drawable import NotDrawable, drawing
from lfmc.figures.output import plot
from lfmc.figures.registry import figure_module
from lfmc.figures.rundata import RunData
from lfmc.figures.style import look
from lfmc.store import open_hdf5
from lfmc.table_files import write_table

pytestmark = pytest.mark.unit

SHORT = "chain too short"


@pytest.fixture
def run(tmp_path) -> RunData:
    return write_results(paper_config(tmp_path, 3), tmp_path)


def changed(run: RunData, name: str, change) -> RunData:
    """The run with another table."""
    table = RunData(run.config, run.results).table(name).copy()
    write_table(run.results / "tables" / f"{name}.csv", change(table), "{}")
    return RunData(run.config, run.results)


def withhold(run: RunData, *, sampler=None, ensemble=None) -> RunData:
    """Without errors of that sampler or ensemble (of everything if neither is named)."""

    def change(table):
        here = table.value.notna()
        here &= (table.sampler == sampler) if sampler else True
        here &= (table.ensemble == ensemble) if ensemble else True
        table.loc[here, "error"] = np.nan
        table.loc[here, "note"] = SHORT
        return table

    return changed(run, "observables", change)


@pytest.mark.parametrize("place", [{"sampler": "local"}, {"sampler": "hmc"}, {"ensemble": "E2"}])
@pytest.mark.parametrize("name", ["greens", "chi2_energy", "effective_mass", "table1"])
def test_a_sampler_or_ensemble_without_errors_is_left_out_and_named(run, place, name):
    poor = withhold(run, **place)
    plot(name, poor)
    text = (run.results / "figures" / f"{name}.txt").read_text()
    assert "E2" in text
    assert SHORT in text or name == "effective_mass"


def test_negative_correlators_leave_a_logarithmic_axis(run):
    def change(table):
        here = (table.sampler == "flow-70") & (table.observable == "Gt_3")
        table.loc[here, "value"] *= -1
        return table

    poor = changed(run, "observables", change)
    with look():
        figure = figure_module("greens").draw(poor)
    above = figure.axes[0]
    assert above.get_yscale() == "log"
    (series,) = [c for c in above.containers if c.get_label() == "flow 70 %"]
    assert list(np.round(series[0].get_xdata())) == [0, 1, 2]
    text = figure_module("greens").caption(poor)
    assert "Not above zero, hence not on the logarithmic axis: E1 flow-70 t = 3;" in text


def test_bounds_are_said_and_not_drawn(run):
    def change(table):
        here = (table.sampler == "hmc") & (table.ensemble == "E2") & (table.observable == "m")
        table.loc[here, "estimator"] = "bound"
        table.loc[here, "error"] = np.nan
        table.loc[here, "note"] = "no window"
        table.loc[here, "tau"] = 320.0
        return table

    text = figure_module("tau_int").caption(changed(run, "tau_int", change))
    assert "Not resolved and left out: tau(m) of hmc in E2 > 320: no window." in text


def test_a_chain_held_by_few_configurations_is_explained(run):
    def change(table):
        here = (table.ensemble == "E1") & (table.sampler == "flow-50")
        here &= (table.estimator == "rejections") & (table.unit == "update")
        table.loc[here, "tau"] = 15.0
        return table

    assert "Rejections last longer" not in figure_module("tau_int").caption(run)
    text = figure_module("tau_int").caption(changed(run, "tau_int", change))
    assert "Rejections last longer than the acceptance tells, against the Jensen bound" in text
    assert "flow-50 in E1 10" in text


def test_a_fit_that_misses_its_points_is_a_guide(tmp_path):
    run = write_results(paper_config(tmp_path), tmp_path)

    def change(table):
        here = (table.sampler == "hmc") & (table.observable == "E") & (table.unit == "saved")
        table[["chi2_dof", "p_value"]] = 1.2, 0.3
        table.loc[here, ["chi2_dof", "p_value", "z_error"]] = 44.0, 3e-11, 0.01
        table.loc[here, "z_error_scaled"] = 0.01 * 44**0.5
        return table

    poor = changed(run, "exponents", change)
    with look():
        figure = figure_module("tau_int").draw(poor)
    ax = figure.axes[0]
    (line,) = [x for x in ax.lines if len(x.get_xdata()) == 20 and x.get_color() == "#0072B2"]
    assert line.get_linewidth() == 0.5
    assert line.get_linestyle() == "--"
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert any("HMC, guide $z = " in label and label.endswith("(7)$ [44]") for label in labels)
    words = [t.get_text() for legend in figure.legends for t in legend.get_texts()]
    assert "guide, not a fit: $p < 10^{-3}$" in words
    assert "[44, a guide]" in figure_module("tau_int").caption(poor)
    others = [x for panel in figure.axes for x in panel.lines if len(x.get_xdata()) == 20]
    others.remove(line)
    assert {x.get_linestyle() for x in others} == {"-"}  # negative control: fits that hold


def test_an_exponent_of_an_earlier_version_is_judged_by_its_chi2(tmp_path):
    run = write_results(paper_config(tmp_path), tmp_path)

    def change(table):
        return table.assign(chi2_dof=44.0).drop(columns=["p_value", "z_error_scaled"])

    assert "[44, a guide]" in figure_module("tau_int").caption(changed(run, "exponents", change))


def test_error_scaling_leaves_out_what_has_no_error(run):
    import h5py

    with h5py.File(run.results / "measure/E1/local.h5", "a") as file:
        file.attrs["withheld"] = SHORT
    fresh = RunData(run.config, run.results)
    with look():
        ax = figure_module("error_scaling").draw(fresh).axes[0]
    assert "local" not in [c.get_label() for c in ax.containers]
    assert f"Left out: local in E1: {SHORT}." in figure_module("error_scaling").caption(fresh)


def test_what_cannot_be_drawn_leaves_a_placeholder_and_the_others(run, tmp_path):
    withhold(run)
    config = tmp_path / "config.yaml"
    ensembles = ", ".join(
        f"{{name: {e.name}, L: {e.L}, m2: {e.m2}, lam: {e.lam}}}" for e in run.config.ensembles
    )
    config.write_text(f"ensembles: [{ensembles}]\nresults: {tmp_path}\n")
    call = ["--config", str(config)]
    done = CliRunner().invoke(plot_command, ["--all", *call])
    assert done.exit_code == 0, done.exception
    assert len(list((tmp_path / "figures").iterdir())) == 3 * len(FIGURES)
    text = (tmp_path / "figures" / "greens.txt").read_text()
    assert text.startswith("Not drawn: ")
    assert SHORT in text
    assert "warning: greens:" in done.stderr
    with Image.open(tmp_path / "figures" / "greens.png") as image:
        assert image.text["Description"] + "\n" == text
    assert not (tmp_path / "figures" / "tau_int.txt").read_text().startswith("Not drawn")
    failed = CliRunner().invoke(plot_command, ["greens", *call])
    assert isinstance(failed.exception, NotDrawable)
    assert "\n" not in str(failed.exception)


def test_errors_of_arithmetic_become_words():
    with pytest.raises(NotDrawable, match=r"x: cannot be drawn \(two lines\)"), drawing("x"):
        raise ValueError("two\nlines")
    with pytest.raises(ZeroDivisionError), pytest.raises(NotDrawable):
        raise ZeroDivisionError  # negative control: outside of the block nothing is caught


def test_the_synthetic_run_is_of_realistic_size(run):
    with open_hdf5(run.results / "measure/E1/hmc.h5") as file:
        assert file["count"][()].sum() == N
