"""What a trained flow is like against L: acceptance seen from q and from p, log w per site.

Acceptance from the model's own samples cannot see a region that the model lost; samples of p do.
At a fixed acceptance the variance of log w is fixed too, so its share of a site has to fall as
1/V: every site must be learned better the more of them there are, and that is where cost grows.
"""

from typing import Any

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lfmc.figures.abscissa import against, ensembles_axis, places, shift_width
from lfmc.figures.panels import (
    by_extent,
    extent_handles,
    logarithmic_y,
    offsets,
    sampler_legend,
)
from lfmc.figures.rundata import RunData
from lfmc.figures.style import DOUBLE, GREY, sampler_mark
from lfmc.figures.training_cost import censored
from lfmc.lattice import volume

MODEL = ("steps", "acceptance_q", "acceptance_p", "ess")  # equal for one model only


def draw(run: RunData) -> Figure:
    """Two panels; every training run a point."""
    run.require_flows("training_quality")
    figure = Figure(figsize=(DOUBLE, 2.8))
    sides, sites = figure.subplots(1, 2)
    flows = run.config.flow_names
    for flow, shift in zip(flows, offsets(len(flows), 0.5 * shift_width(run)), strict=True):
        _points(run, sides, flow, lambda rows: rows.acceptance_p - rows.acceptance_q, shift)
        _points(run, sites, flow, lambda rows: _per_site(run, rows), 0.0)
    sides.axhline(0, color=GREY, linewidth=0.6, zorder=0)
    ensembles_axis(sides, run)
    sides.set_ylabel("acceptance from $p$ minus from $q$")
    logarithmic_y(sites)
    ensembles_axis(sites, run, logarithmic=True)
    sites.set_ylabel(r"$-\ln(\mathrm{ESS})\;/\;V$")
    sampler_legend(figure, run, flows, extent_handles(run))
    return figure


def caption(run: RunData) -> str:
    parts = []
    for flow in run.config.flow_names:
        rows = _rows(run, flow)
        if not len(rows):
            parts.append(f"{flow}: not reached")
            continue
        gap = rows.acceptance_p - rows.acceptance_q
        mean = _per_site(run, rows).groupby(rows.ensemble).mean()
        named = ", ".join(f"{e} {mean[e]:.2g}" for e in run.config.ensemble_names if e in mean)
        parts.append(
            f"{flow}: difference of acceptances {gap.min():+.3f} to {gap.max():+.3f}; per site "
            f"{named}"
        )
    rows = pandas.concat([_rows(run, flow) for flow in run.config.flow_names])
    if not len(rows):
        return "No flow reached its target."
    many = rows.groupby(["ensemble", "flow"]).seed.nunique()
    count = f"{many.min()}" if many.min() == many.max() else f"{many.min()} to {many.max()}"
    return (
        f"Flows at the moment they pass their target, {against(run)}. Left: acceptance estimated "
        "from independent samples of p minus that from the model's own samples; a mode that the "
        "model lost would show as a negative value. Right: -ln(ESS/N) over the number of sites, "
        "which is the variance of log w per site if log w is Gaussian; at fixed acceptance it "
        "falls as 1/V. "
        f"n = {count} seeds per point, single runs without error. {'; '.join(parts)}."
        f"{_one_model(rows)}"
    )


def _one_model(rows: Any) -> str:
    """Which targets were passed by the same parameters."""
    same = rows.groupby(["ensemble", "seed", *MODEL], sort=False).flow.agg(" and ".join)
    found = [
        f"{flows} are one model in {key[0]}" for key, flows in same.items() if " and " in flows
    ]
    return f" {'; '.join(dict.fromkeys(found))}." if found else ""


def _rows(run: RunData, flow: str) -> Any:
    table = run.table("training")
    known = table.ensemble.isin(list(run.config.ensemble_names))
    return table[(table.flow == flow) & known & ~censored(table)]


def _per_site(run: RunData, rows: Any) -> Any:
    sites = {e.name: volume(e.sites) for e in run.config.ensembles}
    return -np.log(rows.ess) / rows.ensemble.map(sites)


def _points(run: RunData, ax: Axes, flow: str, ordinate: Any, shift: float) -> None:
    extent = places(run)
    style = sampler_mark(flow).errorbar | {"markersize": 4}
    for part, own in by_extent(run):
        rows = _rows(part, flow)
        x = rows.ensemble.map(extent).to_numpy(float) + shift
        ax.plot(x, ordinate(rows), **(style | own | {"linestyle": "none"}))
