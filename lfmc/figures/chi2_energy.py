"""Susceptibility and Ising energy against L (arXiv:1904.12072, eq. 22-28).

Below each, the deviation of every sampler from HMC (or from the first that runs), where the errors
can be seen.
"""

import numpy as np
from matplotlib.figure import Figure

from lfmc.figures.abscissa import against, ensembles_axis, places, shift_width
from lfmc.figures.drawable import NotDrawable
from lfmc.figures.format import value_error
from lfmc.figures.panels import (
    by_extent,
    extent_handles,
    offsets,
    references,
    sampler_legend,
)
from lfmc.figures.rundata import Line, RunData
from lfmc.figures.style import DOUBLE, GREY, observable_mark, sampler_mark

OBSERVABLES = ("chi2", "E")


def draw(run: RunData) -> Figure:
    """Values above, 10^3 (value / HMC - 1) below; samplers shifted sideways."""
    names = run.config.sampler_names
    if not any(np.isfinite(values(run, s, o).value).any() for s in names for o in OBSERVABLES):
        raise NotDrawable(f"chi2_energy: nothing has an error.{run.withheld(*OBSERVABLES)}")
    figure = Figure(figsize=(DOUBLE, 3.4))
    axes = figure.subplots(2, 2, sharex=True, height_ratios=(2, 1))
    for column, observable in enumerate(OBSERVABLES):
        above, below = axes[:, column]
        base = {
            e.name: run.required(e.name, run.reference(e.name), observable)[0]
            for e in run.config.ensembles
            if run.samplers(e.name)
        }
        for sampler, shift in zip(names, offsets(len(names), shift_width(run)), strict=True):
            style = sampler_mark(sampler).errorbar
            for part, own in by_extent(run):
                line = values(part, sampler, observable)
                seen = np.isfinite(line.value)
                x, value, error = (column[seen] for column in line)
                known = [e.name for e in part.config.ensembles if run.reached(e.name, sampler)]
                hmc = np.array([base[name] for name in known])[seen]
                above.errorbar(x + shift, value, error, **(style | own))
                own = own | ({"linestyle": "none"} if own else {})
                relative = 1e3 * (value / hmc - 1), 1e3 * error / hmc
                below.errorbar(x + shift, *relative, **(style | own))
        below.axhline(0, color=GREY, linewidth=0.6, zorder=0)
        above.set_ylabel(observable_mark(observable).label)
        below.set_ylabel(r"$10^3\,\delta$")
        ensembles_axis(below, run)
    figure.align_ylabels()
    sampler_legend(figure, run, names, extent_handles(run))
    return figure


def caption(run: RunData) -> str:
    table = run.table("observables")
    parts = []
    for observable in OBSERVABLES:
        for e in run.config.ensembles:
            rows = table[(table.ensemble == e.name) & (table.observable == observable)]
            best = rows.sort_values("error").head(1)
            for row in best.itertuples():
                parts.append(
                    f"{observable}({e.name}) = {value_error(row.value, row.error)} ({row.sampler})"
                )
    return (
        f"Two-point susceptibility and Ising energy {against(run)}, all samplers, shifted sideways "
        "for legibility; below, delta, the relative deviation from the central value of "
        f"{references(run)}. "
        f"{run.statistics(*OBSERVABLES)} saved configurations per ensemble and sampler; "
        "errors are one standard error and include autocorrelations. "
        f"Most precise values: {', '.join(parts)}.{run.withheld(*OBSERVABLES)}"
    )


def values(run: RunData, sampler: str, observable: str) -> Line:
    """One sampler's values against L, in the order of the ensembles of which it has a chain."""
    ensembles = [e for e in run.config.ensembles if run.reached(e.name, sampler)]
    pairs = [run.required(e.name, sampler, observable) for e in ensembles]
    value, error = np.array(pairs).reshape(-1, 2).T
    where = places(run)
    return Line(np.array([where[e.name] for e in ensembles]), value, error)
