"""Training cost against L: steps and seconds until a flow passes its acceptance target.

With acceptance as the stopping rule, z of the Markov chain is fixed by construction; the scaling
with L is here. Runs that stopped before their target are drawn as lower bounds.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lfmc.analysis.scaling import PowerLaw, fit_power_law
from lfmc.config.targets import BEST
from lfmc.figures.abscissa import against, against_L, ensembles_axis, places
from lfmc.figures.fits import NO_FIT, too_few
from lfmc.figures.format import duration, value_error
from lfmc.figures.panels import by_extent, extent_handles, logarithmic_y, outside_legend
from lfmc.figures.rundata import Floats, RunData
from lfmc.figures.style import BLACK, DOUBLE, sampler_mark

FEWEST_COUNTS = 20
FEW_COUNTS = f"no power law through counts below {FEWEST_COUNTS}"
ARROW = r"$\uparrow$"
QUANTITIES = {"seconds": "training time (s)", "steps": "training steps"}


def draw(run: RunData) -> Figure:
    """Two panels; every training run a point, fit through all, log-log."""
    run.require_flows("training_cost")
    figure = Figure(figsize=(DOUBLE, 2.8))
    panels = list(figure.subplots(1, 2))
    for ax, (quantity, label) in zip(panels, QUANTITIES.items(), strict=True):
        handles = [_flow(ax, run, flow, quantity) for flow in run.config.flow_names]
        logarithmic_y(ax)
        ensembles_axis(ax, run, logarithmic=True)
        ax.set_ylabel(label)
        ax.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(-0.02, -0.2),
        )
    notes = extent_handles(run)
    if not enough(run):
        notes.append(Line2D([], [], linestyle="none", label=too_few(run) or NO_FIT))
    if censored(run.table("training")).any():
        notes.append(
            Line2D([], [], color=BLACK, marker=ARROW, ls="none", label="target not reached")
        )
    if notes:
        outside_legend(figure, notes)
    return figure


def caption(run: RunData) -> str:
    table = run.table("training")
    parts = []
    for flow in run.config.flow_names:
        rows = table[(table.flow == flow) & ~censored(table)]
        medians = ", ".join(
            f"{e} {duration(rows[rows.ensemble == e].seconds.median())}"
            for e in run.config.ensemble_names
            if (rows.ensemble == e).any()
        )
        parts.append(f"{flow}: {medians or 'no run reached its target'}")
    runs = table.groupby(["ensemble", "flow"]).seed.nunique()
    many = f"{runs.min()}" if runs.min() == runs.max() else f"{runs.min()} to {runs.max()}"
    lost, early = int(censored(table).sum()), int((table.steps == 0).sum())
    off = ", off the logarithmic axis" if early < len(table) else ""
    return " ".join(
        [
            f"CPU time of all ranks and optimiser steps of training {against(run)} until the",
            "acceptance, estimated from the model's own samples and from independent samples of p,",
            "passes the target.",
            f"n = {many} seeds per point (single runs have no error); {lost} of {len(table)} runs",
            "stopped before their target" + (" (arrows: lower bounds)." if lost else "."),
            *([f"{early} passed before the first step{off}."] if early else []),
            f"Median time: {'; '.join(parts)}.",
            "Lines: unweighted fit of logarithms against log L; the error of the exponent is from"
            " the scatter about the line, so that chi2/dof is 1 by construction;"
            f" {FEW_COUNTS}."
            if enough(run)
            else (too_few(run) or NO_FIT).replace("no", "No", 1) + ".",
        ]
    )


def censored(table: Any) -> Any:
    """Trainings that ended before both acceptances passed the target."""
    target = table.target.where(table.target < BEST, 0.0)  # any acceptance may be the best
    passed = table.acceptance_q >= target
    if "acceptance_p" in table:
        passed &= table.acceptance_p >= target
    return ~passed


def enough(run: RunData) -> bool:
    return against_L(run) and len({e.extent for e in run.config.ensembles}) >= 3


def power_law(x: Floats, y: Floats) -> PowerLaw | None:
    """alpha L^z through all runs with equal weights, errors from the scatter about the line.

    None for fewer than three L, and for whole numbers of which one is below 20: between 1 step and
    3 steps there is one number, and a power of L through them would be that of rounding.
    """
    if len(set(x)) < 3 or few_counts(y):
        return None
    fit = fit_power_law(x, y, y)
    scatter = float(np.sqrt(fit.chi2_dof))
    return fit._replace(z_error=fit.z_error * scatter, alpha_error=fit.alpha_error * scatter)


def few_counts(y: Floats) -> bool:
    """Whether these are whole numbers too small for a power law."""
    return bool((y == np.round(y)).all() and y.min(initial=np.inf) < FEWEST_COUNTS)


def _flow(ax: Axes, run: RunData, flow: str, quantity: str) -> Line2D:
    mark = sampler_mark(flow)
    extent = places(run)
    table = run.table("training")
    rows = table[(table.flow == flow) & table.ensemble.isin(list(extent))]
    lost = censored(rows)
    reached, failed = rows[~lost], rows[lost]
    style = mark.errorbar | {"markersize": 4}
    for part, own in by_extent(run):
        rows = reached[reached.ensemble.isin(part.config.ensemble_names)]
        x = rows.ensemble.map(extent).to_numpy(float)
        ax.plot(x, rows[quantity], **(style | own | {"linestyle": "none"}))
    x = failed.ensemble.map(extent).to_numpy(float)
    ax.plot(x, failed[quantity], **(style | {"marker": ARROW, "markersize": 7}))
    positive = reached[reached[quantity] > 0]
    x, y = positive.ensemble.map(extent).to_numpy(float), positive[quantity].to_numpy(float)
    fit = power_law(x, y) if against_L(run) else None
    label = mark.label
    if fit is None and few_counts(y):
        label += f", counts below {FEWEST_COUNTS}"
    if fit is not None:
        grid = np.geomspace(min(extent.values()), max(extent.values()), 20)
        ax.plot(grid, fit.alpha * grid**fit.z, color=mark.color, linewidth=0.8)
        label += rf", $\propto L^{{{value_error(fit.z, fit.z_error)}}}$"
    return Line2D([], [], **(style | {"label": label}))
