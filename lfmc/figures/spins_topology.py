"""Correlation length, susceptibility and topological charge of O(N) and CP^(N-1) models.

chi and chi_top against the second-moment correlation length xi, next to values from elsewhere, and
tau_int of the topological charge, which freezes towards the continuum where N is large
(arXiv:1706.04443).
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lfmc.figures.abscissa import against, ensembles_axis
from lfmc.figures.format import value_error
from lfmc.figures.panels import log_errorbar, logarithmic_y, sampler_legend, series
from lfmc.figures.registry import has_charge
from lfmc.figures.rundata import RunData
from lfmc.figures.style import COLUMN, DOUBLE, GREY, sampler_mark
from lfmc.theories.base import Reference

PANELS = {"chi": r"$\chi$", "chi_top": r"$\chi_\mathrm{top}$"}


def draw(run: RunData) -> Figure:
    """chi and chi_top against xi, grey bars from elsewhere; tau_int(Q) in updates.

    Only chi where no ensemble has a charge.
    """
    names = run.own("spins_topology")
    charged = has_charge(run.config)
    figure = Figure(figsize=(DOUBLE if charged else COLUMN, 2.5))
    panels = figure.subplots(1, 3 if charged else 1, squeeze=False)[0]
    for ax, name in zip(panels, PANELS, strict=False):
        for ensemble in run.config.ensemble_names:
            for sampler in run.samplers(ensemble):
                _point(ax, run, ensemble, sampler, name)
            _reference(ax, known(run, ensemble), name)
        ax.set_xlabel(r"$\xi$")
        ax.set_ylabel(PANELS[name])
        ax.set_ylim(bottom=0)
    if charged:
        _times(panels[-1], run, names)
    elsewhere = [Line2D([], [], color=GREY, marker="_", linestyle="none", label="from elsewhere")]
    anything = any(known(run, name) for name in run.config.ensemble_names)
    sampler_legend(figure, run, run.config.sampler_names, elsewhere if anything else [])
    return figure


def _times(ax: Axes, run: RunData, names: tuple[str, ...]) -> None:
    table = run.table("tau_int")
    rows = table[(table.observable == "Q") & (table.estimator == "gamma")]
    for sampler in names:
        own = rows[(rows.sampler == sampler) & (rows.unit == "update")]
        log_errorbar(ax, *series(run, own, "tau"), **sampler_mark(sampler).errorbar)
    ensembles_axis(ax, run)
    ax.set_ylabel(r"$\tau_\mathrm{int}(Q)$ (updates)")
    logarithmic_y(ax)


def caption(run: RunData) -> str:
    charged = has_charge(run.config)
    right = (
        " Right: integrated autocorrelation time of the topological charge in updates "
        f"{against(run)}."
    )
    return (
        f"Susceptibility{' and topological susceptibility' if charged else ''} against the "
        "second-moment correlation length of each ensemble and sampler. "
        f"{_distances(run)}.{right if charged else ''}{_charges(run)}{run.without_imported()}"
        f"{run.withheld('xi', *PANELS)}"
    )


def known(run: RunData, ensemble: str) -> dict[str, tuple[float, float]]:
    """What is known of an ensemble from elsewhere: observable -> (value, error)."""
    found: Reference | None = run.theory(ensemble).reference()
    return {} if found is None else found.published | found.measured


def _point(ax: Axes, run: RunData, ensemble: str, sampler: str, name: str) -> None:
    x, y = (run.observable(ensemble, sampler, of) for of in ("xi", name))
    if x is not None and y is not None:
        style = sampler_mark(sampler).errorbar
        ax.errorbar([x[0]], [y[0]], [y[1]], [x[1]], **style)


def _reference(ax: Axes, elsewhere: dict[str, tuple[float, float]], name: str) -> None:
    """A cross whose arms are errors, of at least 3 % of the value so that it shows."""
    if {"xi", name} <= set(elsewhere):
        (x, dx), (y, dy) = elsewhere["xi"], elsewhere[name]
        style: Any = {"color": GREY, "alpha": 0.6, "linewidth": 3.0, "capsize": 0.0, "zorder": 0}
        ax.errorbar([x], [y], [max(dy, 0.03 * y)], [max(dx, 0.03 * x)], fmt="none", **style)


def _distances(run: RunData) -> str:
    """xi, chi and chi_top of chains against elsewhere, in combined errors."""
    parts = []
    for ensemble in run.config.ensemble_names:
        for name, (value, error) in known(run, ensemble).items():
            words = []
            for sampler in run.samplers(ensemble):
                mine = run.observable(ensemble, sampler, name)
                if name in ("xi", *PANELS) and mine is not None:
                    sigmas = (mine[0] - value) / np.hypot(mine[1], error)
                    words.append(f"{sampler} {sigmas:+.1f}")
            if words:
                parts.append(
                    f"{name} of {ensemble} {value_error(value, error)}: " + ", ".join(words)
                )
    if not parts:
        return "No value is known from elsewhere"
    return "Grey: from elsewhere, and how far the chains are from it. " + "; ".join(parts)


def _charges(run: RunData) -> str:
    """A sentence on ensembles without a charge."""
    bare = [e for e in run.config.ensemble_names if "Q" not in run.theory(e).scalars]
    return f" No charge is defined for {', '.join(bare)}." if bare else ""
