"""Fits of tau = alpha L^z as figures show them: every z with its chi2/dof, bad fits as guides."""

import re
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lfmc.analysis.exponents import GUIDE
from lfmc.analysis.scaling import probability, scaled_error
from lfmc.figures.abscissa import against_L
from lfmc.figures.format import value_error
from lfmc.figures.rundata import RunData
from lfmc.figures.style import BLACK

NO_FIT = "no fit: needs three L"
NO_FIT_AT_ONE_L = "no fit of a power of L: all ensembles have L = {}"
NO_FIT_OF_TAU = "no fit: fewer than three L with a tau"
NOT_ASKED_FOR = "no fit: fit.L is empty"
LONG_DASHES = (0, (7, 4))


class Shown(NamedTuple):
    """A row of exponents.csv.

    Attributes:
        error: of z, scaled by sqrt(chi2/dof) where that is above 1.
        guide: whether the points exclude the power law (p < 1e-3): a line to guide the eye.
    """

    z: float
    error: float
    alpha: float
    chi2_dof: float
    guide: bool

    @property
    def quality(self) -> str:
        """chi2/dof as printed."""
        return f"{self.chi2_dof:.1f}" if self.chi2_dof < 10 else f"{self.chi2_dof:.0f}"

    @property
    def label(self) -> str:
        """For legends: z, and chi2/dof in brackets."""
        kind = "guide " if self.guide else ""
        return f"{kind}$z = {value_error(self.z, self.error, 1)}$ [{self.quality}]"

    @property
    def words(self) -> str:
        """For captions."""
        kind = ", a guide" if self.guide else ""
        return f"{value_error(self.z, self.error, 1)} [{self.quality}{kind}]"

    def draw(self, ax: Axes, extents: tuple[int, ...], color: str) -> None:
        """The line over the range that was fitted; thin and dashed if it is a guide."""
        x = np.geomspace(min(extents), max(extents), 20)
        style: Any = {"linewidth": 0.5, "linestyle": LONG_DASHES} if self.guide else {}
        ax.plot(x, self.alpha * x**self.z, color=color, **({"linewidth": 1.0} | style))


def exponent(run: RunData, sampler: str, observable: str, unit: str) -> Shown | None:
    """The fit over the configured range, or None."""
    table = run.table("exponents")
    rows = table[
        (table.sampler == sampler) & (table.observable == observable) & (table.unit == unit)
    ]
    for row in rows.itertuples():
        extents = fit_range(row.fit_L)
        chosen = extents and extents == tuple(sorted(run.config.fit.L))  # "all" has no extents
        if not chosen or not np.isfinite(row.z):
            continue
        p, error = row.p_value, row.z_error_scaled
        if not np.isfinite(p):  # a table of an earlier version
            p = probability(row.chi2_dof, len(extents) - 2)
            error = scaled_error(row.z_error, row.chi2_dof)
        return Shown(row.z, error, row.alpha, row.chi2_dof, p < GUIDE)
    return None


def fit_range(text: Any) -> tuple[int, ...]:
    """The L of a fit as exponents.csv spells them."""
    return tuple(sorted(int(n) for n in re.findall(r"\d+", str(text))))


def fit_handles(run: RunData, shown: list[Shown]) -> list[Line2D]:
    """The legend's words on the fits that are drawn, or on why there are none."""
    if not shown:
        return [Line2D([], [], linestyle="none", label=no_fit(run))]
    chosen = ", ".join(str(n) for n in run.config.fit.L)
    if not against_L(run):
        names = ", ".join(e.name for e in run.config.family)
        label = rf"$z$ of $\alpha L^z$ [$\chi^2$/dof] through {names}"
        return [Line2D([], [], linestyle="none", label=label)]
    handles = []
    if not all(fit.guide for fit in shown):
        label = rf"fit $\alpha L^z$ [$\chi^2$/dof], $L$ = {chosen}"
        handles.append(Line2D([], [], color=BLACK, linewidth=1.0, label=label))
    if any(fit.guide for fit in shown):
        label = r"guide, not a fit: $p < 10^{-3}$"
        style: Any = LONG_DASHES
        handles.append(Line2D([], [], color=BLACK, linewidth=0.5, linestyle=style, label=label))
    return handles


def no_fit(run: RunData) -> str:
    """Why there is no fit at all."""
    return too_few(run) or (NO_FIT_OF_TAU if run.config.fit.L else NOT_ASKED_FOR)


def too_few(run: RunData) -> str:
    """Why the lattices of a run allow no power law of L; empty if they do."""
    extents = {e.extent for e in run.config.ensembles}
    if len(extents) == 1 and len(run.config.ensembles) > 1:
        return NO_FIT_AT_ONE_L.format(*extents)
    return NO_FIT if len(extents) < 3 else ""
