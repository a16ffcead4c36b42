"""Freezing of the topological charge of U(1): tau_int(Q) and what an independent Q costs.

Left: against beta, on the lattice with most values of it. Right: along the line of constant
physics, beta proportional to L^2, which keeps <Q^2> fixed where beta is large. There tau of HMC and
of the heat bath grows as exp(O(beta)), that of independent proposals not at all.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lfmc.config.sections import Ensemble
from lfmc.figures.abscissa import MOST_TICKS, extents_axis
from lfmc.figures.format import duration, value_error
from lfmc.figures.panels import log_errorbar, logarithmic_y, sampler_legend
from lfmc.figures.rundata import RunData
from lfmc.figures.style import DOUBLE, sampler_mark

COST = "seconds_per_independent"


def draw(run: RunData) -> Figure:
    """tau_int(Q) in updates above, CPU seconds per independent Q below; logarithmic."""
    samplers = run.own("u1_freezing")
    figure = Figure(figsize=(DOUBLE, 4.0))
    axes = figure.subplots(2, 2, sharey="row", sharex="col")
    for column, (ensembles, extents) in enumerate(((scan(run), False), (line(run), True))):
        for row, numbers in enumerate((times(run), costs(run))):
            _panel(axes[row, column], run, ensembles, numbers, extents)
        label = r"$L$ at fixed $\beta / L^2$" if extents else rf"$\beta$ at $L = {_extent(run)}$"
        axes[1, column].set_xlabel(label)
        if extents:
            extents_axis(axes[1, column], [e.extent for e in ensembles], logarithmic=True)
        elif len(ensembles) <= MOST_TICKS:
            betas = sorted({e.parameters["beta"] for e in ensembles})
            axes[1, column].set_xticks(betas, [f"{beta:g}" for beta in betas])
            axes[1, column].set_xticks([], minor=True)
    axes[0, 0].set_ylabel(r"$\tau_\mathrm{int}(Q)$ (updates)")
    axes[1, 0].set_ylabel("CPU seconds per independent $Q$")
    for ax in axes[:, 0]:
        logarithmic_y(ax)
    sampler_legend(figure, run, samplers)
    return figure


def caption(run: RunData) -> str:
    parts = []
    known, spent = times(run), costs(run)
    for sampler in run.own("u1_freezing"):
        words = []
        for e in run.config.ensembles:
            if (e.name, sampler) in known:
                tau = value_error(*known[e.name, sampler])
                cost = spent.get((e.name, sampler), (np.nan, np.nan))[0]
                words.append(f"{e.name} {tau}" + (f", {duration(cost)}" * bool(np.isfinite(cost))))
        parts.append(f"{sampler_mark(sampler).label}: {'; '.join(words) or 'none'}")
    table = run.table("tau_int")
    rows = table[(table.estimator == "bound") & (table.unit == "update")]
    rows = rows[rows.observable == "Q"]
    lost = [f"{r.sampler} in {r.ensemble} ({r.note})" for r in rows.itertuples()]
    left = f" Not resolved and left out: {'; '.join(lost)}." if lost else ""
    return (
        "Integrated autocorrelation time of the topological charge in updates, and CPU time of one "
        f"core for two of them. Left: against beta at L = {_extent(run)}. Right: along beta "
        f"proportional to L^2 ({', '.join(e.name for e in line(run))}). "
        f"Of each ensemble: {'. '.join(parts)}.{left}{run.without_imported()}"
    )


def scan(run: RunData) -> list[Ensemble]:
    """The ensembles of the lattice that has most values of beta."""
    by_shape: dict[tuple[int, ...], list[Ensemble]] = {}
    for e in run.config.ensembles:
        by_shape.setdefault(e.sites, []).append(e)
    return max(by_shape.values(), key=len)


def line(run: RunData) -> list[Ensemble]:
    """The ensembles of the line of constant physics with most extents."""
    return list(run.config.family)


def times(run: RunData) -> dict[tuple[str, str], tuple[float, float]]:
    """(ensemble, sampler) -> tau_int(Q) in updates, with its error."""
    table = run.table("tau_int")
    rows = table[(table.observable == "Q") & (table.estimator == "gamma")]
    return _pairs(rows[rows.unit == "update"], "tau")


def costs(run: RunData) -> dict[tuple[str, str], tuple[float, float]]:
    """(ensemble, sampler) -> CPU seconds per independent Q."""
    table = run.table("costs")
    return _pairs(table[table.quantity == COST], "value")


def _pairs(rows: Any, column: str) -> dict[tuple[str, str], tuple[float, float]]:
    values = zip(rows[column], rows["error"], strict=True)
    return dict(zip(zip(rows.ensemble, rows.sampler, strict=True), values, strict=True))


def _extent(run: RunData) -> int:
    return scan(run)[0].extent


def _panel(
    ax: Axes, run: RunData, ensembles: list[Ensemble], numbers: dict[Any, Any], extents: bool
) -> None:
    for sampler in run.config.sampler_names:
        points = [
            (float(e.extent) if extents else e.parameters["beta"], *numbers[e.name, sampler])
            for e in ensembles
            if (e.name, sampler) in numbers
        ]
        if points:
            x, value, error = np.array(sorted(points)).T
            style = sampler_mark(sampler).errorbar | {"linestyle": "-", "linewidth": 0.6}
            log_errorbar(ax, x, value, error, **style)
