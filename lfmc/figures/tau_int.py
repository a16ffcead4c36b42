"""Integrated autocorrelation times against L, in saved configurations (arXiv:1904.12072).

tau_int = 1/2 + sum_t rho(t)/rho(0) (eq. 19), fits tau = alpha L^z, and for the flows the
rejection estimate (eq. 15-18) and its Jensen bound.
"""

import re
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lfmc.figures.format import value_error
from lfmc.figures.panels import NOT_REACHED, extents_axis, logarithmic_y, outside_legend, series
from lfmc.figures.rundata import RunData
from lfmc.figures.style import BLACK, DOUBLE, observable_mark, sampler_mark

OBSERVABLES = ("E", "chi2", "G0")
POOR = 0.2
NO_FIT = "no fit: needs three L"
BOUNDS: dict[str, tuple[Literal["--", ":"], str]] = {
    "rejections": ("--", "from rejections"),
    "jensen": (":", "Jensen bound"),
}


def draw(run: RunData) -> Figure:
    """Three panels in the paper's unit, the saved configuration."""
    return draw_unit(run, "saved")


def caption(run: RunData) -> str:
    every = run.config.statistics.save_every
    return caption_unit(run, "saved") + (
        f" Unit: saved configurations (hmc and local after every {every} updates, the paper: 10; "
        f"cluster after every {run.config.samplers.cluster.save_every} updates; flows after "
        "every proposal)."
    )


def draw_unit(run: RunData, unit: str) -> Figure:
    """Panels E, chi2 and G_c(0); every sampler with its fit, log-log."""
    figure = Figure(figsize=(DOUBLE, 3.5))
    panels = list(figure.subplots(1, len(OBSERVABLES), sharey=True))
    extents = [e.extent for e in run.config.ensembles]
    for ax, observable in zip(panels, OBSERVABLES, strict=True):
        handles = [_sampler(ax, run, sampler, observable, unit) for sampler in samplers(run)]
        extents_axis(ax, extents, logarithmic=True)
        ax.set_title(observable_mark(observable).label)
        ax.set_xlabel("$L$")
        ax.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(-0.02, -0.2),
        )
    logarithmic_y(panels[0])
    panels[0].set_ylabel(rf"$\tau_\mathrm{{int}}$ ({unit_words(unit)})")
    lines = [Line2D([], [], color=BLACK, ls=style, label=text) for style, text in BOUNDS.values()]
    outside_legend(figure, [fit_handle(run), *lines])
    return figure


def caption_unit(run: RunData, unit: str) -> str:
    """What both versions of the figure say."""
    rows = _gamma(run, unit)
    poor = sorted(
        {f"{r.ensemble} {r.sampler}" for r in rows.itertuples() if not r.error < POOR * r.tau}
    )
    fitted = "Full lines: weighted fits tau = alpha L^z, drawn over their range: "
    exponents = []
    for observable in OBSERVABLES:
        found = [(s, exponent(run, s, observable, unit)) for s in samplers(run)]
        text = ", ".join(f"{s} {value_error(r.z, r.z_error, 1)}" for s, r in found if r is not None)
        if text:
            exponents.append(f"z({observable}) = {text}")
    return " ".join(
        [
            "Integrated autocorrelation times of E, chi2 and G_c(0) against L,",
            f"{run.statistics('chi2')} saved configurations an ensemble and sampler; errors of the",
            "Gamma method;",
            "flows: mean over independently trained models, their scatter in the error."
            if run.config.flow.models > 1
            else "flows: one model, whose scatter from training to training is not in the error.",
            fitted + "; ".join(exponents) + "."
            if exponents
            else NO_FIT.replace("no", "No", 1) + ".",
            "Dashed and dotted, flows only: estimate from rejection runs and its Jensen bound.",
            f"Statistics too low (error above {100 * POOR:.0f} % of tau): {', '.join(poor)}."
            if poor
            else "",
        ]
    ).strip()


def samplers(run: RunData) -> tuple[str, ...]:
    """All samplers, in the configuration's order."""
    return run.config.sampler_names


def unit_words(unit: str) -> str:
    return {"saved": "saved configurations", "update": "updates"}[unit]


def fit_handle(run: RunData) -> Line2D:
    """The legend's word on the fits, or on why there are none."""
    ranges = {fit_range(text) for text in run.table("exponents").fit_L}
    if tuple(sorted(run.config.fit.L)) not in ranges:
        return Line2D([], [], linestyle="none", label=NO_FIT)
    chosen = ", ".join(str(n) for n in run.config.fit.L)
    return Line2D([], [], color=BLACK, label=rf"fit $\alpha L^z$, $L$ = {chosen}")


def exponent(run: RunData, sampler: str, observable: str, unit: str) -> Any:
    """The row of exponents.csv of the configured fit range, or None."""
    table = run.table("exponents")
    rows = table[
        (table.sampler == sampler) & (table.observable == observable) & (table.unit == unit)
    ]
    for row in rows.itertuples():
        if fit_range(row.fit_L) == tuple(sorted(run.config.fit.L)) and np.isfinite(row.z):
            return row
    return None


def fit_range(text: Any) -> tuple[int, ...]:
    """The L of a fit as exponents.csv spells them."""
    return tuple(sorted(int(n) for n in re.findall(r"\d+", str(text))))


def _gamma(run: RunData, unit: str, observables: tuple[str, ...] = OBSERVABLES) -> Any:
    """Rows to draw: of the chain, or of all models of a flow where there are several."""
    table = run.table("tau_int")
    table = table[(table.unit == unit) & table.observable.isin(observables)]
    several = table.sampler.isin(table[table.estimator == "models"].sampler)
    return table[(table.estimator == "models") | ((table.estimator == "gamma") & ~several)]


def _sampler(ax: Axes, run: RunData, sampler: str, observable: str, unit: str) -> Line2D:
    mark = sampler_mark(sampler)
    rows = _gamma(run, unit, (observable,))
    x, tau, error = series(run, rows[rows.sampler == sampler], "tau")
    ax.errorbar(x, tau, error, **mark.errorbar)
    if sampler in run.config.flow_names:
        table = run.table("tau_int")
        for estimator, (line, _) in BOUNDS.items():
            chosen = table[(table.sampler == sampler) & (table.estimator == estimator)]
            chosen = chosen[chosen.unit == "update"]  # flows save every update
            x, tau, _error = series(run, chosen, "tau")
            if len(set(x)) == 1:  # a line needs a second point
                x, tau = x[[0, 0]] * [1 / 1.1, 1.1], tau[[0, 0]]
            ax.plot(x, tau, color=mark.color, linestyle=line, linewidth=0.8)
    row = exponent(run, sampler, observable, unit)
    label = mark.label + (NOT_REACHED if sampler in run.absent() else "")
    if row is not None:
        x = np.geomspace(min(run.config.fit.L), max(run.config.fit.L), 20)
        ax.plot(x, row.alpha * x**row.z, color=mark.color, linewidth=1.0)
        label += f", $z = {value_error(row.z, row.z_error, 1)}$"
    style = mark.errorbar | {"label": label}
    return Line2D([], [], **style)
