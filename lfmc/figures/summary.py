"""The main numbers of a run in one place: what `lfmc summary` writes and prints.

Values come from tables/*.csv, each as value(error); nothing is computed here but minima and counts.
"""

from collections.abc import Iterable
from math import isfinite
from typing import Any, NamedTuple

from lfmc.analysis.columns import read_checked
from lfmc.errors import LfmcError
from lfmc.figures.fits import exponent
from lfmc.figures.format import duration, value_error
from lfmc.figures.rundata import RunData

ABSENT = "-"
TITLES = {"mpL": "m_p L"}
SHOWN = ("chi2", "E", "mpL")  # beside the slowest observable, where a theory has them
COST = "seconds_per_independent"
MICRO = 1e6


class Block(NamedTuple):
    """A table of cells that are text."""

    title: str
    header: list[str]
    rows: list[list[str]]


class Summary(NamedTuple):
    """A run in text.

    Attributes:
        head: lines for a terminal, at most 21.
        blocks: tables, of ensembles and samplers per theory, and of gates.
        inputs: are those of the `RunData`.
    """

    head: list[str]
    blocks: list[Block]


MOST_LINES = 8  # of samplers, and of ensembles, in the head


def summarise(run: RunData) -> Summary:
    """Everything that the summary shows.

    Raises:
        LfmcError: a table is missing or damaged; names it and the command to run.
    """
    gates = read_gates(run)
    kinds = dict.fromkeys(e.kind for e in run.config.ensembles)
    chains = [block for kind in kinds if (block := _chains(run, kind, gates)).rows]
    return Summary(_head(run, gates), [*chains, _gates(gates)])


def read_gates(run: RunData) -> Any:
    """results/tables/gates.csv as a pandas table.

    Raises:
        LfmcError: missing, torn, or without a column.
    """
    path = run.results / "tables" / "gates.csv"
    table = read_checked(path, "gates", "lfmc gates")
    run.inputs.append(path)
    for column in ("side", "passed", "available"):
        if column not in table.columns:
            raise LfmcError(f"{path}: no column {column}; run 'lfmc gates' again")
        if column != "side" and table[column].dtype != bool:
            raise LfmcError(f"{path}: {column} is not True or False; run 'lfmc gates' again")
    return table


def cheapest(run: RunData, ensemble: str) -> list[tuple[str, float, float]]:
    """(sampler, seconds, error) per independent configuration, sampling alone, cheapest first."""
    table = run.table("costs")
    rows = table[(table.ensemble == ensemble) & (table.quantity == COST)]
    found = [(str(r.sampler), float(r.value), float(r.error)) for r in rows.itertuples()]
    return sorted((row for row in found if isfinite(row[1])), key=lambda row: row[1])


def _head(run: RunData, gates: Any) -> list[str]:
    passed, lost = int(gates.passed.sum()), int((~gates.available).sum())
    withheld = f", {lost} not available" if lost else ""
    lines = [f"Gates: {passed} of {len(gates)} passed{withheld}."]
    slow = run.theory(run.config.family[0].name).slowest
    samplers = [s for s in run.config.sampler_names if s not in run.config.imported]
    fits = [(name, exponent(run, name, slow, "update")) for name in samplers]
    if any(fit for _, fit in fits):
        extents = ", ".join(map(str, sorted(run.config.fit.L)))
        words = f"Exponent z of tau_int({slow}) per update at L = {extents}"
        lines.append(f"{words}, chi2/dof in brackets:")
        width = _width(samplers)
        lines += _limited([f"  {n:{width}}{fit.words if fit else ABSENT}" for n, fit in fits])
    else:
        why = "no fit, which needs three L" if run.config.fit.L else "no fit, fit.L is empty"
        lines.append(f"Exponent z of tau_int({slow}): {why}.")
    costs, width = [], _width(run.config.ensemble_names)
    size_width = max(4, *(1 + len(e.size) for e in run.config.ensembles))
    for ensemble in run.config.ensembles:
        ranked = cheapest(run, ensemble.name)
        if ranked:
            words = ", then ".join(f"{s} {duration(value)}" for s, value, _ in ranked[:2])
            costs.append(f"  L = {ensemble.size:{size_width}}{ensemble.name:{width}}{words}")
    if costs:
        lines.append("Cheapest sampler, CPU time per independent configuration, sampling alone:")
        lines += _limited(costs)
    return lines


def _width(names: Iterable[str]) -> int:
    """Of a column of names."""
    return 2 + max(8, *map(len, names))


def _limited(lines: list[str]) -> list[str]:
    """The last of many, which are the largest lattices as most runs list them."""
    if len(lines) <= MOST_LINES:
        return lines
    return [f"  ({len(lines) - MOST_LINES + 1} more in summary.md)", *lines[1 - MOST_LINES :]]


