"""How long chains stand still: histogram of runs of rejections (arXiv:1904.12072, eq. 15-18)."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lfmc.figures.panels import ensemble_grid, outer_labels, sampler_legend
from lfmc.figures.rundata import RunData
from lfmc.figures.style import sampler_mark


def shown_samplers(run: RunData) -> tuple[str, ...]:
    """Samplers with a global accept step: the flows and HMC."""
    return (*run.config.flow_names, "hmc")


def draw(run: RunData) -> Figure:
    """Fraction of runs that are exactly k rejections long, one panel an ensemble."""
    figure, panels = ensemble_grid(run.config.ensembles, sharey=True, sharex=True)
    for ax, ensemble in zip(panels, run.config.ensembles, strict=True):
        for sampler in shown_samplers(run):
            if not run.reached(ensemble.name, sampler):
                continue
            length, fraction, error = histogram(run.bins(ensemble.name, sampler).rejection_runs)
            style = sampler_mark(sampler).errorbar | {"markersize": 2.5}
            ax.errorbar(length, fraction, error, **style)
        ax.set_yscale("log")
        ax.set_xscale("log")
    outer_labels(panels, "rejections in a row", "fraction of runs")
    sampler_legend(figure, run, shown_samplers(run))
    return figure


def caption(run: RunData) -> str:
    table = run.table("acceptance")
    parts = []
    for sampler in shown_samplers(run):
        rows = table[table.sampler == sampler]
        longest = [
            f"{int(row.longest_rejection_run)} ({row.ensemble})"
            for row in rows.itertuples()
            if np.isfinite(row.longest_rejection_run)
        ]
        parts.append(f"{sampler_mark(sampler).label}: {', '.join(longest) or 'none'}")
    total = {
        s: sum(
            int(run.bins(e, s).rejection_runs.sum())
            for e in run.config.ensemble_names
            if run.reached(e, s)
        )
        for s in shown_samplers(run)
    }
    counts = ", ".join(f"n = {total[s]} ({sampler_mark(s).label})" for s in total)
    return (
        "Histogram of the lengths of unbroken runs of rejections, as fractions of all runs; "
        f"runs counted over all ensembles: {counts}. Errors: Poisson, sqrt(count). "
        f"Longest run, by sampler: {'; '.join(parts)}."
    )


def histogram(
    counts: NDArray[np.integer],
) -> tuple[NDArray[np.integer], NDArray[np.floating], NDArray[np.floating]]:
    """Lengths that occur, their fractions of all runs and Poisson errors."""
    length = np.flatnonzero(counts)
    total = counts.sum()
    return length, counts[length] / total, np.sqrt(counts[length]) / total
