"""Seconds per independent configuration against L, every sampler on the same core.

2 tau_int updates of the theory's slowest observable (of phi^4: chi2) times the seconds of one
update; for flows also with the training shared out over the configurations of the run, which is
the complete comparison.
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lfmc.figures.abscissa import against, ensembles_axis, joined
from lfmc.figures.format import count, duration
from lfmc.figures.panels import (
    by_extent,
    extent_handles,
    logarithmic_y,
    sampler_legend,
    series,
)
from lfmc.figures.rundata import Floats, RunData
from lfmc.figures.style import BLACK, COLUMN, observable_mark, sampler_mark

INDEPENDENT = "seconds_per_independent"
AMORTISED = "seconds_per_independent_with_training"


def draw(run: RunData) -> Figure:
    """One panel, log-log; dashed lines include the training."""
    samplers = run.own("cost_per_sample")
    figure = Figure(figsize=(COLUMN, 3.2))
    ax = figure.subplots()
    for sampler in samplers:
        mark = sampler_mark(sampler)
        for part, own in by_extent(run):
            x, value, error = values(part, sampler, INDEPENDENT)
            single = len(set(x)) == len(x) and joined(run)  # no line through several of one L
            line = {"linestyle": "-", "linewidth": 0.6} if single else {}
            ax.errorbar(x, value, error, **(mark.errorbar | own | line))
            x, value, error = values(part, sampler, AMORTISED)
            if len(x):
                line = {"linestyle": "--"} if single else {}
                style = mark.errorbar | {"markerfacecolor": mark.color} | own | line
                ax.errorbar(x, value, error, **style)
    logarithmic_y(ax)
    ensembles_axis(ax, run, logarithmic=True)
    names = [observable_mark(name).label for name in slowest(run)]
    ax.set_ylabel(f"seconds per independent {' or '.join(names)}")
    dashed = Line2D([], [], color=BLACK, linestyle="--", label="with training")
    extra = [dashed] if run.config.flow_names else []
    sampler_legend(figure, run, samplers, [*extra, *extent_handles(run)])
    return figure


def caption(run: RunData) -> str:
    table = run.table("costs")
    parts = []
    for flow in run.config.flow_names:
        for quantity in sorted(q for q in set(table.quantity) if q.startswith("break_even_")):
            rows = table[(table.sampler == flow) & (table.quantity == quantity)]
            points = [
                f"{r.ensemble} {count(r.value) if np.isfinite(r.value) else 'never'}"
                for r in rows.itertuples()
            ]
            rival = quantity.removeprefix("break_even_")
            parts.append(f"{flow} against {rival}: {', '.join(points)}")
    largest = max(run.config.ensembles, key=lambda e: e.extent)
    costs = [
        f"{row.sampler} {duration(row.value)}"
        for row in table[
            (table.ensemble == largest.name) & (table.quantity == INDEPENDENT)
        ].itertuples()
    ]
    many = count(run.config.statistics.configurations)
    return " ".join(
        [
            f"CPU seconds of one core for one independent configuration {against(run)},",
            f"2 tau_int({' or '.join(slowest(run))}) times the seconds of an update.",
            f"Dashed, filled: training included, shared by the n = {many} saved configurations of"
            " the run."
            if run.config.flow_names
            else "",
            "Errors are those of tau_int.",
            f"At {largest.name}: {', '.join(costs)}.",
            "Independent configurations after which a flow has repaid its training: "
            f"{'; '.join(parts)}."
            if parts
            else "",
            *_left_out(run),
        ]
    ).strip()


def slowest(run: RunData) -> list[str]:
    """The slowest observables of the theories, whose tau_int counts."""
    return list(dict.fromkeys(run.theory(name).slowest for name in run.config.ensemble_names))


def _left_out(run: RunData) -> list[str]:
    """Chains that do not resolve tau of chi2, and imported ones."""
    table = run.table("costs")
    rows = table[table.quantity == INDEPENDENT]
    known = set(rows[["ensemble", "sampler"]].itertuples(index=False, name=None))
    lost = [
        f"{s} in {e}"
        for e in run.config.ensemble_names
        for s in run.samplers(e)
        if (e, s) not in known and s not in run.config.imported
    ]
    words = " or ".join(slowest(run))
    parts = [f"Left out, tau_int({words}) is not resolved: {', '.join(lost)}."] if lost else []
    return [*parts, run.without_imported().strip()]


def values(run: RunData, sampler: str, quantity: str) -> tuple[Floats, Floats, Floats]:
    """(L, value, error) of a cost."""
    table = run.table("costs")
    rows = table[(table.sampler == sampler) & (table.quantity == quantity)]
    return series(run, rows, "value")
