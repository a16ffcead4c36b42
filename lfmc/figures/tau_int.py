"""Integrated autocorrelation times against L, in saved configurations (arXiv:1904.12072).

tau_int = 1/2 + sum_t rho(t)/rho(0) (eq. 19), fits tau = alpha L^z, and for the flows the
rejection estimate (eq. 15-18) and its Jensen bound.
"""

from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lfmc.figures.abscissa import against, against_L, ensembles_axis, joined
from lfmc.figures.fits import Shown, exponent, fit_handles, no_fit
from lfmc.figures.panels import (
    NOT_REACHED,
    by_extent,
    extent_handles,
    logarithmic_y,
    outside_legend,
    segments,
    series,
)
from lfmc.figures.rundata import RunData
from lfmc.figures.style import BLACK, DOUBLE, observable_mark, sampler_mark
from lfmc.figures.units import saves

OBSERVABLES = ("E", "chi2", "G0")  # and the slowest of each theory
POOR = 0.2
HELD = 4.0  # tau from rejections over its Jensen bound that needs a word; 1.6 for Gaussian log w
FITTED = (
    "Full lines: weighted fits tau = alpha L^z, drawn over their range, error of z scaled by "
    "sqrt(chi2/dof) where that is above 1, chi2/dof in brackets"
)
GUIDES = "; long thin dashes: p < 0.001, a guide to the eye and not a fit"
BOUNDS: dict[str, tuple[Literal["--", ":"], str]] = {
    "rejections": ("--", "from rejections"),
    "jensen": (":", "Jensen bound"),
}


def draw(run: RunData) -> Figure:
    """Three panels in the paper's unit, the saved configuration."""
    return draw_unit(run, "saved")


def caption(run: RunData) -> str:
    paper = "; the paper: hmc and local after every 10" if "local" in samplers(run, "saved") else ""
    return caption_unit(run, "saved") + f" Unit: saved configurations ({saves(run)}{paper})."


def draw_unit(run: RunData, unit: str) -> Figure:
    """Panels E, chi2, G_c(0) and what is slower; every sampler with its fit, log-log."""
    figure = Figure(figsize=(DOUBLE, 3.5))
    names = observables(run)
    panels = list(figure.subplots(1, len(names), sharey=True, squeeze=False)[0])
    for ax, observable in zip(panels, names, strict=True):
        handles = [_sampler(ax, run, sampler, observable, unit) for sampler in samplers(run, unit)]
        ensembles_axis(ax, run, logarithmic=True)
        ax.set_title(observable_mark(observable).label)
        ax.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(-0.02, -0.2),
        )
    logarithmic_y(panels[0])
    panels[0].set_ylabel(rf"$\tau_\mathrm{{int}}$ ({unit_words(unit)})")
    bounds = BOUNDS if run.config.flow_names else {}
    lines = [Line2D([], [], color=BLACK, ls=style, label=text) for style, text in bounds.values()]
    fits = [exponent(run, s, o, unit) for s in samplers(run, unit) for o in names]
    shown = [f for f in fits if f is not None]
    outside_legend(figure, [*fit_handles(run, shown), *lines, *extent_handles(run)])
    return figure


def caption_unit(run: RunData, unit: str) -> str:
    """What both versions of the figure say."""
    rows = _gamma(run, unit, observables(run))
    poor = sorted(
        {f"{r.ensemble} {r.sampler}" for r in rows.itertuples() if not r.error < POOR * r.tau}
    )
    exponents = []
    shown: list[Shown] = []
    for observable in observables(run):
        found = [(s, exponent(run, s, observable, unit)) for s in samplers(run, unit)]
        shown += [fit for _, fit in found if fit is not None]
        text = ", ".join(f"{s} {fit.words}" for s, fit in found if fit is not None)
        if text:
            exponents.append(f"z({observable}) = {text}")
    parts = [
        f"Integrated autocorrelation times of {_listed(observables(run))} {against(run)},",
        f"{run.statistics('chi2')} saved configurations per ensemble and sampler; errors of the",
        f"Gamma method{_models(run)}",
        f"{_fitted(run, any(f.guide for f in shown))}: {'; '.join(exponents)}."
        if exponents
        else no_fit(run).replace("no", "No", 1) + ".",
        "Dashed and dotted, flows only: estimate from rejection runs and its Jensen bound."
        if run.config.flow_names
        else "",
        f"Statistics too low (error above {100 * POOR:.0f} % of tau): {', '.join(poor)}."
        if poor
        else "",
        *_held(run),
        *_bounds(run, unit),
    ]
    return " ".join(part for part in parts if part)


