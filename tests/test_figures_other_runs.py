"""Figures of runs that are not the paper's: other shapes, single ensembles, numbers that miss."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from figures_results import draw, drawn, odd_config, paper_config, write_results
from scalar_figures import FIGURES

from lfmc.figures.registry import figure_module
from lfmc.figures.rundata import RunData
from lfmc.store import open_hdf5
from lfmc.table_files import write_table

pytestmark = pytest.mark.unit


def test_a_three_dimensional_ensemble_of_another_name_and_other_targets(tmp_path):
    odd = write_results(odd_config(tmp_path), tmp_path)
    for name in FIGURES:
        assert draw(name, odd).axes, name
        assert "cube" in figure_module(name).caption(odd) or "n = " in figure_module(name).caption(
            odd
        )
    with open_hdf5(tmp_path / "propose/cube/flow-80.h5") as file:
        plane = file["fields/phi"][-1].reshape(6, 4, 4)[:, :, 0]
    images = [ax.images[0] for ax in draw("fields", odd).axes if ax.images]
    np.testing.assert_array_equal(images[1].get_array(), plane)
    assert "plane" in figure_module("fields").caption(odd)


def test_one_ensemble_says_that_there_is_no_fit(tmp_path):
    one = write_results(paper_config(tmp_path, 1), tmp_path)
    for name in ("tau_int", "tau_int_update", "training_cost"):
        figure = draw(name, one)
        words = [t.get_text() for legend in figure.legends for t in legend.get_texts()]
        assert "no fit: needs three L" in words, name
        assert "No fit: needs three L" in figure_module(name).caption(one), name


def test_a_run_without_prior_samples_omits_the_panel_and_says_so(tmp_path):
    other = write_results(paper_config(tmp_path, 1), tmp_path)
    path: Path = tmp_path / "propose/E1/flow-70.h5"
    with h5py.File(path, "a") as file:
        del file["fields/prior"]
    figure = draw("fields", other)
    assert len([ax for ax in figure.axes if ax.images]) == 3
    assert "omitted" in figure_module("fields").caption(RunData(other.config, tmp_path))


def test_masses_without_a_number_are_omitted_and_named(tmp_path):
    other = write_results(paper_config(tmp_path, 1), tmp_path)
    table = other.table("observables").copy()
    row = (table.sampler == "local") & (table.observable == "mLeff_3")
    table.loc[row, ["value", "error"]] = np.nan
    write_table(tmp_path / "tables" / "observables.csv", table, "{}")
    poor = RunData(other.config, tmp_path)
    (ax,) = draw("effective_mass", poor).axes
    assert len(drawn(ax, "local")[0]) == 2
    assert len(drawn(ax, "HMC")[0]) == 3
    text = figure_module("effective_mass").caption(poor)
    assert "statistics too low for an arccosh with an error: E1 local t = 3." in text
    assert "too low" not in figure_module("effective_mass").caption(other)
