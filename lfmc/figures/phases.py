"""Autocorrelation through a transition: tau_int of <phi> and chi2 against the scanned coupling.

In the ordered phase the sign of <phi> changes in a chain of small moves only by tunnelling, so that
tau(<phi>) grows without bound, while chi2 is as fast as within one well. Where no sign changes, the
chain does not resolve the time and a bound is drawn.
"""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lfmc.config.scanned import Scanned
from lfmc.figures.abscissa import SYMBOLS, scan
from lfmc.figures.drawable import NotDrawable
from lfmc.figures.format import value_error
from lfmc.figures.panels import log_errorbar, logarithmic_y, sampler_legend
from lfmc.figures.rundata import RunData
from lfmc.figures.style import BLACK, DOUBLE, observable_mark, sampler_mark

OBSERVABLES = ("m", "chi2")
BOUND = r"$\uparrow$"


def draw(run: RunData) -> Figure:
    """A row per observable, a column per L; updates, logarithmic. Arrows are bounds."""
    found = _scan(run)
    lattices = found.lattices
    figure = Figure(figsize=(DOUBLE, 4.2))
    axes = figure.subplots(2, len(lattices), sharex="col", sharey="row", squeeze=False)
    for row, observable in enumerate(OBSERVABLES):
        for column, extent in enumerate(lattices):
            for sampler in run.config.sampler_names:
                _series(axes[row, column], run, found, extent, sampler, observable)
        logarithmic_y(axes[row, 0])
        label = observable_mark(observable).label.strip("$")
        axes[row, 0].set_ylabel(rf"$\tau_\mathrm{{int}}({label})$ (updates)")
    for column, extent in enumerate(lattices):
        axes[0, column].set_title(f"$L = {extent}$")
        axes[1, column].set_xlabel(SYMBOLS.get(found.coupling, found.coupling))
    arrow = Line2D([], [], color=BLACK, marker=BOUND, linestyle="none", label="at least")
    sampler_legend(figure, run, run.config.sampler_names, [arrow])
    return figure


def _scan(run: RunData) -> Scanned:
    found = scan(run)
    if found is None:
        raise NotDrawable("phases: this run is no scan of a coupling")
    return found


def _series(
    ax: Axes, run: RunData, found: Scanned, extent: int, sampler: str, observable: str
) -> None:
    mark = sampler_mark(sampler)
    rows = times(run, found, extent, sampler, observable)
    known = rows[rows.estimator == "gamma"]
    style: dict[str, Any] = mark.errorbar | {"linestyle": "-", "linewidth": 0.6}
    x = known.ensemble.map(found.values).to_numpy(float)
    log_errorbar(ax, x, known.tau, known.error, **style)
    lost = rows[rows.estimator == "bound"]
    x = lost.ensemble.map(found.values).to_numpy(float)
    ax.plot(x, lost.tau, color=mark.color, marker=BOUND, markersize=7, linestyle="none")


def times(run: RunData, found: Scanned, extent: int, sampler: str, observable: str) -> Any:
    """Rows of tau_int.csv in updates, of one series, ascending in the coupling."""
    table = run.table("tau_int")
    names = list(found.line(extent))
    rows = table[(table.sampler == sampler) & (table.observable == observable)]
    rows = rows[(rows.unit == "update") & rows.estimator.isin(("gamma", "bound"))]
    rows = rows[rows.ensemble.isin(names)]
    return rows.sort_values("ensemble", key=lambda column: column.map(found.values))


def caption(run: RunData) -> str:
    found, parts = _scan(run), []
    for sampler in run.config.sampler_names:
        words = []
        for observable in OBSERVABLES:
            rows = [times(run, found, n, sampler, observable) for n in found.lattices]
            known = [row for one in rows for row in one[one.estimator == "gamma"].itertuples()]
            lost = sum(int((one.estimator == "bound").sum()) for one in rows)
            if known:
                top = max(known, key=lambda row: row.tau)
                at = found.values[top.ensemble]
                named = f"L = {found.extents[top.ensemble]}, {found.coupling} = {at:g}"
                words.append(
                    f"tau({observable}) at most {value_error(top.tau, top.error)} ({named})"
                )
            if lost:
                words.append(f"tau({observable}) not resolved at {lost} points")
        parts.append(f"{sampler_mark(sampler).label}: {', '.join(words) or 'no chain'}")
    return (
        f"Integrated autocorrelation times of <phi> and chi2 in updates against {found.coupling}, "
        "one column for each L. Arrows: lower bounds, where a chain does not resolve the time, as "
        f"where no sign of <phi> changes. {'. '.join(parts)}."
    )
