"""Table I of arXiv:1904.12072 reproduced: m_p L of every sampler next to the published value."""

from math import isfinite

from matplotlib.figure import Figure

from lfmc.config.sections import Ensemble
from lfmc.figures.drawable import NotDrawable
from lfmc.figures.format import value_error
from lfmc.figures.rundata import RunData
from lfmc.figures.style import DOUBLE, sampler_mark


def draw(run: RunData) -> Figure:
    """A table: ensemble, lattice, couplings, published m_p L, ours, and their distance."""
    if not listed(run):
        raise NotDrawable("table1: no ensemble here is of a theory with published values")
    header, rows = cells(run)
    figure = Figure(figsize=(DOUBLE, 0.5 + 0.24 * (len(rows) + 1)))
    ax = figure.subplots()
    ax.set_axis_off()
    widths = [1.15 * max(len(str(r[i])) for r in [header, *rows]) + 2 for i in range(len(header))]
    table = ax.table(
        cellText=rows,
        colLabels=header,
        cellLoc="center",
        loc="center",
        colWidths=[w / sum(widths) for w in widths],
        edges="horizontal",
    )
    table.auto_set_font_size(False)
    table.set_fontsize(7)
    table.scale(1, 1.15)
    for (row, _), cell in table.get_celld().items():
        cell.set_linewidth(0.8 if row == 0 else 0.2)
    ax.set_title(r"$m_p L$ (in parentheses: error; in brackets: deviation from published in sigma)")
    return figure


def caption(run: RunData) -> str:
    worst = []
    for e in listed(run):
        for sampler in run.samplers(e.name):
            pull = deviation(run, e.name, sampler)
            if pull is not None:
                worst.append((abs(pull), pull, e.name, sampler))
    text = (
        "Table I reproduced: ensembles, couplings and m_p L next to the published values. "
        f"{run.statistics('mpL')} saved configurations a sampler; errors: jackknife over bins."
    )
    if worst:
        _, pull, name, sampler = max(worst)
        text += (
            f" Largest deviation from the published values: {pull:+.1f} combined sigma "
            f"({name}, {sampler})."
        )
    else:
        text += " No ensemble here is one of the paper's: nothing published to compare with."
    return text + run.withheld("mpL")


def listed(run: RunData) -> list[Ensemble]:
    """Ensembles of the paper's theory, and those of others whose papers are known."""
    every = run.config.ensembles
    return [e for e in every if e.kind == "phi4" or run.theory(e.name).reference() is not None]


def cells(run: RunData) -> tuple[list[str], list[list[str]]]:
    """Header and rows, as strings."""
    names = run.config.sampler_names
    ensembles = listed(run)
    phi4 = all(e.kind == "phi4" for e in ensembles)
    couplings = ["$m^2$", r"$\lambda$"] if phi4 else ["theory"]
    header = ["", "lattice", *couplings, "published", *(sampler_mark(s).label for s in names)]
    rows = []
    for e in ensembles:
        known = run.published(e.name, "mpL")
        lattice = f"${e.extent}^{e.d}$" if len(set(e.sites)) == 1 else "x".join(map(str, e.sites))
        values = [f"{e.m2:g}", f"{e.lam:g}"] if phi4 else [run.theory(e.name).label()]
        row = [e.name, lattice, *values, value_error(*known, 1) if known else "-"]
        for sampler in names:
            own = run.observable(e.name, sampler, "mpL")
            pull = deviation(run, e.name, sampler)
            lost = run.runs(e.name, sampler) and not run.reached(e.name, sampler)
            absent = "not reached" if lost else "-"
            text = value_error(*own) if own else absent
            row.append(text + (f" [{pull:+.1f}]" if pull is not None else ""))
        rows.append(row)
    return header, rows


def deviation(run: RunData, ensemble: str, sampler: str) -> float | None:
    """(ours - published) / combined error, or None where one is missing."""
    table = run.table("published")
    rows = table[(table.ensemble == ensemble) & (table.observable == "mpL")]
    for sigmas in rows[rows.sampler == sampler].sigmas:
        if isfinite(sigmas):
            return float(sigmas)
    return None
