"""Zero-momentum Green's functions G~(0, t) (arXiv:1904.12072, eq. 22-28).

Below each, the deviation of every sampler from HMC (or from the first that runs), where the errors
can be seen. Of theories without phi -> -phi, <phi>^2 is subtracted.
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lfmc.figures.drawable import NotDrawable
from lfmc.figures.format import value_error
from lfmc.figures.panels import (
    log_errorbar,
    logarithmic_y,
    offsets,
    references,
    sampler_legend,
    stacked_grid,
)
from lfmc.figures.rundata import RunData
from lfmc.figures.style import GREY, sampler_mark

SIGNIFICANT = 2.0  # errors of the reference that its value must exceed to be divided by


def draw(run: RunData) -> Figure:
    """One pair of panels per ensemble: log G~ above, 10^3 (G~ / G~_HMC - 1) below."""
    names = run.config.sampler_names
    lines = [
        run.against_time(e.name, s, "Gt").value
        for e in run.config.ensembles
        for s in run.samplers(e.name)
    ]
    if not any((value > 0).any() for value in lines):
        raise NotDrawable(f"greens: no correlator above zero has an error.{run.withheld('Gt_0')}")
    figure, pairs = stacked_grid(run.config.ensembles)
    for (above, below), ensemble in zip(pairs, run.config.ensembles, strict=True):
        base = run.against_time(ensemble.name, run.reference(ensemble.name), "Gt")
        for sampler, shift in zip(names, offsets(len(names), 0.5), strict=True):
            if not run.reached(ensemble.name, sampler):
                continue
            line = run.against_time(ensemble.name, sampler, "Gt")
            style = sampler_mark(sampler).errorbar | {"markersize": 3}
            log_errorbar(above, line.x + shift, line.value, line.error, **style)
            firm = base.x[base.value > SIGNIFICANT * base.error]
            x, value, error = (column[np.isin(line.x, firm)] for column in line)
            hmc = base.value[np.isin(base.x, x)]
            relative = 1e3 * (value / hmc - 1)
            below.errorbar(x + shift, relative, 1e3 * error / np.abs(hmc), **style)
        logarithmic_y(above)
        below.axhline(0, color=GREY, linewidth=0.6, zorder=0)
        below.xaxis.set_major_locator(MaxNLocator(integer=True))
        below.set_xlabel("$t$")
    for above, below in pairs[::3]:
        above.set_ylabel(r"$\tilde G_c(p=0, t)$")
        below.set_ylabel(r"$10^3\,\delta$")
    figure.align_ylabels()
    sampler_legend(figure, run, names)
    return figure


def caption(run: RunData) -> str:
    parts = []
    for ensemble in run.config.ensembles:
        line = run.against_time(ensemble.name, run.reference(ensemble.name), "Gt")
        if not len(line.x):
            continue
        first, last = (value_error(line.value[i], line.error[i]) for i in (0, -1))
        parts.append(f"{ensemble.name} {first} at t = 0, {last} at t = {line.x[-1]}")
    return (
        "Zero-momentum Green's functions, averaged over all time axes and t <-> L - t, "
        f"{_subtracted(run)}; samplers shifted sideways for legibility. Below, delta, the "
        f"relative deviation from the central value of {references(run)}, where that is more than "
        f"{SIGNIFICANT:g} of its errors above zero. {run.statistics('Gt_0')} saved "
        "configurations per ensemble and sampler; errors: jackknife over bins. "
        f"{references(run)}: {'; '.join(parts) or 'withheld'}."
        f"{_negative(run)}{run.withheld('Gt_0')}"
    )


def _subtracted(run: RunData) -> str:
    """What was done about <phi>."""
    shifted = [e.name for e in run.config.ensembles if run.theory(e.name).odd != "m"]
    if not shifted:
        return "unsubtracted (<phi> = 0)"
    if len(shifted) == len(run.config.ensembles):
        return "<phi>^2 subtracted"
    return f"<phi>^2 subtracted in {', '.join(shifted)}, where it is not 0"


def _negative(run: RunData) -> str:
    """What a logarithmic axis cannot show."""
    points = []
    for ensemble in run.config.ensembles:
        for sampler in run.samplers(ensemble.name):
            line = run.against_time(ensemble.name, sampler, "Gt")
            lost = ", ".join(str(t) for t in line.x[~(line.value > 0)])
            points += [f"{ensemble.name} {sampler} t = {lost}"] if lost else []
    return (
        " Bars that would reach zero are not drawn downwards. "
        f"Not above zero, hence not on the logarithmic axis: {'; '.join(points)}."
        if points
        else ""
    )
