"""Histories of the topological charge Q of U(1), one panel per ensemble, all samplers.

HMC and the heat bath stay in a sector for exp(O(beta)) updates; arXiv:2003.06413, arXiv:2101.08176.
"""

import numpy as np
from matplotlib.figure import Figure

from lfmc.figures.panels import ensemble_grid, outer_labels, sampler_legend
from lfmc.figures.rundata import Floats, RunData
from lfmc.figures.style import GREY, sampler_mark

SHOWN = 500  # updates of the first chain
APART = 1.05  # from one sampler's line to the next, in units of the largest range of Q


def draw(run: RunData) -> Figure:
    """Q of the first SHOWN updates of the first chain, one sampler above the other."""
    names = run.own("u1_history")
    figure, panels = ensemble_grid(run.config.ensembles, sharex=True)
    for ax, ensemble in zip(panels, run.config.ensembles, strict=True):
        here = [s for s in run.samplers(ensemble.name) if s in names]
        charges = {s: first(run, ensemble.name, s) for s in here}
        apart = APART * max((float(np.ptp(q)) for q in charges.values()), default=0.0) + 1
        for sampler, charge in charges.items():
            shift = -apart * names.index(sampler)
            ax.axhline(shift, color=GREY, linewidth=0.4, zorder=0)
            mark = sampler_mark(sampler)
            ax.plot(np.arange(len(charge)), charge + shift, color=mark.color, linewidth=0.5)
            # Two samplers may have one colour; their markers differ.
            ax.plot(-0.04 * SHOWN, shift, **(mark.errorbar | {"markersize": 3.5}))
        ax.set_yticks([], [])
        ax.set_yticks([], [], minor=True)
    outer_labels(panels, "updates", "$Q$")
    sampler_legend(figure, run, names)
    return figure


def caption(run: RunData) -> str:
    parts = []
    for sampler in run.own("u1_history"):
        rates = [
            f"{ensemble} {changes(run, ensemble, sampler):.2g}"
            for ensemble in run.config.ensemble_names
            if run.reached(ensemble, sampler)
        ]
        parts.append(f"{sampler_mark(sampler).label}: {', '.join(rates)}")
    return (
        f"Topological charge of the first {SHOWN} updates of the first chain, one sampler above "
        "the other, grey lines at Q = 0. Share of updates that change Q, over all chains: "
        + "; ".join(parts)
        + f".{run.without_imported()}"
    )


def first(run: RunData, ensemble: str, sampler: str) -> Floats:
    """Q of the first SHOWN updates of the first chain."""
    return run.chain(ensemble, sampler).scalars["Q"][0, :SHOWN]


def changes(run: RunData, ensemble: str, sampler: str) -> float:
    """Share of the updates of all chains at which Q changes."""
    charge = run.chain(ensemble, sampler).scalars["Q"]
    return float((np.diff(charge, axis=1) != 0).mean())
