"""docs/benchmarks.md from the tables of a run: ratios first, then what they are made of."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas

from benchmarks import equal_ess
from benchmarks.cost import cost_section
from benchmarks.markdown import short, table, times, wrapped
from lfmc.figures.format import value_error
from lfmc.store import read_json
from lfmc.table_files import read_table

# Rates of the torch flow that say no more than those of the passes in use.
COVERED = ("forward, float32", "the same with log q, float64")

HEADER = """# Benchmarks

Written by `make bench` from the tables in `results/bench/`; do not edit. Quote the ratios: absolute
times belong to the machine. Seconds are CPU seconds of one thread unless they say wall, of what
passed its correctness gate.

`make bench` measures what is missing there, in at most twelve hours of one core, `make bench
QUICK=1` little of it in minutes, `make bench BENCH="--parts rates,samplers"` parts (options:
`python -m benchmarks --help`).
"""


PICTURE = """![Cost of training](images/benchmarks.png)

*Left: CPU seconds to the target, one point per run. Right: variance of log w per site against the
samples of training. Dotted: what 70 % needs if log w is Gaussian, 0.30/V.*
"""


def text(folder: Path, picture: bool = False) -> str:
    """The whole document; parts that were not measured are left out."""
    parts = [HEADER, _ratios(folder), _machine(folder), PICTURE if picture else ""]
    parts += [_peers(folder), _samplers(folder), _training(folder), cost_section(folder)]
    parts += [_frontier(folder), _rates(folder), _exactness(folder), _paper(folder)]
    return wrapped("\n".join(part for part in parts if part))


def read(folder: Path, name: str) -> pandas.DataFrame | None:
    """A table of the run, None if it was not measured."""
    path = folder / f"{name}.csv"
    return read_table(path) if path.exists() else None


def _ratios(folder: Path) -> str:
    lines = [*equal_ess.headlines(folder), *_sampler_ratios(read(folder, "samplers"))]
    found = read(folder, "ranks")
    if found is not None:
        row = found.iloc[-1]
        lines.append(
            f"`lfmc propose` on two ranks: {row.one_over_two:.2f} times as fast as on one, whole "
            f"job of {row.proposals} proposals at L = {row.L}, wall time, load {row.load:g}"
        )
    return "## Ratios\n\n" + "".join(f"- {line}\n" for line in lines) if lines else ""


def _sampler_ratios(found: pandas.DataFrame | None) -> list[str]:
    """Updates per second of lfmc over those of every other code, a line per sampler and code."""
    if found is None or "sampler" not in found:
        return []
    rows = found.dropna(subset=["sampler"]).set_index(["sampler", "code_of", "L"])
    rate = rows.updates_per_second
    lines: dict[tuple[str, str], list[str]] = {}
    for sampler, code, extent in rate.index:
        if code != "lfmc":
            ratio = times(rate[sampler, "lfmc", extent] / rate[sampler, code, extent])
            lines.setdefault((sampler, code), []).append(f"{ratio} at L = {extent}")
    return [f"{sampler} updates against {code}: {', '.join(at)}" for (sampler, code), at in
            lines.items()]  # fmt: skip


def _machine(folder: Path) -> str:
    path = folder / "machine.json"
    if not path.exists():
        return ""
    found = read_json(path)
    versions = ", ".join(f"{k} {v}" for k, v in found["versions"].items())
    rows = pandas.concat([read_table(csv)[["code", "load"]] for csv in folder.glob("*.csv")])
    commits = {word for code in rows.code for word in re.findall(r"\b[0-9a-f]{9,}", code)}
    return (
        f"## Machine\n\n{found['cpu']}, {found['cores']} cores, {found['system']}, "
        f"Python {found['python']}; {versions}; load {rows.load.min():g} to {rows.load.max():g}. "
        f"Commits: {', '.join(sorted(commit[:9] for commit in commits))}.\n"
    )


def _refused(found: pandas.DataFrame, column: str) -> str:
    """What did not pass its gate, a line each, so that no other number of it is missed."""
    rows = found[found.gate.str.startswith("refused")]
    return "".join(f"\n- {row[column]}, L = {row.L}: {row.gate}" for _, row in rows.iterrows())


def _peers(folder: Path) -> str:
    found = read(folder, "peers")
    if found is None:
        return ""
    text = (
        "## Peers: seconds to equal ESS\n\nSame action, reverse KL; only lfmc's evaluations "
        "count. `-`: not reached within the limit. Of the levels that only lfmc reached, its "
        "highest is shown. Set-ups: docstrings of `benchmarks/peers/`.\n\n"
        + equal_ess.section(folder)
    )
    lines = []
    for name, group in found[found.peer != "lfmc"].groupby("peer", sort=False):
        versions = group.versions.iloc[0] if "versions" in group else "-"
        cells = "; ".join(_peer_cell(row) for row in group.sort_values("L").itertuples())
        lines.append(f"- {name} ({versions}): {cells}\n")
    if lines:
        text += (
            "\nSeconds of compilation and largest difference of log q from the Jacobian, at L = "
            f"{', '.join(map(str, sorted(set(found.L))))}:\n\n{''.join(lines)}"
        )
    return text + _refused(found, "peer")


def _peer_cell(row: Any) -> str:
    error = re.search(r"log q within (\S+)", str(row.gate))
    return f"{short(row.compile_seconds)}, {error[1]}" if error else "refused"


def _samplers(folder: Path) -> str:
    found = read(folder, "samplers")
    if found is None:
        return ""
    extents = sorted(set(found.L))
    rows = []
    measured = found.dropna(subset=["sampler"]) if "sampler" in found else found[:0]
    for key, group in measured.groupby(["sampler", "code_of"], sort=False):
        at = group.set_index("L")
        cells = [
            f"{short(at.updates_per_second[n])}, {short(at.sites_per_second[n])}"
            if n in at.index
            else "-"
            for n in extents
        ]
        rows.append([*key, *cells])
    return (
        "## Samplers\n\nUpdates per chain, and site updates (HMC: forces, 11 per trajectory, "
        "blackjax 10), per second of one core; 128 chains, float64, random numbers and scalars "
        "included. Gates: `<phi^2>`, for HMC also `<exp(-dH)>` = 1.\n\n"
        f"{table(['sampler', 'code', *(f'L = {n}' for n in extents)], rows)}\n"
        f"{_refused(found, 'code_of')}"
    )


def _training(folder: Path) -> str:
    found = read(folder, "training")
    if found is None:
        return ""
    extents = sorted(set(found.L))
    rows = []
    for architecture, group in found.groupby("architecture", sort=False):
        at = dict(list(group.groupby("L")))
        rows.append([architecture, *(_cells(at[n]) if n in at else "-" for n in extents)])
    lost = found[found.censored.astype(bool)].seconds.median()
    head = ["architecture", *(f"L = {n}" for n in extents)]
    percent = [f"{100 * t:.0f} %" for t in sorted(set(found.target))]
    return (
        f"## Training: seconds to {', '.join(percent)} acceptance\n\nMedian over "
        f"{found.seed.nunique()} seeds, checks included; both acceptances (q and p side) pass. In "
        f"brackets what was reached in {short(lost)} s, where a target was not; `*`: not by "
        f"every run.\n\n{table(head, rows)}\n"
    )


def _cells(runs: Any) -> str:
    """Seconds to one target after another; at the first that most runs missed, their best."""
    cells: list[str] = []
    for _, rows in runs.groupby("target"):
        reached, lost = (rows[rows.censored.astype(bool) == missed] for missed in (False, True))
        if 2 * len(reached) <= len(rows):
            return ", ".join([*cells, f"({lost.best.median():.2f})"])
        cells.append(short(reached.seconds.median()) + ("*" if len(lost) else ""))
    return ", ".join(cells)


def _frontier(folder: Path) -> str:
    found = read(folder, "frontier")
    if found is None:
        return ""
    extents = sorted(set(found.L))
    rows = []
    for (name, layers), ladder in found.groupby(["ladder", "layers"], sort=False):
        cells = {n: "; ".join(_rungs(at)) for n, at in ladder.groupby("L")}
        rows.append([f"{name}, {layers}", *(cells.get(n, "-") for n in extents)])
    return (
        "## Ladders of warm starts\n\nThe default flow, each rung from the weights of the one "
        "before (`benchmarks/plan.py`), one seed: acceptance (q side) carried over, trained, ESS; "
        "seconds of all steps so far, without checks.\n\n"
        f"{table(['ladder, layers', *(f'L = {n}' for n in extents)], rows)}\n"
    )


def _rungs(checks: pandas.DataFrame) -> Iterator[str]:
    """What each rung at one L brought; a second one has other samples or damping."""
    for _, rung in checks.groupby(["samples", "damping"], sort=False):
        start, end = rung.iloc[0], rung.iloc[-1]
        yield (
            f"{start.acceptance_q:.3f}, {value_error(end.acceptance_q, end.acceptance_q_error)}, "
            f"{end.ess:.3f}; {short(end.seconds)} s"
        )


def _rates(folder: Path) -> str:
    found = read(folder, "rates")
    if found is None:
        return ""
    extents = ", ".join(map(str, sorted(set(found.L))))
    columns = [name for name in dict.fromkeys(found.quantity) if name not in COVERED]
    rows = [
        [name, *(", ".join(map(short, group[group.quantity == column].sort_values("L").per_second))
                 for column in columns)]
        for name, group in found.groupby("architecture", sort=False)
    ]  # fmt: skip
    return (
        f"## Configurations per second\n\nOne core, L = {extents}; batches of 256, in training of "
        "the architecture's own.\n\n"
        f"{table(['architecture', *columns], rows)}\n"
    )


def _exactness(folder: Path) -> str:
    found = read(folder, "exactness")
    if found is None:
        return ""
    worst = found.groupby("architecture", sort=False)[["log_q_error", "inverse_error"]].max()
    sizes = "; ".join(
        f"{r.Index} {r.log_q_error:.0e}, {r.inverse_error:.0e}" for r in worst.itertuples()
    )
    missed = found[found.log_q_error > found.bar]
    failed = "".join(f"\n- **missed**: {r.architecture}, L = {r.L}" for r in missed.itertuples())
    return (
        "## Exactness\n\nLargest |log q - (log N(z) - log|det dphi/dz|)| by automatic "
        f"differentiation, over {found.samples.max()} samples in float64, after some training; and "
        "largest difference of log q drawn and evaluated; L = "
        f"{', '.join(map(str, sorted(set(found.L))))}: {sizes}.\n{failed}"
    )


def _paper(folder: Path) -> str:
    found = read(folder, "paper")
    if found is None:
        return ""
    row = found.iloc[0]
    spent = "" if row.censored else f", {row.steps} steps, {row.samples:.1e} samples"
    return (
        "## The paper's network\n\nReal NVP of arXiv:1904.12072 on its 6 x 6 ensemble, preset "
        f"`realnvp`, to {100 * row.target:.0f} %: {_cells(found)} s{spent}.\n"
    )
