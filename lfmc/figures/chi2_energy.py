"""Susceptibility and Ising energy against L (arXiv:1904.12072, fig. 9, eq. 26-28).

Below each, the deviation of every sampler from HMC, where the errors can be seen.
"""

from matplotlib.figure import Figure

from lfmc.figures.format import value_error
from lfmc.figures.panels import extents_axis, offsets, sampler_legend, series
from lfmc.figures.rundata import Floats, RunData
from lfmc.figures.style import DOUBLE, GREY, observable_mark, sampler_mark

OBSERVABLES = ("chi2", "E")
REFERENCE = "hmc"


def draw(run: RunData) -> Figure:
    """Values above, 10^3 (value / HMC - 1) below; samplers shifted sideways."""
    figure = Figure(figsize=(DOUBLE, 3.4))
    axes = figure.subplots(2, 2, sharex=True, height_ratios=(2, 1))
    names = run.config.sampler_names
    extents = [e.extent for e in run.config.ensembles]
    for column, observable in enumerate(OBSERVABLES):
        above, below = axes[:, column]
        reference = dict(zip(*values(run, REFERENCE, observable)[:2], strict=True))
        for sampler, shift in zip(names, offsets(len(names), 1.0), strict=True):
            style = sampler_mark(sampler).errorbar
            x, value, error = values(run, sampler, observable)
            above.errorbar(x + shift, value, error, **style)
            base = [reference[n] for n in x]
            below.errorbar(x + shift, 1e3 * (value / base - 1), 1e3 * error / base, **style)
        below.axhline(0, color=GREY, linewidth=0.6, zorder=0)
        above.set_ylabel(observable_mark(observable).label)
        below.set_ylabel(r"$10^3\,$dev. from HMC")
        below.set_xlabel("$L$")
        extents_axis(below, extents)
    figure.align_ylabels()
    sampler_legend(figure, names)
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
    many = sorted({int(n) for n in table[table.observable.isin(OBSERVABLES)].n})
    return (
        "Two-point susceptibility and Ising energy against L, all samplers, shifted sideways for "
        "legibility; below, the relative deviation from the central value of HMC. "
        f"n = {', '.join(str(n) for n in many)} saved configurations an ensemble and sampler; "
        "errors are one standard error and include autocorrelations. "
        f"Most precise values: {', '.join(parts)}."
    )


def values(run: RunData, sampler: str, observable: str) -> tuple[Floats, Floats, Floats]:
    """(L, value, error) of one sampler."""
    table = run.table("observables")
    rows = table[(table.sampler == sampler) & (table.observable == observable)]
    return series(run, rows, "value")
