"""The scan of `lfmc tune-couplings`: an observable against the coupling, and where it crosses.

Not one of a run's figures (`lfmc.figures.registry`): it belongs to a search.
"""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lfmc.figures.format import value_error
from lfmc.figures.output import write_figure
from lfmc.figures.style import BLACK, BLUE, COLUMN, GREY, VERMILLION, look

LABELS = {
    "mpL": r"$m_p L$",
    "m2ndL": r"second-moment mass $\times L$",
    "chi2": r"$\chi_2$",
    "lam": r"$\lambda$",
    "m2": r"$m^2$",
}
AROUND = 4  # windows of the last run that are shown


def write(base: Path, table: Any, record: dict[str, Any], mark: str) -> list[Path]:
    """base.pdf, base.png and base.txt, the caption.

    Args:
        table: the scan (pandas); record: of `lfmc.tuning.result.Tuned`.
    """
    with look():
        return write_figure(base, draw(table, record), f"lfmc {base.name}", caption(record), mark)


def draw(table: Any, record: dict[str, Any]) -> Figure:
    """Runs with their errors, the reweighted curve with its error band, the crossing."""
    figure = Figure(figsize=(COLUMN, 2.8))
    ax = figure.subplots()
    curve, runs = table[table.kind == "reweighted"], table[table.kind == "run"]
    center, half = curve["at"].mean(), AROUND * np.ptp(curve["at"]) / 2
    near = runs[(abs(runs["at"] - center) <= half) & np.isfinite(runs["error"])]
    ax.fill_between(
        curve["at"], curve.value - curve.error, curve.value + curve.error, color=GREY, alpha=0.4,
        linewidth=0, label="last run, reweighted",
    )  # fmt: skip
    ax.plot(curve["at"], curve.value, color=BLACK, linewidth=0.8)
    ax.errorbar(
        near["at"], near.value, near.error, color=BLUE, marker="o", markerfacecolor="white",
        linestyle="none", label="runs",
    )  # fmt: skip
    ax.axhline(record["target"], color=GREY, linewidth=0.6, linestyle="--")
    name = record["parameter"]
    words = f"{LABELS.get(name, name)} = ${value_error(record['unrounded'], record['error'])}$"
    ax.errorbar(
        [record["unrounded"]], [record["target"]], xerr=[record["error"]], color=VERMILLION,
        marker="s", linestyle="none", label=words,
    )  # fmt: skip
    ax.set_xlabel(LABELS.get(name, name))
    ax.set_ylabel(LABELS.get(record["observable"], record["observable"]))
    ax.legend(loc="best")
    return figure


def caption(record: dict[str, Any]) -> str:
    """What the figure shows, with its numbers."""
    name, extent = record["parameter"], record["ensemble"]["L"]
    found = value_error(record["unrounded"], record["error"])
    return (
        f"{record['observable']} against {name} at L = {extent}: short runs, and the last run "
        f"reweighted to neighbouring values with its error as a band. It is {record['target']:g} "
        f"at {name} = {found}; slope {record['slope']:.4g}, error of the observable there "
        f"{record['observable_error']:.2g}."
    )
