"""Claims about scans: figures are drawn against the coupling that varies, where L does not."""

import pytest
from figures_results import draw, write_results

from lfmc.config import parse_config
from lfmc.figures.abscissa import against, against_L, joined, places, scan
from lfmc.figures.panels import by_extent, series
from lfmc.figures.registry import figure_module
from lfmc.figures.rundata import RunData

pytestmark = pytest.mark.unit

AGAINST = (
    *("tau_int", "tau_int_update", "chi2_energy", "cost_per_sample"),
    *("training_cost", "training_quality", "tau_ratio"),
)


def run_of(folder, *ensembles):
    content = {"ensembles": [{"name": f"A{k}", **e} for k, e in enumerate(ensembles)]}
    return RunData(parse_config({**content, "results": str(folder)}), folder)


def of_phi4(*triples):
    return [{"L": extent, "m2": m2, "lam": lam} for extent, m2, lam in triples]


def of_sine_gordon(*betas):
    theory = {"kind": "sine_gordon", "m2": 0.5, "g": 0.8}
    return [{"L": 6, "theory": {**theory, "beta": beta}} for beta in betas]


@pytest.mark.parametrize(
    ("ensembles", "coupling", "words"),
    [
        (of_phi4((6, -4.0, 8.0), (6, -4.0, 6.0), (6, -4.0, 7.0)), "lam", "against lam at L = 6"),
        (of_phi4((6, -4.0, 8.0), (6, -3.0, 8.0)), "m2", "against m2 at L = 6"),
        (of_phi4((6, -4.0, 8.0), (8, -4.0, 7.0)), None, "against L"),
        (of_phi4((6, -4.0, 8.0), (8, -4.0, 8.0), (8, -4.0, 7.0)), None, "against L"),
        (of_phi4((6, -4.0, 8.0)), None, "against L"),
        (of_phi4((6, -4.0, 8.0), (6, -3.0, 7.0)), None, "of each ensemble"),
        (of_phi4((6, -4.0, 8.0), (6, -4.0, 8.0)), None, "of each ensemble"),
        (
            of_sine_gordon(1.0, 2.0),
            "beta",
            "against beta at L = 6",
        ),
        (
            [{"L": 6, "m2": 1.0, "lam": 8.0}, {"L": 6, "theory": {"kind": "free", "m2": 1.0}}],
            None,
            "of each ensemble",
        ),
    ],
)  # fmt: skip
def test_the_abscissa_is_what_varies(tmp_path, ensembles, coupling, words):
    run = run_of(tmp_path, *ensembles)
    found = scan(run)
    assert (found.coupling if found else None) == coupling
    assert against(run) == words
    assert against_L(run) == (words == "against L")
    assert joined(run) == (words != "of each ensemble")
    if found:
        assert places(run) == dict(found.values)
        assert len(set(found.values.values())) == len(ensembles)


def test_no_line_joins_ensembles_of_different_dimensions(tmp_path):
    run = run_of(tmp_path, *of_phi4((6, -4.0, 8.0)), {"L": 4, "d": 3, "m2": -4.0, "lam": 8.0})
    assert against_L(run)
    assert not joined(run)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """A scan of lam at L = 6."""
    folder = tmp_path_factory.mktemp("scan")
    run = run_of(folder, *of_phi4((6, -4.0, 8.0), (6, -4.0, 6.0), (6, -4.0, 7.0)))
    return write_results(run.config, folder)


@pytest.mark.parametrize("name", AGAINST)
def test_figures_of_a_scan_have_its_coupling_as_abscissa(scanned, name):
    figure, caption = draw(name, scanned), figure_module(name).caption(scanned)
    labels = {ax.get_xlabel() for ax in figure.axes} - {""}
    assert labels == {r"$\lambda$ at $L = 6$"}
    for ax in figure.axes:
        if ax.get_xlabel():
            assert ax.get_xscale() == "linear"
            assert [t.get_text() for t in ax.get_xticklabels()] == ["6", "7", "8"]
            low, high = ax.get_xlim()
            assert 5 < low < 6 < 8 < high < 9
    assert "against lam at L = 6" in caption
    assert "against L" not in caption
    assert "log L" not in caption


@pytest.mark.parametrize("name", ["tau_int", "tau_int_update", "training_cost"])
def test_what_needs_several_L_is_left_out_with_its_reason(scanned, name):
    reason = "o fit of a power of L: all ensembles have L = 6"
    figure = draw(name, scanned)
    assert f"N{reason}." in figure_module(name).caption(scanned)
    words = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert f"n{reason}" in words
    for ax in figure.axes:
        assert not [t for t in ax.get_legend().get_texts() if "z =" in t.get_text()]


def test_points_lie_at_the_couplings_of_their_ensembles(scanned):
    """A0, A1, A2 have lam 8, 6, 7: sorted along the axis, values not exchanged."""
    table = scanned.table("tau_int")
    rows = table[(table.sampler == "hmc") & (table.observable == "chi2")]
    rows = rows[(rows.estimator == "gamma") & (rows.unit == "update")]
    x, tau, _ = series(scanned, rows, "tau")
    assert list(x) == [6, 7, 8]
    by_name = rows.set_index("ensemble").tau
    assert list(tau) == [by_name[name] for name in ("A1", "A2", "A0")]


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """A scan of lam at L = 6 and 8."""
    folder = tmp_path_factory.mktemp("grid")
    points = [(extent, -4.0, lam) for extent in (6, 8) for lam in (8.0, 6.0, 7.0)]
    return write_results(run_of(folder, *of_phi4(*points)).config, folder)


def test_a_scan_on_several_lattices_has_a_series_for_each(grid):
    assert against(grid) == "against lam at L = 6, 8"
    parts = [part for part, _ in by_extent(grid)]
    assert [part.config.ensemble_names for part in parts] == [
        ("A1", "A2", "A0"),
        ("A4", "A5", "A3"),
    ]
    sizes = [style["markersize"] for _, style in by_extent(grid)]
    assert sizes[0] < sizes[1]
    figure = draw("chi2_energy", grid)
    words = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert {"$L = 6$", "$L = 8$"} <= set(words)
    lines = [line for line in figure.axes[0].get_lines() if len(line.get_xdata()) == 3]
    assert len(lines) >= 2 * len(grid.config.sampler_names)
    for line in lines:
        assert list(line.get_xdata()) == sorted(line.get_xdata())


def test_times_through_the_transition_have_a_column_for_each_lattice(grid):
    figure, caption = draw("phases", grid), figure_module("phases").caption(grid)
    assert [ax.get_title() for ax in figure.axes[:2]] == ["$L = 6$", "$L = 8$"]
    assert {ax.get_xlabel() for ax in figure.axes[2:]} == {r"$\lambda$"}
    assert "tau(chi2) at most" in caption
