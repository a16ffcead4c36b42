"""Wilson loops of U(1) by area: -log W_A, which is the potential times the time.

In two dimensions a loop depends on its area alone, V(R) T = sigma R T, so that the potential is
linear at every distance; sigma = -log(I_1/I_0) but for finite volume.
"""

import numpy as np
from matplotlib.figure import Figure

from lfmc.figures.format import value_error
from lfmc.figures.panels import ensemble_grid, offsets, outer_labels, sampler_legend
from lfmc.figures.rundata import Line, RunData
from lfmc.figures.style import GREY, sampler_mark
from lfmc.figures.u1_charges import theory_of
from lfmc.theories.u1.exact import wilson_loop

SIGNIFICANT = 3.0  # errors by which a loop must exceed zero


def draw(run: RunData) -> Figure:
    """-log W_A of every sampler on the exact line; loops that noise hides are left out."""
    names = run.config.sampler_names
    figure, panels = ensemble_grid(run.config.ensembles)
    for ax, ensemble in zip(panels, run.config.ensembles, strict=True):
        theory, last = theory_of(run, ensemble.name), 1.0
        for sampler, shift in zip(names, offsets(len(names), 0.5), strict=True):
            if run.reached(ensemble.name, sampler):
                line = loops(run, ensemble.name, sampler)
                last = max(last, *line.x, 1.0)
                style = sampler_mark(sampler).errorbar
                ax.errorbar(line.x + shift, line.value, line.error, **style)
        area = np.arange(1, int(last) + 1)
        exact = [wilson_loop(theory.beta, theory.plaquettes, int(a)) for a in area]
        ax.plot(area, -np.log(exact), color=GREY, linewidth=0.8, zorder=0)
    outer_labels(panels, "area $A$", r"$-\log W_A$")
    sampler_legend(figure, run, names)
    return figure


def caption(run: RunData) -> str:
    parts = []
    for ensemble in run.config.ensemble_names:
        theory = theory_of(run, ensemble)
        words = []
        for sampler in run.samplers(ensemble):
            line = loops(run, ensemble, sampler)
            if len(line.x):
                words.append(f"{sampler} {value_error(line.value[0], line.error[0])}")
        exact = -np.log(wilson_loop(theory.beta, theory.plaquettes, 1))
        parts.append(f"{ensemble} {', '.join(words)}, exact {exact:.6f}")
    return (
        "Wilson loops by area, R x R and R x (R + 1), with the exact values (lines): the potential "
        f"is linear. Loops from the first within {SIGNIFICANT:g} errors of zero on are left out. "
        f"-log W_1, the tension at distance one: {'; '.join(parts)}."
    )


def loops(run: RunData, ensemble: str, sampler: str) -> Line:
    """-log W_A with its error, up to the first loop that is not resolved."""
    found = []
    for name in theory_of(run, ensemble).correlator_names():
        if name.startswith("W_"):
            value, error = run.required(ensemble, sampler, name)
            if not value > SIGNIFICANT * error:
                break
            found.append((float(name.removeprefix("W_")), -np.log(value), error / value))
    return Line(*np.array(found).reshape(-1, 3).T)
