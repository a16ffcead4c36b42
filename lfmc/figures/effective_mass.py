"""Effective pole masses times L (arXiv:1904.12072, eq. 22-28), plateau and table I."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from lfmc.config.sections import Ensemble
from lfmc.figures.format import value_error
from lfmc.figures.panels import ensemble_grid, offsets, outer_labels, references, sampler_legend
from lfmc.figures.rundata import RunData
from lfmc.figures.style import GREY, SKY, sampler_mark
from lfmc.theories.masses import plateau_range

TOO_LOW = "statistics too low for an arccosh with an error"


def draw(run: RunData) -> Figure:
    """One panel per ensemble; grey band: pole mass of HMC over its plateau; blue: published."""
    names = run.config.sampler_names
    figure, panels = ensemble_grid(run.config.ensembles, sharey=False)
    for ax, ensemble in zip(panels, run.config.ensembles, strict=True):
        for sampler, shift in zip(names, offsets(len(names), 0.5), strict=True):
            if not run.reached(ensemble.name, sampler):
                continue
            line = run.against_time(ensemble.name, sampler, "mLeff")
            style = sampler_mark(sampler).errorbar | {"markersize": 3}
            ax.errorbar(line.x + shift, line.value, line.error, **style)
        _bands(ax, run, ensemble)
        ax.set_xlim(0.4, ensemble.extent // 2 + 0.6)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    outer_labels(panels, "$t$", r"$m_p^\mathrm{eff}(t)\,L$")
    bands = [Patch(facecolor=GREY, alpha=0.6, label=f"plateau, {references(run)}")]
    if any(run.published(e.name, "mpL") for e in run.config.ensembles):
        bands.append(Patch(facecolor=SKY, alpha=0.3, label="published, table I"))
    sampler_legend(figure, run, names, bands)
    return figure


def caption(run: RunData) -> str:
    parts = []
    for e in run.config.ensembles:
        first, last = plateau_range(e.extent)
        own = run.observable(e.name, run.reference(e.name), "mpL")
        known = run.published(e.name, "mpL")
        text = f"{e.name} t = {first}-{last}"
        text += f", {value_error(*own)}" if own else ""
        text += f" (published {value_error(*known, 1)})" if known else ""
        parts.append(text)
    return (
        "Effective pole masses times L from averaged zero-momentum Green's functions; samplers "
        f"shifted sideways for legibility. {run.statistics('mpL')} saved "
        f"configurations per ensemble and sampler; errors: jackknife over bins.{_omitted(run)} "
        f"Plateau range and m_p L of {references(run)}: {'; '.join(parts)}."
    )


def _omitted(run: RunData) -> str:
    table = run.table("observables")
    mine = table.ensemble.isin(run.config.ensemble_names)
    masses = table[mine & table.observable.str.startswith("mLeff_")]
    lost = masses[~(np.isfinite(masses.value) & np.isfinite(masses["error"]))]
    lost = lost.assign(reason=lost.note.where(lost.note != "", TOO_LOW))
    parts = []
    for reason, rows in lost.groupby("reason", sort=False):
        points = [
            f"{ensemble} {sampler} t = {', '.join(names.str.removeprefix('mLeff_'))}"
            for (ensemble, sampler), names in rows.groupby(
                ["ensemble", "sampler"], sort=False
            ).observable
        ]
        parts.append(f"{reason}: {'; '.join(points)}")
    return f" Omitted, {'. Omitted, '.join(parts)}." if parts else ""


def _bands(ax: Axes, run: RunData, ensemble: Ensemble) -> None:
    known = run.published(ensemble.name, "mpL")
    if known:
        ax.axhspan(known[0] - known[1], known[0] + known[1], color=SKY, alpha=0.3, lw=0, zorder=0)
    own = run.observable(ensemble.name, run.reference(ensemble.name), "mpL")
    if own:
        first, last = plateau_range(ensemble.extent)
        edge = [first - 0.4, last + 0.4]
        ax.fill_between(edge, own[0] - own[1], own[0] + own[1], color=GREY, alpha=0.6, lw=0)
