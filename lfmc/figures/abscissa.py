"""What numbers of ensembles are drawn against: L, a coupling, or the ensembles in a row.

A run whose ensembles share the theory and differ in one coupling, on one lattice or at several
values on each, is a scan (`lfmc.config.scanned`): there the coupling is the abscissa, and every L a
series of its own. Where ensembles of several theories share an L, or differ in several couplings
at one L, each ensemble has its own place.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from lfmc.config.scanned import Scanned, scanned
from lfmc.figures.rundata import RunData

SYMBOLS = {"lam": r"$\lambda$", "m2": "$m^2$", "beta": r"$\beta$", "g": "$g$", "h": "$h$"}
MOST_TICKS = 7


def scan(run: RunData) -> Scanned | None:
    """The scan that the run is, if it is one."""
    return scanned(run.config.ensembles)


def gap(found: Scanned) -> float:
    """The smallest distance of two couplings of a scan."""
    return float(np.diff(sorted(set(found.values.values()))).min())


def against_L(run: RunData) -> bool:
    """Whether L is the abscissa: ensembles of one theory, not on the same lattice, and no scan."""
    if len(run.config.ensembles) == 1:
        return True
    several = len({e.sites for e in run.config.ensembles}) > 1
    return run.one_theory and several and scan(run) is None


def joined(run: RunData) -> bool:
    """Whether lines may join the ensembles: in one dimension, against L or a coupling."""
    one_dimension = len({len(e.sites) for e in run.config.ensembles}) == 1
    return one_dimension and (against_L(run) or scan(run) is not None)


def places(run: RunData) -> dict[str, float]:
    """Ensemble -> abscissa: L, the coupling, or the ensemble's number in the configuration."""
    if against_L(run):
        return {e.name: float(e.extent) for e in run.config.ensembles}
    found = scan(run)
    if found is not None:
        return dict(found.values)
    return {e.name: float(k) for k, e in enumerate(run.config.ensembles)}


def ensembles_axis(ax: Axes, run: RunData, logarithmic: bool = False) -> None:
    """Ticks at the L or couplings that exist; or at the ensembles, with their names.

    Args:
        logarithmic: of L; couplings may be negative.
    """
    found = scan(run)
    if against_L(run):
        extents_axis(ax, [e.extent for e in run.config.ensembles], logarithmic)
        ax.set_xlabel("$L$")
    elif found is not None:
        values = sorted(set(found.values.values()))
        ax.set_xlim(values[0] - 0.6 * gap(found), values[-1] + 0.6 * gap(found))
        if len(values) <= MOST_TICKS:
            ax.set_xticks(values, [f"{value:g}" for value in values])
        ax.set_xticks([], minor=True)
        ax.set_xlabel(f"{SYMBOLS.get(found.coupling, found.coupling)} at $L = {_extents(found)}$")
    else:
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
        step = min(np.diff(values), default=2)
        ax.set_xlim(values[0] - 0.6 * step, values[-1] + 0.6 * step)
    ax.set_xticks(values, [str(v) for v in values])
    ax.set_xticks([], minor=True)


def shift_width(run: RunData) -> float:
    """How far apart the series of one place may be drawn."""
    found = scan(run)
    if against_L(run):
        return 1.0
    return 0.5 if found is None else 0.5 * gap(found)


def against(run: RunData) -> str:
    """For captions: what the abscissa is."""
    found = scan(run)
    if against_L(run):
        return "against L"
    if found is None:
        return "of each ensemble"
    return f"against {found.coupling} at L = {_extents(found)}"


def _extents(found: Scanned) -> str:
    return ", ".join(map(str, found.lattices))
