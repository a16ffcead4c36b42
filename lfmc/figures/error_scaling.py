"""Statistical error against statistics, with the 1/sqrt(N) that independent samples give.

arXiv:1904.12072, figure 6: chi2 and the Ising energy E. The chain of a flow trained to any
acceptance is exact, so its errors fall without bound.
"""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lfmc.analysis.jackknife import jackknife
from lfmc.config.sections import Ensemble
from lfmc.figures.drawable import NotDrawable
from lfmc.figures.format import count
from lfmc.figures.panels import logarithmic_y, sampler_legend, stacked_grid
from lfmc.figures.rundata import Floats, Line, RunData
from lfmc.figures.style import observable_mark, sampler_mark
from lfmc.lattice import Shape, volume
from lfmc.theories.two_point import ising_energy, susceptibility

OBSERVABLES = ("chi2", "E")
FEWEST_BINS = 8


class Ends(NamedTuple):
    """An ensemble's last points: sampler -> line, and why others have none."""

    lines: dict[str, Line]
    withheld: dict[str, str]


def draw(run: RunData) -> Figure:
    """Relative errors of chi2 and E from the first N saved configurations, an ensemble a column."""
    if not any(ends(run, e, "chi2").lines for e in run.config.ensembles):
        raise NotDrawable(f"error_scaling: no chain gives errors{_words(run)}")
    names = run.config.sampler_names
    figure, pairs = stacked_grid(run.config.ensembles, (1, 1), 3.2, shared=True)
    for pair, ensemble in zip(pairs, run.config.ensembles, strict=True):
        for ax, observable in zip(pair, OBSERVABLES, strict=True):
            for sampler, line in ends(run, ensemble, observable).lines.items():
                mark = sampler_mark(sampler)
                ax.errorbar(line.x, line.value, line.error, **(mark.errorbar | {"markersize": 3}))
                guide = line.value[-1] * np.sqrt(line.x[-1] / line.x)
                ax.plot(line.x, guide, color=mark.color, linewidth=0.6, zorder=1)
            ax.set_xscale("log")
        pair[1].set_xlabel("saved configurations $N$")
    for ax in pairs[0]:
        logarithmic_y(ax)
    for pair in pairs[::3]:
        for ax, observable in zip(pair, OBSERVABLES, strict=True):
            ax.set_ylabel(f"relative error of {observable_mark(observable).label}")
    figure.align_ylabels()
    sampler_legend(
        figure, run, names, [Line2D([], [], color="black", lw=0.6, label=r"$1/\sqrt{N}$")]
    )
    return figure


def caption(run: RunData) -> str:
    parts = []
    for e in run.config.ensembles:
        chi2, energy = (ends(run, e, o).lines for o in OBSERVABLES)
        if not chi2:
            continue
        final = ", ".join(
            f"{s} {100 * chi2[s].value[-1]:.2g} and {100 * energy[s].value[-1]:.2g} %" for s in chi2
        )
        many = max(line.x[-1] for line in chi2.values())
        parts.append(f"{e.name} (N = {count(many)}): {final}")
    return (
        "Relative statistical errors of chi2 (above) and of the Ising energy E (below) from the "
        "first N saved configurations, jackknife over bins, against N; their own error is "
        "1/sqrt(2(n - 1)) for n bins. Lines: 1/sqrt(N) through the last point. Errors of chi2 and "
        f"E at the end: {'; '.join(parts)}.{_words(run)}"
    )


def ends(run: RunData, ensemble: Ensemble, observable: str) -> Ends:
    """The lines of all samplers whose bins give errors, and the reasons of the others."""
    found = Ends({}, {})
    for sampler in run.samplers(ensemble.name):
        reason = run.bins(ensemble.name, sampler).withheld
        if not reason:
            line = relative_error(run, ensemble, sampler, observable)
            if len(line.x):
                found.lines[sampler] = line
                continue
            reason = "its error is zero or not finite"
        found.withheld[sampler] = reason
    return found


def _words(run: RunData) -> str:
    parts = [
        f"{sampler} in {e.name}: {reason}"
        for e in run.config.ensembles
        for sampler, reason in ends(run, e, "chi2").withheld.items()
    ]
    return f" Left out: {'; '.join(parts)}." if parts else ""


def relative_error(
    run: RunData, ensemble: Ensemble, sampler: str, observable: str = "chi2"
) -> Line:
    """(N, error / |value|, its error) for halves of halves of the chain, at least 8 bins each."""
    bins = run.bins(ensemble.name, sampler)
    connected = run.theory(ensemble.name).odd != "m"
    columns = bins.two_point
    if connected:
        columns = np.concatenate([columns, bins.m[:, None]], axis=1)
    total = len(bins.counts)
    sizes = [total]
    while sizes[-1] // 2 >= FEWEST_BINS:
        sizes.append(sizes[-1] // 2)
    number, relative, spread = [], [], []
    for size in reversed(sizes):
        part, counts = columns[:size], bins.counts[:size]
        value, error = jackknife(
            part, counts, lambda mean: _estimate(mean, ensemble.sites, observable, connected)
        )
        ratio = float(error[0] / abs(value[0])) if value[0] else np.nan
        if np.isfinite(ratio) and ratio > 0:
            number.append(float(counts.sum()))
            relative.append(ratio)
            spread.append(ratio / np.sqrt(2 * (size - 1)))
    return Line(np.array(number), np.array(relative), np.array(spread))


def _estimate(mean: Floats, shape: Shape, observable: str, connected: bool) -> Floats:
    """From the mean of G(x) per orbit, followed by <phi> where that is to be subtracted."""
    two_point = mean[..., :-1] if connected else mean
    if observable == "E":
        return ising_energy(two_point, shape)[..., None]
    chi2 = susceptibility(two_point, shape)
    if connected:
        chi2 = chi2 - volume(shape) * mean[..., -1] ** 2
    return chi2[..., None]
