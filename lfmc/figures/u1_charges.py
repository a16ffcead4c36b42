"""Probability of each topological charge of U(1), all samplers, on the exact values."""

import numpy as np
from matplotlib.figure import Figure

from lfmc.analysis.scaling import probability
from lfmc.figures.panels import ensemble_grid, offsets, outer_labels, sampler_legend
from lfmc.figures.rundata import RunData
from lfmc.figures.style import GREY, sampler_mark
from lfmc.theories.u1 import U1


def draw(run: RunData) -> Figure:
    """P(|Q|), grey bars exact; unlikely charges are pooled in the last bar."""
    names = run.config.sampler_names
    figure, panels = ensemble_grid(run.config.ensembles, sharey=True)
    for ax, ensemble in zip(panels, run.config.ensembles, strict=True):
        theory = theory_of(run, ensemble.name)
        charges = theory.charge_names()
        place = np.arange(len(charges))
        exact = [theory.known[name] for name in charges]
        ax.bar(place, exact, width=0.9, color=GREY, alpha=0.35, linewidth=0)
        for sampler, shift in zip(names, offsets(len(names), 0.6), strict=True):
            if run.reached(ensemble.name, sampler):
                pairs = [run.required(ensemble.name, sampler, name) for name in charges]
                value, error = np.array(pairs).T
                ax.errorbar(place + shift, value, error, **sampler_mark(sampler).errorbar)
        labels = [name.removeprefix("P_") for name in charges[:-1]]
        ax.set_xticks(place, [*labels, f"> {len(labels) - 1}"])
        ax.set_xticks([], minor=True)
    outer_labels(panels, "$|Q|$", "$P(|Q|)$")
    sampler_legend(figure, run, names)
    return figure


def caption(run: RunData) -> str:
    parts = []
    for ensemble in run.config.ensemble_names:
        words = []
        for sampler in run.samplers(ensemble):
            found = chi_squared(run, ensemble, sampler)
            if found is not None:
                words.append(f"{sampler} {found[0]:.1f} ({100 * found[2]:.0f} %)")
            freedom = found[1] if found is not None else None
        if words and freedom:
            parts.append(f"{ensemble}, {freedom} degrees of freedom: {', '.join(words)}")
    return (
        "Probability of the absolute topological charge; bars: exact, the last one pools what has "
        "less than 5 %. chi^2 of each chain against the exact values, and the probability of a "
        f"larger one: {'; '.join(parts) or 'no chain has errors'}. Its errors are those of the "
        "table, correlations between charges are left out, the last one is not counted."
    )


def chi_squared(run: RunData, ensemble: str, sampler: str) -> tuple[float, int, float] | None:
    """chi^2 of P(|Q|) but for its pooled tail, degrees of freedom, and probability."""
    theory = theory_of(run, ensemble)
    names = theory.charge_names()[:-1]
    pairs = [run.required(ensemble, sampler, name) for name in names]
    value, error = np.array(pairs).T
    if not np.isfinite(error).all() or not (error > 0).all():
        return None
    total = float((((value - [theory.known[name] for name in names]) / error) ** 2).sum())
    return total, len(names), probability(total / len(names), len(names))


def theory_of(run: RunData, ensemble: str) -> U1:
    """The theory of an ensemble."""
    theory = run.theory(ensemble)
    assert isinstance(theory, U1)
    return theory
