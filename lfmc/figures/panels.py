"""Grids of panels, one per ensemble, with legends outside and offsets that separate points."""

import re
from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator
from numpy.typing import NDArray

from lfmc.config.sections import Ensemble
from lfmc.figures.abscissa import places, scan
from lfmc.figures.rundata import RunData
from lfmc.figures.style import BLACK, COLUMN, DOUBLE, sampler_mark

Floats = NDArray[np.floating]

NOT_REACHED = " (not reached)"
SMALLEST_MARKER, STEP_OF_MARKERS = 2.5, 1.2  # of the series of a scan, in points


def ensemble_grid(
    ensembles: Sequence[Ensemble], height: float = 1.9, **options: Any
) -> tuple[Figure, list[Axes]]:
    """One panel per ensemble, at most three per row, titled with name and L."""
    number = len(ensembles)
    columns = min(number, 3)
    rows = ceil(number / columns)
    width = COLUMN if columns == 1 else DOUBLE
    figure = Figure(figsize=(width, rows * (height if columns > 1 else 2.4) + 0.3))
    grid = figure.subplots(rows, columns, squeeze=False, **options)
    panels = list(grid.flat)
    for ax, ensemble in zip(panels, ensembles, strict=False):
        ax.set_title(title(ensemble), pad=3)
    for ax in panels[number:]:
        above = grid[rows - 2, panels.index(ax) % columns]
        above.tick_params(labelbottom=True)
        ax.remove()
    return figure, panels[:number]


def stacked_grid(
    ensembles: Sequence[Ensemble],
    ratios: tuple[int, int] = (2, 1),
    height: float = 2.7,
    shared: bool = False,
) -> tuple[Figure, list[tuple[Axes, Axes]]]:
    """Two panels per ensemble, one above the other with a common abscissa, three per row.

    Args:
        ratios: their heights.
        height: of both, in inches.
        shared: one ordinate for all upper, and one for all lower panels.
    """
    number = len(ensembles)
    columns = min(number, 3)
    rows = ceil(number / columns)
    figure = Figure(figsize=(COLUMN if columns == 1 else DOUBLE, rows * height + 0.3))
    blocks = figure.add_gridspec(rows, columns)
    pairs: list[tuple[Axes, Axes]] = []
    for index, ensemble in enumerate(ensembles):
        inner = blocks[divmod(index, columns)].subgridspec(2, 1, height_ratios=ratios)
        like = pairs[0] if shared and pairs else (None, None)
        above = figure.add_subplot(inner[0], sharey=like[0])
        below = figure.add_subplot(inner[1], sharex=above, sharey=like[1])
        above.tick_params(labelbottom=False)
        for ax in (above, below):
            ax.tick_params(labelleft=not shared or index % columns == 0)
        above.set_title(title(ensemble), pad=3)
        pairs.append((above, below))
    return figure, pairs


def title(ensemble: Ensemble) -> str:
    """E1, 6 x 6."""
    return f"{ensemble.name}: $" + r" \times ".join(str(n) for n in ensemble.sites) + "$"


def references(run: RunData) -> str:
    """Of the samplers that others are drawn against, for captions and legends: "HMC"."""
    names = [run.reference(name) for name in run.config.ensemble_names]
    return " or ".join(dict.fromkeys(sampler_mark(name).label for name in names))


def outer_labels(panels: Sequence[Axes], x: str, y: str) -> None:
    """Axis labels on the left column and under the lowest panel of each column."""
    for ax in panels:
        place = ax.get_subplotspec()
        assert place is not None
        columns = place.get_gridspec().ncols
        if place.colspan.start == 0:
            ax.set_ylabel(y)
        if panels.index(ax) + columns >= len(panels):
            ax.set_xlabel(x)


def sampler_legend(
    figure: Figure, run: RunData, samplers: Sequence[str], extra: Sequence[Any] = ()
) -> None:
    """One legend above all panels, so that it covers no data; it says what was not reached."""
    absent = run.absent()
    handles = [sampler_handle(s, s not in absent) for s in samplers]
    outside_legend(figure, [*handles, *extra])


def outside_legend(figure: Figure, handles: Sequence[Any]) -> None:
    """A legend above the panels, in as many columns as the width holds."""
    if not handles:
        return
    inches = sum(0.45 + 0.055 * _printed_length(h.get_label()) for h in handles)
    rows = ceil(inches / figure.get_figwidth())
    figure.legend(
        handles=list(handles), loc="outside upper center", ncols=ceil(len(handles) / rows)
    )


