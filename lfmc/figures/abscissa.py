"""What numbers of ensembles are drawn against: L, a coupling, or the ensembles in a row.

A run whose ensembles share theory and lattice and differ in one coupling is a scan: L says nothing
there. Nor does it where ensembles of several theories share it, or differ in several couplings at
one L; then each ensemble has its own place.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from lfmc.figures.rundata import RunData

SYMBOLS = {"lam": r"$\lambda$", "m2": "$m^2$", "beta": r"$\beta$", "g": "$g$", "h": "$h$"}
MOST_TICKS = 7


class Scan(NamedTuple):
    """A scan of a coupling on one lattice.

    Attributes:
        coupling: its name in the configuration.
        values: ensemble -> value, no two the same.
        extent: L, of all ensembles.
    """

    coupling: str
    values: Mapping[str, float]
    extent: int

    @property
    def gap(self) -> float:
        """The smallest distance of two values."""
        return float(np.diff(sorted(self.values.values())).min())


def scan(run: RunData) -> Scan | None:
    """The scan that the run is, if it is one."""
    first, *others = run.config.ensembles
    if not others or not run.one_theory or any(e.sites != first.sites for e in others):
        return None
    own = {e.name: e.parameters for e in run.config.ensembles}
    differ = [k for k in first.parameters if len({p.get(k) for p in own.values()}) > 1]
    if len(differ) != 1:
        return None
    values = {name: float(p[differ[0]]) for name, p in own.items() if _is_number(p, differ[0])}
    complete = len(set(values.values())) == len(own)
    return Scan(differ[0], values, first.extent) if complete else None


def against_L(run: RunData) -> bool:
    """Whether L is the abscissa: ensembles of one theory, that are not all on the same lattice."""
    if len(run.config.ensembles) == 1:
        return True
    return run.one_theory and len({e.sites for e in run.config.ensembles}) > 1


def joined(run: RunData) -> bool:
    """Whether lines may join the ensembles: against L or a coupling, not in a row."""
    return against_L(run) or scan(run) is not None


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
        values = sorted(found.values.values())
        ax.set_xlim(values[0] - 0.6 * found.gap, values[-1] + 0.6 * found.gap)
        if len(values) <= MOST_TICKS:
            ax.set_xticks(values, [f"{value:g}" for value in values])
        ax.set_xticks([], minor=True)
        ax.set_xlabel(f"{SYMBOLS.get(found.coupling, found.coupling)} at $L = {found.extent}$")
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
        gap = min(np.diff(values), default=2)
        ax.set_xlim(values[0] - 0.6 * gap, values[-1] + 0.6 * gap)
    ax.set_xticks(values, [str(v) for v in values])
    ax.set_xticks([], minor=True)


def shift_width(run: RunData) -> float:
    """How far apart the series of one place may be drawn."""
    found = scan(run)
    if against_L(run):
        return 1.0
    return 0.5 if found is None else 0.5 * found.gap


def against(run: RunData) -> str:
    """For captions: what the abscissa is."""
    found = scan(run)
    if against_L(run):
        return "against L"
    if found is None:
        return "of each ensemble"
    return f"against {found.coupling} at L = {found.extent}"


def _is_number(parameters: Mapping[str, object], name: str) -> bool:
    value = parameters.get(name)
    return isinstance(value, int | float) and not isinstance(value, bool)
