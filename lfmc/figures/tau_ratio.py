"""tau_int of each observable over the rejection estimate, for the flows.

Were the weights independent of the observable the ratio would be 1 (arXiv:1904.12072, eq. 15-18);
rejection selects large weights, so it is not.
"""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lfmc.figures.abscissa import against, ensembles_axis, shift_width
from lfmc.figures.format import value_error
from lfmc.figures.panels import (
    NOT_REACHED,
    by_extent,
    extent_handles,
    offsets,
    outside_legend,
    series,
)
from lfmc.figures.rundata import RunData
from lfmc.figures.style import COLUMN, DOUBLE, GREY, observable_mark, sampler_mark


def draw(run: RunData) -> Figure:
    """One panel per flow; observables shifted sideways."""
    run.require_flows("tau_ratio")
    flows = run.config.flow_names
    figure = Figure(figsize=(COLUMN if len(flows) == 1 else DOUBLE, 2.8))
    panels = figure.subplots(1, len(flows), squeeze=False, sharey=True)[0]
    names = observables(run)
    for ax, flow in zip(panels, flows, strict=True):
        for observable, shift in zip(names, offsets(len(names), shift_width(run)), strict=True):
            for part, own in by_extent(run):
                x, value, error = series(part, _rows(run, flow, observable), "tau")
                style = observable_mark(observable).errorbar | own
                ax.errorbar(x + shift, value, error, **style)
        ax.axhline(1, color=GREY, linewidth=0.6, zorder=0)
        ensembles_axis(ax, run)
        ax.set_title(sampler_mark(flow).label + (NOT_REACHED if flow in run.absent() else ""))
    panels[0].set_ylabel(r"$\tau_\mathrm{int}(O)\;/\;\tau_\mathrm{acc}$")
    handles = [Line2D([], [], **observable_mark(o).errorbar) for o in names]
    outside_legend(figure, [*handles, *extent_handles(run)])
    return figure


def caption(run: RunData) -> str:
    parts = []
    for flow in run.config.flow_names:
        ranges = []
        for observable in observables(run):
            rows = _rows(run, flow, observable).sort_values("tau")
            if not len(rows):
                continue
            ends = [value_error(r.tau, r.error) for r in rows.iloc[[0, -1]].itertuples()]
            ranges.append(f"{observable} {' to '.join(dict.fromkeys(ends))}")
        parts.append(f"{flow}: {', '.join(ranges) or 'no chain'}")
    return (
        f"Integrated autocorrelation time of each observable {against(run)} over tau_acc, the "
        f"estimate from rejection runs; {run.statistics('chi2')} chain steps per ensemble; errors "
        "of the Gamma method. "
        f"Smallest to largest over the ensembles: {'; '.join(parts)}."
    )


def observables(run: RunData) -> list[str]:
    """Observables with a ratio, in the table's order; phi2 is the same number as G0."""
    table = run.table("tau_int")
    found = list(dict.fromkeys(table[table.estimator == "ratio"].observable))
    return [name for name in found if not (name == "phi2" and "G0" in found)]


def _rows(run: RunData, flow: str, observable: str) -> Any:
    table = run.table("tau_int")
    rows = table[(table.sampler == flow) & (table.estimator == "ratio")]
    return rows[rows.observable == observable]
