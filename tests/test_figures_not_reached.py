"""Figures of a run in which some targets were not reached: the captions list them."""

import json
from pathlib import Path

import pytest
from figures_results import STAMP, paper_config, write_results
from scalar_figures import FIGURES

from lfmc.config import Config
from lfmc.figures.output import plot
from lfmc.figures.registry import figure_module
from lfmc.figures.rundata import RunData
from lfmc.not_reached import NotReached, write_marker
from lfmc.table_files import read_table, write_table

pytestmark = pytest.mark.unit


def without(results: Path, config: Config, lost: dict[str, tuple[str, ...]]) -> RunData:
    """Synthetic results without the chains of some flows, flow -> ensembles."""
    write_results(config, results)
    for path in (results / "tables").glob("*.csv"):
        table = read_table(path)
        for flow, ensembles in lost.items():
            if path.stem == "exponents":
                table = table[table.sampler != flow]
                continue
            of = table.flow if path.stem == "training" else table.sampler
            here = (of == flow) & table.ensemble.isin(ensembles)
            if path.stem == "acceptance":
                table.loc[here, ["acceptance", "error", "longest_rejection_run"]] = float("nan")
                table.loc[here, "reached"] = False
            elif path.stem == "training":
                table.loc[here, "acceptance_q"] -= 0.2
                table.loc[here, "acceptance_p"] = float("nan")
            else:
                table = table[~here]
        write_table(path, table, STAMP)
    for flow, ensembles in lost.items():
        for name in ensembles:
            missed = NotReached(name, flow, config.target(flow), 0.4, "max_steps = 6")
            for stage in ("measure", "propose"):
                write_marker(results / stage / name / f"{flow}.h5", missed, json.dumps({}))
    return RunData(config, results)


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        ({"flow-70": ("E2", "E3")}, "Targets not reached, hence no chain: flow-70 in E2, E3."),
        (
            {"flow-50": ("E1", "E2", "E3"), "flow-70": ("E1", "E2", "E3")},
            "Targets not reached, hence no chain: flow-50 in E1, E2, E3; flow-70 in E1, E2, E3.",
        ),
    ],
)
def test_every_figure_is_drawn_and_says_what_was_not_reached(tmp_path, lost, words):
    config = paper_config(tmp_path, 3)
    run = without(tmp_path, config, lost)
    for name in FIGURES:
        txt = plot(name, run)[2]
        assert words in txt.read_text(), name
        assert "nan" not in txt.read_text().split(), name
    shown = "50" if len(lost) == 1 else "70"  # the highest that most ensembles have
    assert f"of the flow {shown} % model" in figure_module("fields").caption(run)
    header, rows = figure_module("table1").cells(run)
    flow = header.index("flow 70 %")
    assert rows[2][flow] == "not reached"
    texts = [t.get_text() for t in figure_module("greens").draw(run).legends[0].get_texts()]
    assert ("flow 70 % (not reached)" in texts) == (len(lost) == 2)


def test_targets_passed_by_one_model_are_said_to_be_one(tmp_path):
    config = paper_config(tmp_path, 1)
    run = write_results(config, tmp_path)
    assert "one model" not in figure_module("training_quality").caption(run)
    path = tmp_path / "tables" / "training.csv"
    table = read_table(path)
    columns = ["steps", "acceptance_q", "acceptance_p", "ess"]
    better = table[table.flow == "flow-70"][columns].to_numpy()
    table[columns] = table[columns].astype(float)
    table.loc[table.flow == "flow-50", columns] = better
    write_table(path, table, STAMP)
    caption = figure_module("training_quality").caption(RunData(config, tmp_path))
    assert "flow-50 and flow-70 are one model in E1." in caption


def test_acceptances_of_earlier_versions_are_read(tmp_path):
    config = paper_config(tmp_path, 1)
    write_results(config, tmp_path)
    for name in ("acceptance", "training"):
        path = tmp_path / "tables" / f"{name}.csv"
        write_table(path, read_table(path).drop(columns="reached", errors="ignore"), STAMP)
    run = RunData(config, tmp_path)
    assert run.samplers("E1") == config.sampler_names
    assert "not reached" not in plot("tau_int", run)[2].read_text()
