"""Which sampler is the cheapest at which L, and from how many configurations on.

CPU seconds of one core for N independent configurations (2 tau_int of the slowest observable) with
all set-ups: tuning and thermalisation, and the training with its warm starts. Estimates by the
weights of a flow's proposals are lines of their own.
"""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lfmc.analysis.cheapest import WEIGHTED
from lfmc.figures.abscissa import against, ensembles_axis, joined, places
from lfmc.figures.cost_per_sample import slowest
from lfmc.figures.format import count
from lfmc.figures.panels import logarithmic_y, sampler_legend, series
from lfmc.figures.rundata import RunData
from lfmc.figures.style import BLACK, DOUBLE, observable_mark, sampler_mark

FEWEST, MOST = 1e1, 1e9  # configurations: limits of the right panel
WIDTH = 9  # of its bars, in points


def draw(run: RunData) -> Figure:
    """Left: seconds per configuration. Right: a bar over the N for which a sampler is cheapest."""
    samplers = lines(run)
    figure = Figure(figsize=(DOUBLE, 3.2))
    seconds, regions = figure.subplots(1, 2)
    few, many = numbers(run)
    through = joined(run)
    for sampler in samplers:
        mark, rows = sampler_mark(sampler), rows_of(run, sampler)
        line = {"linestyle": "-", "linewidth": 0.6} if through else {}
        seconds.errorbar(*series(run, shared(rows, many), "value"), **(mark.errorbar | line))
        if few != many:
            line = {"linestyle": "--", "linewidth": 0.6} if through else {}
            style = mark.errorbar | {"markersize": 2} | line
            seconds.errorbar(*series(run, shared(rows, few), "value"), **style)
    logarithmic_y(seconds)
    names = [observable_mark(name).label for name in slowest(run)]
    seconds.set_ylabel(f"seconds per independent {' or '.join(names)}")
    _bars(regions, run)
    for ax in (seconds, regions):
        ensembles_axis(ax, run, logarithmic=True)
    dashed = Line2D([], [], color=BLACK, linestyle="--", label=f"set-up shared by {count(few)}")
    sampler_legend(figure, run, samplers, [dashed] if few != many else [])
    return figure


def _bars(ax: Axes, run: RunData) -> None:
    where = places(run)
    for sampler in lines(run):
        width = WIDTH / 2 if sampler.endswith(WEIGHTED) else WIDTH
        for row in rows_of(run, sampler).dropna(subset=["first"]).itertuples():
            x, color = where[row.ensemble], sampler_mark(sampler).color
            low, high = max(row.first, FEWEST), min(row.last, MOST)
            if low < high:
                ax.vlines(x, low, high, color=color, linewidth=width)
                # Two samplers may have one colour; their markers differ.
                marker = sampler_mark(sampler.removesuffix(WEIGHTED)).marker
                middle = (low * high) ** 0.5
                ax.plot(x, middle, marker, ms=0.45 * width, mfc="white", mec=color, zorder=3)
            if FEWEST < row.first < MOST:
                error = min(row.first_error, 0.9 * row.first)
                ax.errorbar(x, row.first, error, color=BLACK, capsize=4, linestyle="none")
    ax.set_yscale("log")
    ax.set_ylim(FEWEST, MOST)
    ax.set_ylabel("independent configurations $N$")


def lines(run: RunData) -> tuple[str, ...]:
    """Samplers whose updates are known, and the flows whose proposals are weighted."""
    there = set(run.table("cheapest").sampler)
    weighted = (f"{flow}{WEIGHTED}" for flow in run.config.flow_names)
    return (*run.own("cheapest"), *(name for name in weighted if name in there))


def numbers(run: RunData) -> tuple[int, int]:
    """Configurations that share the set-up: those of the run, and `flow.training.shared_by`."""
    return run.config.statistics.configurations, run.config.flow.training.shared_by


def rows_of(run: RunData, sampler: str) -> Any:
    """Rows of a sampler in the table, of the slowest observable of each ensemble."""
    table = run.table("cheapest")
    slow = table.ensemble.map({e: run.theory(e).slowest for e in run.config.ensemble_names})
    return table[(table.sampler == sampler) & (table.observable == slow)]


def shared(rows: Any, number: int) -> Any:
    """Rows with `value`: seconds per configuration where `number` of them share the set-up."""
    return rows.assign(value=rows.seconds + rows.setup / number)


def caption(run: RunData) -> str:
    few, many = numbers(run)
    dashed = f" (dashed: {count(few)}, as in this run)" if few != many else ""
    weighted = any(name.endswith(WEIGHTED) for name in lines(run))
    narrow = " (narrow: estimates by weights, without a chain)" if weighted else ""
    return (
        f"Left: CPU seconds of one core for an independent configuration {against(run)}, with the "
        f"set-up shared by n = {count(many)} of them{dashed}: training and its warm starts, or "
        "tuning and thermalisation. Errors are those of tau_int. Right: the N for which each "
        f"sampler is the cheapest{narrow}. {' '.join(winners(run))}{run.without_imported()}"
    )


def winners(run: RunData) -> list[str]:
    """A sentence per ensemble: "V8: hmc-tuned, from N = 950(60) on cluster."."""
    sentences = []
    for ensemble in run.config.ensemble_names:
        rows = run.table("cheapest")
        rows = rows[(rows.ensemble == ensemble) & (rows.observable == run.theory(ensemble).slowest)]
        rows = rows.dropna(subset=["first"]).sort_values("first")
        parts = [
            f"from N = {count(r.first)} on {r.sampler}" if r.first > 0 else str(r.sampler)
            for r in rows.itertuples()
        ]
        if parts:
            sentences.append(f"{ensemble}: {', '.join(parts)}.")
    return sentences
