"""How long chains stand still: histogram of runs of rejections (arXiv:1904.12072, eq. 15-18)."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lfmc.classical import WITH_DH
from lfmc.figures.drawable import NotDrawable
from lfmc.figures.panels import ensemble_grid, log_errorbar, outer_labels, sampler_legend
from lfmc.figures.rundata import RunData
from lfmc.figures.style import sampler_mark

Floats = NDArray[np.floating]

SINGLE = 30


def shown_samplers(run: RunData) -> tuple[str, ...]:
    """Samplers with a global accept step: the flows and HMC."""
    whole = (*run.config.flow_names, *WITH_DH)
    return tuple(s for s in run.config.sampler_names if s in whole)


def draw(run: RunData) -> Figure:
    """Fraction of runs that are k rejections long, one panel per ensemble."""
    if not shown_samplers(run):
        raise NotDrawable("rejection_runs: no flow and no HMC run here")
    figure, panels = ensemble_grid(run.config.ensembles, sharey=True, sharex=True)
    for ax, ensemble in zip(panels, run.config.ensembles, strict=True):
        for sampler in shown_samplers(run):
            if not run.reached(ensemble.name, sampler):
                continue
            length, fraction, error = histogram(run.bins(ensemble.name, sampler).rejection_runs)
            style = sampler_mark(sampler).errorbar | {"markersize": 2.5}
            log_errorbar(ax, length, fraction, error, **style)
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
        "Histogram of the lengths of unbroken runs of rejections, as fractions of all runs, above "
        f"{SINGLE} averaged over bins of a tenth of a decade; "
        f"runs counted over all ensembles: {counts}. Errors: Poisson, sqrt(count); a single "
        "count has no bar downwards. "
        f"Longest run, by sampler: {'; '.join(parts)}.{run.without_imported()}"
    )


def histogram(counts: NDArray[np.integer]) -> tuple[Floats, Floats, Floats]:
    """Lengths, fractions of all runs that are as long as that, and Poisson errors.

    Up to 30 every length by itself; above, bins of equal width in log(length), whose fraction is
    per length and whose place is the geometric mean of their ends. What did not occur is left out.

    Args:
        counts: number of runs of 0, 1, 2 ... rejections, (longest + 1,).
    """
    edges = bin_edges(len(counts))
    padded = np.zeros(edges[-1], dtype=np.int64)
    padded[: len(counts)] = counts
    number = np.add.reduceat(padded, edges[:-1])
    width = np.diff(edges)
    seen = np.flatnonzero(number)
    total = max(int(counts.sum()), 1)
    length = np.sqrt(edges[:-1] * (edges[1:] - 1.0))[seen]
    scale = 1 / (width[seen] * total)
    return length, number[seen] * scale, np.sqrt(number[seen]) * scale


def bin_edges(stop: int) -> NDArray[np.integer]:
    """First length of each bin and the end: 0, 1 ... 31, then a tenth of a decade each.

    The last bin is as wide as the others: it reaches `stop` or beyond.
    """
    edges = [*range(min(SINGLE + 1, stop) + 1)]
    while edges[-1] < stop:
        edges.append(max(edges[-1] + 1, round(edges[-1] * 10**0.1)))
    return np.array(edges)
