"""The summary's figure: where the cost of training goes as L grows."""

from pathlib import Path
from typing import Any

import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.plan import ARCHITECTURES, DEFAULT
from lfmc.figures.abscissa import extents_axis
from lfmc.figures.panels import logarithmic_y
from lfmc.figures.style import DOUBLE, look
from lfmc.store import atomically
from lfmc.table_files import read_table

MARKS = ("o", "D", "s", "^", "v", "P", "X")


def draw(folder: Path, target: float) -> Figure:
    """Seconds to a target against L, every architecture; variance of log w per site on the way.

    Args:
        folder: results of the suite.
        target: acceptance.
    """
    training, checks = read_table(folder / "training.csv"), read_table(folder / "checks.csv")
    figure = Figure(figsize=(DOUBLE, 3.0))
    seconds, variance = figure.subplots(1, 2)
    _seconds(seconds, training[training.target == target], target)
    _variance(variance, checks[checks.architecture == DEFAULT])
    return figure


def write(folder: Path, path: Path) -> bool:
    """The figure as PNG, at 70 % or the highest target there is; False if nothing was trained."""
    if not ((folder / "training.csv").exists() and (folder / "checks.csv").exists()):
        return False
    targets = set(read_table(folder / "training.csv").target)
    with look():
        figure = draw(folder, 0.7 if 0.7 in targets else max(targets))
        atomically(path, lambda aside: figure.savefig(aside, format="png"))
    return True


def _seconds(ax: Axes, rows: pandas.DataFrame, target: float) -> None:
    for number, architecture in enumerate(ARCHITECTURES):
        own = rows[rows.architecture == architecture]
        if own.empty:
            continue
        lost = own.censored.astype(bool)
        style: dict[str, Any] = {"color": f"C{number}", "linestyle": "none", "markersize": 4}
        style["markerfacecolor"] = "white"
        ax.plot(own[~lost].L, own[~lost].seconds, marker=MARKS[number], label=architecture, **style)
        ax.plot(own[lost].L, own[lost].seconds, marker=r"$\uparrow$", **style)
    logarithmic_y(ax)
    extents_axis(ax, sorted(set(rows.L)), logarithmic=True)
    ax.set_xlabel("$L$")
    ax.set_ylabel(f"CPU seconds to {100 * target:.0f} % (arrows: not reached)")
    ax.legend(fontsize="x-small", ncols=2)


def _variance(ax: Axes, rows: pandas.DataFrame) -> None:
    for number, (extent, group) in enumerate(rows.groupby("L")):
        one = group[group.seed == group.seed.min()].sort_values("samples")
        share = one.log_weight_variance / extent**2
        ax.plot(one.samples, share, color=f"C{number}", label=f"$L = {extent}$")
        ax.axhline(_gaussian(0.7) / extent**2, color=f"C{number}", linewidth=0.5, linestyle=":")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("training samples")
    ax.set_ylabel(r"$\mathrm{var}(\log w)\;/\;V$ (dots: 70 %)")
    ax.legend(fontsize="x-small", ncols=2)


def _gaussian(acceptance: float) -> float:
    """Variance of Gaussian log w at an acceptance: a = erfc(sigma / 2)."""
    from scipy.special import erfcinv

    return float((2 * erfcinv(acceptance)) ** 2)