def _models(run: RunData) -> str:
    """How the scatter over trainings enters."""
    if not run.config.flow_names:
        return "."
    if run.config.flow.models > 1:
        return "; flows: mean over independently trained models, their scatter in the error."
    return "; flows: one model, whose scatter from training to training is not in the error."


def _fitted(run: RunData, guides: bool) -> str:
    if against_L(run):
        return f"{FITTED}{GUIDES if guides else ''}"
    names = ", ".join(e.name for e in run.config.family)
    return f"Weighted fits tau = alpha L^z through {names}, not drawn, chi2/dof in brackets"


def _held(run: RunData) -> list[str]:
    """Flows whose chain stands still far longer than their acceptance tells."""
    table = run.table("tau_int")
    value = table[table.unit == "update"].set_index(["estimator", "ensemble", "sampler"]).tau
    parts = []
    for place in [(e, s) for s in run.config.flow_names for e in run.config.ensemble_names]:
        if not {("rejections", *place), ("jensen", *place)} <= set(value.index):
            continue
        ratio = value["rejections", *place] / value["jensen", *place]
        if ratio > HELD:
            longest = value.get(("longest_run", *place), np.nan)
            runs = f", at most {longest:.0f} in a row" if np.isfinite(longest) else ""
            parts.append(f"{place[1]} in {place[0]} {ratio:.1f} times{runs}")
    if not parts:
        return []
    return [
        f"Rejections last longer than the acceptance tells, against the Jensen bound: "
        f"{'; '.join(parts)}. There few configurations of large weight hold the chain, as in a "
        "model that was cut between two big training steps, whose log w is correlated with m^2."
    ]


def _bounds(run: RunData, unit: str) -> list[str]:
    """What the chains do not resolve, also of observables that no panel shows."""
    table = run.table("tau_int")
    rows = table[(table.estimator == "bound") & (table.unit == unit)]
    rows = rows[rows.ensemble.isin(run.config.ensemble_names) & (rows.observable != "phi2")]
    parts = [
        f"tau({r.observable}) of {r.sampler} in {r.ensemble} > {r.tau:.3g}: {r.note}"
        for r in rows.itertuples()
    ]
    return [f"Not resolved and left out: {'; '.join(parts)}."] if parts else []


def samplers(run: RunData, unit: str) -> tuple[str, ...]:
    """All samplers, in the configuration's order, but those whose updates are not known."""
    return run.own("tau_int_update") if unit == "update" else run.config.sampler_names


def observables(run: RunData) -> tuple[str, ...]:
    """E, chi2 and G_c(0), then the slowest observables of theories where that is another."""
    theories = [run.theory(name) for name in run.config.ensemble_names]
    common = OBSERVABLES if any(theory.family == "scalar" for theory in theories) else ()
    return tuple(dict.fromkeys((*common, *(theory.slowest for theory in theories))))


def _listed(names: tuple[str, ...]) -> str:
    words = [{"G0": "G_c(0)", "m": "<phi>"}.get(name, name) for name in names]
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def unit_words(unit: str) -> str:
    return {"saved": "saved configurations", "update": "updates"}[unit]


def _gamma(run: RunData, unit: str, names: tuple[str, ...]) -> Any:
    """Rows to draw: of the chain, or of all models of a flow where there are several."""
    table = run.table("tau_int")
    table = table[(table.unit == unit) & table.observable.isin(names)]
    several = table.sampler.isin(table[table.estimator == "models"].sampler)
    return table[(table.estimator == "models") | ((table.estimator == "gamma") & ~several)]


def _sampler(ax: Axes, run: RunData, sampler: str, observable: str, unit: str) -> Line2D:
    mark = sampler_mark(sampler)
    rows = _gamma(run, unit, (observable,))
    for part, own in by_extent(run):
        x, tau, error = series(part, rows[rows.sampler == sampler], "tau")
        ax.errorbar(x, tau, error, **(mark.errorbar | own))
    if sampler in run.config.flow_names:
        table = run.table("tau_int")
        for estimator, (line, _) in BOUNDS.items():
            chosen = table[(table.sampler == sampler) & (table.estimator == estimator)]
            chosen = chosen[chosen.unit == "update"]  # flows save every update
            for part, _own in by_extent(run):
                x, tau, _error = series(part, chosen, "tau")
                for place, value in segments(x, tau, joined(run)):
                    ax.plot(place, value, color=mark.color, linestyle=line, linewidth=0.8)
    fit = exponent(run, sampler, observable, unit)
    label = mark.label + (NOT_REACHED if sampler in run.absent() else "")
    if fit is not None:
        if against_L(run):
            fit.draw(ax, run.config.fit.L, mark.color)
        label += f", {fit.label}"
    style = mark.errorbar | {"label": label}
    return Line2D([], [], **style)