def _printed_length(label: str) -> int:
    """Characters on paper: TeX commands count as one, braces and dollars not at all."""
    return len(re.sub(r"[${}_^]", "", re.sub(r"\\[A-Za-z]+", "x", label)))


def sampler_handle(sampler: str, reached: bool = True) -> Line2D:
    """A legend entry in the sampler's mark."""
    mark = sampler_mark(sampler)
    return Line2D(
        [],
        [],
        color=mark.color,
        marker=mark.marker,
        linestyle="none",
        markerfacecolor="white",
        label=mark.label + ("" if reached else NOT_REACHED),
    )


def offsets(number: int, width: float) -> Floats:
    """Shifts of `number` series, symmetric about 0, that span `width` together."""
    return np.linspace(-width / 2, width / 2, number) if number > 1 else np.zeros(number)


def logarithmic_y(ax: Axes) -> None:
    """A logarithmic ordinate, with labels 0.5, 1, 2, 5 instead of powers over few decades.

    Call it after the data is drawn: it looks at the limits. Without a positive number the axis
    stays linear.
    """
    if not np.isfinite(ax.dataLim.minposy):
        return
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    if low < 1e-3 or high / low > 300:
        return
    steps = (1, 2, 5) if high / low > 20 else (1, 2, 3, 5, 7)
    ax.yaxis.set_major_locator(LogLocator(subs=steps))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.6g}"))
    ax.yaxis.set_minor_formatter(FuncFormatter(lambda y, _: ""))


def log_errorbar(ax: Axes, x: Any, y: Any, error: Any, **style: Any) -> None:
    """Points on a logarithmic ordinate: those at or below zero are left out.

    A lower bar that would reach zero is left out too: on this axis it would have no end.
    """
    x, y, error = (np.asarray(values, dtype=float) for values in (x, y, error))
    shown = y > 0
    low = np.where(error < y, error, 0.0)
    ax.errorbar(x[shown], y[shown], np.stack([low, error])[:, shown], **style)


def segments(x: Floats, y: Floats, joined: bool = True) -> list[tuple[Floats, Floats]]:
    """One line through points of different L; a dash at each where an L is there twice or alone.

    Args:
        joined: whether x is L or a coupling; else it is the number of an ensemble, and every point
            is alone.
    """
    if not joined:
        return [(at + np.array([-0.2, 0.2]), np.array([v, v])) for at, v in zip(x, y, strict=True)]
    if len(x) == len(set(x)) > 1:
        return [(x, y)]
    width = np.array([1 / 1.1, 1.1])
    return [(at * width, np.array([value, value])) for at, value in zip(x, y, strict=True)]


def series(run: RunData, rows: Any, column: str) -> tuple[Floats, Floats, Floats]:
    """Rows of a table, one per ensemble, as (L, value, error) in ascending L (`abscissa`)."""
    extent = places(run)
    known = rows[rows.ensemble.isin(list(extent))]
    x = known.ensemble.map(extent).to_numpy(float)
    order = np.argsort(x, kind="stable")
    error = known["error"].to_numpy(float) if "error" in known else np.zeros(len(x))
    return x[order], known[column].to_numpy(float)[order], error[order]


def by_extent(run: RunData) -> list[tuple[RunData, dict[str, Any]]]:
    """A scan on several lattices as one run for each L, with the style of its series.

    Any other run is one series, in the style of its sampler.
    """
    found = scan(run)
    if found is None or len(found.lattices) == 1:
        return [(run, {})]
    parts = []
    for number, extent in enumerate(found.lattices):
        own = tuple(run.config.ensemble(name) for name in found.line(extent))
        size = SMALLEST_MARKER + STEP_OF_MARKERS * number
        style = {"linestyle": "-", "linewidth": 0.5, "markersize": size}
        parts.append((replace(run, config=run.config.restricted(own)), style))
    return parts


def extent_handles(run: RunData) -> list[Line2D]:
    """The legend's words on the series of a scan on several lattices: larger markers, larger L."""
    parts = by_extent(run)
    if len(parts) == 1:
        return []
    style = {"color": BLACK, "marker": "o", "markerfacecolor": "white"}
    labels = [f"$L = {part.config.ensembles[0].extent}$" for part, _ in parts]
    handles = zip(labels, parts, strict=True)
    return [Line2D([], [], **(style | own), label=label) for label, (_, own) in handles]
