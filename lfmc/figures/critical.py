"""The critical point of a scan: connected chi2 and Binder cumulant, and their growth with L.

Curves are the chains of one L, joined by reweighting (`lfmc.analysis.critical`).
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lfmc.figures.abscissa import SYMBOLS
from lfmc.figures.drawable import NotDrawable
from lfmc.figures.format import value_error
from lfmc.figures.panels import logarithmic_y, outside_legend
from lfmc.figures.rundata import RunData
from lfmc.figures.style import BLACK, BLUE, DOUBLE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION

COLORS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
MARKERS = "osD^vpX"
ABOVE = {"chi2_connected": r"$\chi^\prime$", "U4": "$U_4$"}
FITS = {
    "chi2_connected": (r"maximum of $\chi^\prime$", "gamma_nu", r"$\gamma/\nu$"),
    "slope": (r"$|dU_4/d\lambda|$", "nu", r"$\nu$"),
}
WORDS = {
    "gamma_nu": "gamma/nu of chi' at its maximum",
    "gamma_nu_corrected": "the same with corrections to scaling",
    "gamma_nu_crossing": "gamma/nu of chi2 at the last crossing",
    "nu": "nu of the slope of U4",
    "nu_corrected": "nu with corrections to scaling",
}


def draw(run: RunData) -> Figure:
    """Curves above; their maxima and slopes against L below, with the fits."""
    curves, points = run.table("curves"), run.table("critical")
    if curves.empty:
        raise NotDrawable("critical: chains have too little in common; scan in smaller steps")
    figure = Figure(figsize=(DOUBLE, 4.6))
    axes = figure.subplots(2, 2)
    extents = sorted(set(curves.L))
    coupling = str(curves.coupling.iloc[0])
    for ax, (quantity, label) in zip(axes[0], ABOVE.items(), strict=True):
        for number, extent in enumerate(extents):
            rows = curves[(curves.quantity == quantity) & (extent == curves.L)]
            color = COLORS[number % len(COLORS)]
            ax.plot(rows["at"], rows.value, color=color, linewidth=0.8)
            low, high = rows.value - rows.error, rows.value + rows.error
            ax.fill_between(rows["at"], low, high, color=color, alpha=0.3, linewidth=0)
        ax.set_xlabel(SYMBOLS.get(coupling, coupling))
        ax.set_ylabel(label)
    _marked(axes[0], points)
    for ax, (quantity, (label, exponent, symbol)) in zip(axes[1], FITS.items(), strict=True):
        _growth(ax, points, quantity, exponent, symbol)
        ax.set_ylabel(label.replace(r"\lambda", SYMBOLS.get(coupling, coupling).strip("$")))
    outside_legend(figure, [_handle(k, extent) for k, extent in enumerate(extents)])
    return figure


def _handle(number: int, extent: int) -> Line2D:
    color, marker = COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]
    style: dict[str, Any] = {"color": color, "marker": marker, "markerfacecolor": "white"}
    return Line2D([], [], **style, linewidth=0.8, label=f"$L = {extent}$")


def _marked(axes: Any, points: Any) -> None:
    """Maxima on the curves of chi', crossings on those of U4."""
    peaks = points[points.quantity == "pseudo_critical"]
    heights = points[points.quantity == "chi2_connected"].set_index("L")
    for number, row in enumerate(peaks.itertuples()):
        height = heights.loc[row.L]
        color, marker = COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]
        style: dict[str, Any] = {"color": color, "marker": marker, "markerfacecolor": "white"}
        axes[0].errorbar([row.value], [height.value], [height.error], [row.error], **style)
    crossings = points[points.quantity == "crossing"]
    values = points[points.quantity == "U4_crossing"].set_index("L")
    for row in crossings.itertuples():
        value = values.loc[row.L]
        style = {"color": BLACK, "marker": "x", "markersize": 4}
        axes[1].errorbar([row.value], [value.value], [value.error], [row.error], **style)


def _growth(ax: Axes, points: Any, quantity: str, exponent: str, symbol: str) -> None:
    """A quantity against L on logarithmic axes, and its power law."""
    rows = points[points.quantity == quantity]
    x, y, error = (np.array(rows[c], dtype=float) for c in ("L", "value", "error"))
    style: dict[str, Any] = {"color": BLACK, "marker": "o", "markerfacecolor": "white"}
    ax.errorbar(x, y, error, linestyle="none", **style)
    fit = points[points.quantity == exponent]
    for row in fit.itertuples():
        power = 1 / row.value if exponent == "nu" else row.value
        fitted = np.isin(x, [float(extent) for extent in row.L.split()])
        grid = np.geomspace(x[fitted].min(), x.max(), 20)
        weight = np.where(fitted, (y / error) ** 2, 0.0)
        level = np.exp((weight * (np.log(y) - power * np.log(x))).sum() / weight.sum())
        label = f"{symbol} = {value_error(row.value, row.error)} [{row.chi2_dof:.1f}]"
        ax.plot(grid, level * grid**power, color=GREY, label=label)
        corrected = points[points.quantity == f"{exponent}_corrected"]
        for other in corrected.itertuples():
            words = f"{symbol} = {value_error(other.value, other.error)} with corrections"
            ax.plot([], [], linestyle="none", label=words)
        ax.legend(loc="upper left")
    ax.set_xscale("log")
    logarithmic_y(ax)
    ax.set_xticks(x, [f"{value:g}" for value in x])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("$L$")


def caption(run: RunData) -> str:
    points, curves = run.table("critical"), run.table("curves")
    coupling, sampler = curves.coupling.iloc[0], curves.sampler.iloc[0]
    parts = []
    for quantity, words in (
        ("pseudo_critical", f"Pseudo-critical {coupling}"),
        ("crossing", "Crossings of U4"),
    ):
        rows = points[points.quantity == quantity]
        named = [f"{value_error(r.value, r.error)} (L = {r.L})" for r in rows.itertuples()]
        parts.append(f"{words}: {', '.join(named) or 'none'}.")
    for row in points[points.quantity.isin(list(WORDS))].itertuples():
        exact = f"; exact {row.exact:g}, {row.sigmas:+.1f} sigma" if np.isfinite(row.exact) else ""
        quality = f"chi2/dof {row.chi2_dof:.1f}" if np.isfinite(row.chi2_dof) else "no dof"
        found = f"{value_error(row.value, row.error)} [{quality}{exact}]"
        parts.append(f"{WORDS[row.quantity]} = {found}.")
    return " ".join(
        [
            f"Connected susceptibility chi' = V (<m^2> - <|m|>^2) and Binder cumulant U4 against "
            f"{coupling}: chains of {sampler}, joined by reweighting, bands of one standard error. "
            "Markers: maxima, and crossings of neighbouring L. Below: chi' at its maximum and the "
            "slope of U4 there against L, with power laws through the three largest L.",
            "Corrections: a further term L^-omega, omega = 3/2, with 1 and 2 in the error; all L.",
            *parts,
        ]
    )
