"""What numbers of ensembles are drawn against: L, or the ensembles in a row.

L says nothing where ensembles of several theories share it; then each ensemble has its own place.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from lfmc.figures.rundata import RunData


def places(run: RunData) -> dict[str, float]:
    """Ensemble -> abscissa: L of one theory, else the ensemble's number in the configuration."""
    if run.one_theory:
        return {e.name: float(e.extent) for e in run.config.ensembles}
    return {e.name: float(k) for k, e in enumerate(run.config.ensembles)}


def ensembles_axis(ax: Axes, run: RunData, logarithmic: bool = False) -> None:
    """Ticks at the L that exist, and nowhere else; or at the ensembles, with their names."""
    if run.one_theory:
        extents_axis(ax, [e.extent for e in run.config.ensembles], logarithmic)
        ax.set_xlabel("$L$")
        return
    names = run.config.ensemble_names
    ax.set_xlim(-0.7, len(names) - 0.3)
    ax.set_xticks(range(len(names)), names, rotation=90 if len(names) > 5 else 0)
    ax.set_xticks([], minor=True)


def extents_axis(ax: Axes, extents: Sequence[int], logarithmic: bool = False) -> None:
    """Ticks at the L that exist, and nowhere else."""
    values = sorted(set(extents))
    if logarithmic:
        ax.set_xscale("log")
        ax.set_xlim(values[0] / 1.15, values[-1] * 1.15)
    else:
        gap = min(np.diff(values), default=2)
        ax.set_xlim(values[0] - 0.6 * gap, values[-1] + 0.6 * gap)
    ax.set_xticks(values, [str(v) for v in values])
    ax.set_xticks([], minor=True)


def shift_width(run: RunData) -> float:
    """How far apart the series of one place may be drawn."""
    return 1.0 if run.one_theory else 0.5


def against(run: RunData) -> str:
    """For captions: what the abscissa is."""
    return "against L" if run.one_theory else "of each ensemble"
