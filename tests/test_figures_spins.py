"""The figure of spins: chi and chi_top against xi with values from elsewhere, tau_int of Q."""

import numpy as np
import pandas as pd
import pytest

from lfmc.config import parse_config
from lfmc.figures import spins_topology
from lfmc.figures.registry import figures_of, shown
from lfmc.figures.rundata import RunData

POINTS = {"H8": (8, 3, 1.05), "H12": (12, 3, 1.187), "I8": (8, 1, 0.42)}
VALUES = {
    "H8": {"xi": (2.01, 0.01), "chi": (10.38, 0.03), "chi_top": (0.01379, 0.0001)},
    "H12": {"xi": (2.98, 0.02), "chi": (19.4, 0.1), "chi_top": (0.0094, 0.0001)},
    "I8": {"xi": (2.4, 0.02), "chi": (19.0, 0.1)},
}
TIMES = {("H8", "heatbath"): 1.5, ("H12", "heatbath"): 2.9, ("H8", "wolff"): 5.0}


def rows(table):
    return pd.DataFrame(table).assign(note="")


@pytest.fixture
def run(tmp_path):
    """A run by heat bath and clusters, whose tables are those above."""
    theory = {name: {"kind": "spheres", "N": n, "beta": b} for name, (_, n, b) in POINTS.items()}
    ensembles = [{"name": k, "L": POINTS[k][0], "theory": theory[k]} for k in POINTS]
    raw = {"ensembles": ensembles, "samplers": ["heatbath", "wolff"], "flow": {"targets": []}}
    samplers = ("heatbath", "wolff")
    pairs = [(e, s) for e in POINTS for s in samplers]
    observables = [
        {"ensemble": e, "sampler": s, "observable": o, "value": v, "error": d}
        for e, s in pairs
        for o, (v, d) in VALUES[e].items()
    ]
    times = [
        {"ensemble": e, "sampler": s, "observable": "Q", "tau": t, "error": 0.1}
        for (e, s), t in TIMES.items()
    ]
    tables = {
        "observables": rows(observables),
        "tau_int": rows(times).assign(estimator="gamma", unit="update"),
        "acceptance": rows([{"ensemble": e, "sampler": s, "acceptance": 1.0} for e, s in pairs]),
    }
    return of_tables(parse_config(raw | {"fit": {"L": []}}), tables, tmp_path)


def of_tables(config, tables, tmp_path):
    return RunData(config, tmp_path, _tables=tables).of_figure("spins_topology")


def test_without_a_charge_only_the_susceptibility_is_drawn(run, tmp_path):
    config = run.config.restricted(run.config.ensembles[2:])
    tables = {k: t[t.ensemble == "I8"] for k, t in run._tables.items()}
    ising = of_tables(config, tables, tmp_path)
    (chi,) = spins_topology.draw(ising).axes
    assert points(chi) == {(2.4, 19.0)}
    words = spins_topology.caption(ising)
    assert "topological" not in words
    assert "No value is known from elsewhere." in words


def test_chapters_of_a_charge_need_one(run):
    """A run of the Ising model alone has none, one with O(3) beside it has."""
    both, ising = run.config, run.config.restricted(run.config.ensembles[2:])
    title, chapter = figures_of(both)["spins_topology"][:2]
    assert chapter == "Topological charge"
    assert "topology" in title
    title, chapter = figures_of(ising)["spins_topology"][:2]
    assert "opolog" not in title + chapter
    assert "Topological charge" not in {entry.category for entry in figures_of(ising).values()}


def points(ax):
    """(x, y) of what has open markers."""
    found = [line.get_xydata() for line in ax.lines if line.get_markerfacecolor() == "white"]
    return {tuple(np.round(point, 6)) for part in found for point in part}


def test_points_are_those_of_the_tables(run):
    chi, top, times = spins_topology.draw(run).axes
    assert points(chi) == {(v["xi"][0], v["chi"][0]) for v in VALUES.values()}
    assert points(top) == {(v["xi"][0], v["chi_top"][0]) for k, v in VALUES.items() if k != "I8"}
    assert {y for _, y in points(times)} == set(TIMES.values())
    assert (chi.get_yscale(), times.get_yscale()) == ("linear", "log")


def test_values_from_elsewhere_are_drawn_and_compared(run):
    words = spins_topology.caption(run)
    assert "chi of H8 10.340(40): heatbath +0.8, wolff +0.8" in words
    assert "chi_top of H12 0.009500(50): heatbath -0.9" in words
    assert "No charge is defined for I8." in words
    grey = [c for c in spins_topology.draw(run).axes[0].containers if c.lines[0] is None]
    assert len(grey) == 2


def test_it_is_shown_of_spins_only(run):
    assert "spins_topology" in figures_of(run.config)
    mixed = [*({"name": e, "L": 8, "theory": {"kind": "u1", "beta": 2.0}} for e in ("U8",))]
    raw = {"ensembles": mixed, "fit": {"L": []}}
    assert "spins_topology" not in figures_of(parse_config(raw))
    assert shown(run.config, "spins_topology").ensemble_names == tuple(POINTS)
