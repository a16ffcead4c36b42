"""Statistical error against statistics, with the 1/sqrt(N) that independent samples give.

arXiv:1904.12072, section III: the chain of a flow trained to any acceptance is exact, so its errors
fall without bound.
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lfmc.analysis.jackknife import jackknife
from lfmc.figures.format import count
from lfmc.figures.panels import ensemble_grid, logarithmic_y, outer_labels, sampler_legend
from lfmc.figures.rundata import Line, RunData
from lfmc.figures.style import sampler_mark
from lfmc.observables import susceptibility
from lfmc.sections import Ensemble

FEWEST_BINS = 8


def draw(run: RunData) -> Figure:
    """Relative error of chi2 from the first N saved configurations, one panel an ensemble."""
    names = run.config.sampler_names
    figure, panels = ensemble_grid(run.config.ensembles, sharey=True, sharex=True)
    for ax, ensemble in zip(panels, run.config.ensembles, strict=True):
        for sampler in run.samplers(ensemble.name):
            mark = sampler_mark(sampler)
            line = relative_error(run, ensemble, sampler)
            ax.errorbar(line.x, line.value, line.error, **(mark.errorbar | {"markersize": 3}))
            guide = line.value[-1] * np.sqrt(line.x[-1] / line.x)
            ax.plot(line.x, guide, color=mark.color, linewidth=0.6, zorder=1)
        ax.set_xscale("log")
        logarithmic_y(ax)
    outer_labels(panels, "saved configurations $N$", r"relative error of $\chi_2$")
    sampler_legend(
        figure, run, names, [Line2D([], [], color="black", lw=0.6, label=r"$1/\sqrt{N}$")]
    )
    return figure


def caption(run: RunData) -> str:
    parts = []
    for e in run.config.ensembles:
        ends = {s: relative_error(run, e, s) for s in run.samplers(e.name)}
        final = ", ".join(f"{s} {100 * x.value[-1]:.2g} %" for s, x in ends.items())
        many = max(x.x[-1] for x in ends.values())
        parts.append(f"{e.name} (N = {count(many)}): {final}")
    return (
        "Relative statistical error of chi2 from the first N saved configurations, jackknife over "
        "bins, against N; its own error is 1/sqrt(2(n - 1)) for n bins. Lines: 1/sqrt(N) through "
        f"the last point. {'; '.join(parts)}."
    )


def relative_error(run: RunData, ensemble: Ensemble, sampler: str) -> Line:
    """(N, error / value, its error) for halves of halves of the chain, at least 8 bins each."""
    bins = run.bins(ensemble.name, sampler)
    total = len(bins.counts)
    sizes = [total]
    while sizes[-1] // 2 >= FEWEST_BINS:
        sizes.append(sizes[-1] // 2)
    number, relative, spread = [], [], []
    for size in reversed(sizes):
        part, counts = bins.two_point[:size], bins.counts[:size]
        value, error = jackknife(
            part, counts, lambda mean: susceptibility(mean, ensemble.sites)[..., None]
        )
        number.append(float(counts.sum()))
        relative.append(float(error[0] / value[0]))
        spread.append(relative[-1] / np.sqrt(2 * (size - 1)))
    return Line(np.array(number), np.array(relative), np.array(spread))
