"""docs/benchmarks.md from the tables of a run: ratios first, then what they are made of."""

from pathlib import Path
from typing import Any

import pandas

from benchmarks import equal_ess
from benchmarks.cost import cost_section
from benchmarks.markdown import short, table, times, wrapped
from lfmc.figures.format import value_error
from lfmc.store import read_json
from lfmc.table_files import read_table

RUNG = ["ladder", "L", "layers", "samples", "damping"]

HEADER = """# Benchmarks

Written by `make bench` from the tables in `results/bench/`; do not edit. Quote the ratios: absolute
times belong to the machine below and its load. Seconds are CPU seconds of one thread, unless they
say wall; every contestant had passed its correctness gate before its time counted.

`make bench` measures what is missing there: at most twelve hours of one core, if every run meets
its limit. `make bench QUICK=1` takes minutes and leaves this file alone. Less of it:
`make bench BENCH="--parts rates,samplers"`, and the options of `python -m benchmarks --help`.
"""


PICTURE = """![Cost of training](images/benchmarks.png)

*Left: CPU seconds to the target against L, one point per run. Right: variance of log w per site of
the default flow against the samples it was trained on. Dotted: what 70 % needs if log w is
Gaussian, which falls as 1/V.*
"""


def text(folder: Path, picture: bool = False) -> str:
    """The whole document; parts that were not measured are left out."""
    parts = [HEADER, _ratios(folder), _machine(folder), PICTURE if picture else ""]
    parts += [_peers(folder), _samplers(folder), _training(folder), cost_section(folder)]
    parts += [_frontier(folder), _rates(folder), _exactness(folder), _paper(folder)]
    if picture:
        parts.append(Path(__file__).with_name("meaning.md").read_text())
    return wrapped("\n".join(part for part in parts if part))


def read(folder: Path, name: str) -> pandas.DataFrame | None:
    """A table of the run, None if it was not measured."""
    path = folder / f"{name}.csv"
    return read_table(path) if path.exists() else None


def _ratios(folder: Path) -> str:
    lines = ["## Ratios", ""]
    lines += [f"- {line}" for line in equal_ess.headlines(folder)]
    found = read(folder, "samplers")
    if found is not None and "sampler" in found:
        rows = found.dropna(subset=["sampler"]).set_index(["L", "sampler", "code_of"])
        rate = rows.updates_per_second
        for extent, sampler, code in rate.index:
            if code != "lfmc":
                ratio = rate[extent, sampler, "lfmc"] / rate[extent, sampler, code]
                lines.append(f"- {sampler} updates at L = {extent}: {times(ratio)} those of {code}")
    found = read(folder, "ranks")
    if found is not None:
        row = found.iloc[-1]
        lines.append(
            f"- `lfmc propose` on two ranks: {row.one_over_two:.2f} times as fast as on one, whole "
            f"job of {row.proposals} proposals at L = {row.L}, wall time, load {row.load:g}"
        )
    return "\n".join(lines) + "\n" if len(lines) > 2 else ""


def _machine(folder: Path) -> str:
    path = folder / "machine.json"
    if not path.exists():
        return ""
    found = read_json(path)
    versions = ", ".join(f"{k} {v}" for k, v in found["versions"].items())
    codes: set[str] = set()
    loads: list[str] = []
    for csv in sorted(folder.glob("*.csv")):
        rows = read_table(csv)
        codes |= {_short(code) for code in rows.code}
        loads.append(f"{csv.stem} {rows.load.min():g} to {rows.load.max():g}")
    return (
        f"## Machine\n\n{found['cpu']}, {found['cores']} cores, {found['system']}, "
        f"Python {found['python']}; {versions}. Code: {', '.join(sorted(codes))}.\n"
        f"Load average of the whole machine when rows were written: {'; '.join(loads)}.\n"
    )


def _short(code: str) -> str:
    """0.1.0 1a2b3c4d5e, dirty or not."""
    return " ".join(word[:10] for word in code.split())


def _peers(folder: Path) -> str:
    found = read(folder, "peers")
    if found is None:
        return ""
    text = "## Peers: time to equal ESS\n\nSame action, reverse KL, one thread; evaluations of the "
    text += "peers cost them nothing, checks of lfmc count. `-`: not reached within the limit.\n\n"
    text += equal_ess.section(folder)
    for row in found[found.peer != "lfmc"].drop_duplicates("peer").itertuples():
        if isinstance(getattr(row, "setup", None), str):
            text += f"\n- {row.peer} ({row.versions}): {row.setup}"
    text += "\n\n" + table(
        ["peer", "L", "compile (s)", "gate"],
        [
            [r.peer, r.L, short(getattr(r, "compile_seconds", float("nan"))), r.gate]
            for r in found.itertuples()
        ],
    )
    return text + "\n"