def _chains(run: RunData, kind: str, gates: Any) -> Block:
    """A row per ensemble and sampler of one kind of theory, without columns that it has not."""
    ensembles = [e for e in run.config.ensembles if e.kind == kind]
    slow = run.theory(ensembles[0].name).slowest
    names = dict.fromkeys((slow, *SHOWN))
    header = ["ensemble", "L", "sampler", *(TITLES.get(n, n) for n in names)]
    saved = ["saved"] if run.config.imported else []  # the only unit of an imported chain
    header += [f"tau_int({slow}), saved" for _ in saved]
    header += [f"tau_int({slow}), updates", f"tau_int({slow}), us", "acceptance", "gates"]
    header += ["us per independent", "cheapest"]
    rows = []
    for e in ensembles:
        costs = cheapest(run, e.name)
        by_name = {sampler: (value, error) for sampler, value, error in costs}
        for sampler in run.config.samplers_of(e.name):
            row = [e.name, e.size, sampler]
            if not run.reached(e.name, sampler):
                rows.append([*row, "not reached", *[ABSENT] * (len(header) - 4)])
                continue
            row += [_value(run, e.name, sampler, name) for name in names]
            row += [_tau(run, e.name, sampler, slow, unit) for unit in (*saved, "update")]
            row += [_tau(run, e.name, sampler, slow, "second", MICRO)]
            known = sampler not in run.config.imported
            row.append(_acceptance(run, e.name, sampler) if known else ABSENT)
            row.append(_counted(_of(gates, e.name, sampler)))
            cost = by_name.get(sampler)
            row.append(value_error(MICRO * cost[0], MICRO * cost[1]) if cost else ABSENT)
            row.append("yes" if costs and costs[0][0] == sampler else "")
            rows.append(row)
    theories = "; ".join(dict.fromkeys(run.theory(e.name).label() for e in ensembles))
    title = f"{kind}: {theories}" if len(theories) < 80 else kind
    return _without_empty(Block(title, header, rows), range(3, 3 + len(names)))


def _without_empty(block: Block, candidates: range) -> Block:
    """Leave out those of some columns that hold no number in any row."""
    empty = {
        i for i in candidates if all(row[i] in (ABSENT, "n/a", "not reached") for row in block.rows)
    } - {candidates[0]}

    def kept(row: list[str]) -> list[str]:
        return [cell for i, cell in enumerate(row) if i not in empty]

    return Block(block.title, kept(block.header), [kept(row) for row in block.rows])


def _value(run: RunData, ensemble: str, sampler: str, name: str) -> str:
    table = run.table("observables")
    rows = table[(table.ensemble == ensemble) & (table.sampler == sampler)]
    for row in rows[rows.observable == name].itertuples():
        return value_error(row.value, row.error)
    return ABSENT


def _tau(
    run: RunData, ensemble: str, sampler: str, name: str, unit: str, factor: float = 1.0
) -> str:
    """tau_int, or the bound above which it lies."""
    table = run.table("tau_int")
    rows = table[(table.ensemble == ensemble) & (table.sampler == sampler) & (table.unit == unit)]
    rows = rows[rows.observable == name].set_index("estimator")
    if "gamma" in rows.index:
        row = rows.loc["gamma"]
        return value_error(factor * row.tau, factor * row.error)
    return f"> {factor * rows.tau['bound']:.3g}" if "bound" in rows.index else ABSENT


def _acceptance(run: RunData, ensemble: str, sampler: str) -> str:
    table = run.table("acceptance")
    rows = table[(table.ensemble == ensemble) & (table.sampler == sampler)]
    return next((value_error(r.acceptance, r.error) for r in rows.itertuples()), ABSENT)


def _of(gates: Any, ensemble: str, sampler: str) -> Any:
    """The gates that a chain takes part in: its own and those that compare it with others."""
    takes_part = gates.sampler.map(lambda names: sampler in str(names).split("|"))
    return gates[(gates.ensemble == ensemble) & takes_part]


def _counted(gates: Any) -> str:
    return f"{int(gates.passed.sum())}/{len(gates)}"


def _gates(gates: Any) -> Block:
    """Gates by name and side."""
    rows = []
    for (gate, side), group in gates.groupby(["gate", "side"], sort=False):
        lost = int((~group.available).sum())
        share = (group.sigmas / group.limit)[group.available]
        share = {"lower": -share, "upper": share}.get(str(side), share.abs())
        largest = f"{share.max():.2f}" if len(share) else ABSENT
        rows.append([str(gate), str(side), _counted(group), str(lost), largest])
    header = ["gate", "side", "passed", "not available", "largest deviation / limit"]
    return Block("Gates", header, rows)