def _samplers(folder: Path) -> str:
    found = read(folder, "samplers")
    if found is None:
        return ""
    rows = [
        [r.code_of, r.sampler, r.L, short(r.updates_per_second), short(r.sites_per_second), r.gate]
        if isinstance(getattr(r, "sampler", None), str)
        else [r.code_of, "-", r.L, "-", "-", r.gate]
        for r in found.itertuples()
    ]
    head = ["code", "sampler", "L", "updates per chain /s", "site updates or forces /s", "gate"]
    return (
        "## Samplers\n\n128 chains, float64, one core, random numbers and scalars included. HMC of "
        "ten leapfrog steps counts its forces (11 per trajectory, blackjax 10), the others "
        "sites.\n\n"
        f"{table(head, rows)}\n"
    )


def _training(folder: Path) -> str:
    found = read(folder, "training")
    if found is None:
        return ""
    targets = sorted(set(found.target))
    order = list(dict.fromkeys(found.architecture))
    found = found.assign(place=found.architecture.map(order.index))
    found = found.sort_values(["place", "L"], kind="stable")
    rows: list[list[str]] = []
    for (architecture, extent), group in found.groupby(["architecture", "L"], sort=False):
        cells = [str(architecture), str(extent), str(group.seed.nunique())]
        for target in targets:
            cells.append(_cell(group[group.target == target]))
        rows.append(cells)
    head = ["architecture", "L", "seeds", *(f"{100 * t:.0f} %" for t in targets)]
    return (
        "## Training: seconds, steps and samples to an acceptance\n\nMedian over seeds of CPU "
        "seconds of one thread, checks included; both acceptances (q and p side) pass. A run "
        "that met its time limit is censored: `> 300 s (reached 0.42)`.\n\n"
        f"{table(head, rows)}\n"
    )


def _cell(rows: Any) -> str:
    reached = rows[~rows.censored.astype(bool)]
    if 2 * len(reached) > len(rows):
        some = "" if len(reached) == len(rows) else f" ({len(reached)} of {len(rows)} runs)"
        steps, samples = reached.steps.median(), reached.samples.median()
        return f"{short(reached.seconds.median())} s, {steps:.0f}, {samples:.1e}{some}"
    lost = rows[rows.censored.astype(bool)]
    return f"> {short(lost.seconds.median())} s (reached {lost.best.median():.2f})"


def _frontier(folder: Path) -> str:
    found = read(folder, "frontier")
    if found is None:
        return ""
    rows = [
        [*rung[:-1], f"{rung[-1]:.0e}", row.step, short(row.seconds),
         value_error(row.acceptance_q, row.acceptance_q_error),
         f"{row.ess:.3f}", f"{row.log_weight_variance / row.L**2:.1e}"]
        for rung, checks in found.groupby(RUNG, sort=False)
        for row in checks.iloc[[0, -1]].itertuples()
    ]  # fmt: skip
    head = ["ladder", "L", "layers", "samples per step", "damping", "steps", "s so far",
            "acceptance, q side"]  # fmt: skip
    return (
        "## Ladders of warm starts\n\nThe default flow, each rung from the weights of the one "
        "before (first line: carried over, untrained), one seed. CPU seconds of one thread of all "
        f"steps since the foot of the ladder; checks of {found.checked.max()} samples apart.\n\n"
        f"{table([*head, 'ESS', 'var(log w) / V'], rows)}\n"
    )


def _rates(folder: Path) -> str:
    found = read(folder, "rates")
    if found is None:
        return ""
    wide = found.pivot_table(
        index=["architecture", "L"], columns="quantity", values="per_second", sort=False
    )
    rows = [
        [*index, *(short(v) for v in line)]
        for index, line in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    return (
        "## Configurations per second\n\nOne core; batches of 256, in training of the "
        f"architecture's own.\n\n{table(['architecture', 'L', *wide.columns], rows)}\n"
    )


def _exactness(folder: Path) -> str:
    found = read(folder, "exactness")
    if found is None:
        return ""
    rows = [
        [r.architecture, r.L, f"{r.log_q_error:.1e}", f"{r.inverse_error:.1e}", f"{r.bar:.0e}",
         "yes" if r.log_q_error <= r.bar else "**no**", f"{r.acceptance:.2f}"]
        for r in found.itertuples()
    ]  # fmt: skip
    head = ["architecture", "L", "log q - Jacobian", "inverse", "bar", "met", "acceptance"]
    return (
        "## Exactness\n\nLargest |log q - (log N(z) - log|det dphi/dz|)| over "
        f"{found.samples.max()} samples in float64, by automatic differentiation, after some "
        "training at production settings, of compiled kernels too; and largest difference between "
        f"log q as drawn and as evaluated for the same field.\n\n{table(head, rows)}\n"
    )


def _paper(folder: Path) -> str:
    found = read(folder, "paper")
    if found is None:
        return ""
    row = found.iloc[0]
    took = _cell(found)
    return (
        "## The paper's network\n\nReal NVP of arXiv:1904.12072 on its 6 x 6 ensemble, from the "
        f"preset `realnvp` ({row.model}), to {100 * row.target:.0f} %: {took} (seconds, steps, "
        "samples).\n"
    )
