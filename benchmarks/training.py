"""Seconds, steps and samples to every acceptance: each architecture, L and seed; censored runs too.

Seconds are CPU seconds of the one thread that trains, checks and decisions included.
"""

import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple

import click
import numpy as np

from benchmarks.plan import DEFAULT, Plan, configuration
from benchmarks.table import Table
from lfmc.config import Config
from lfmc.errors import LfmcError
from lfmc.training.records import records
from lfmc.training.train import Trainer

HISTORY = ("step", "samples", "ess", "acceptance_q", "log_weight_variance", "loss")


class Run(NamedTuple):
    """One training.

    Attributes:
        targets, checks: rows, one per target and one per check.
        weights: of the last target passed, or of the last check if none was.
        samples_per_second: drawn for steps, over all CPU seconds of it.
    """

    targets: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    weights: dict[str, Any]
    samples_per_second: float


def train_once(config: Config, limit: float) -> Run:
    """Train the configuration's one ensemble until its targets or `limit` CPU seconds.

    A target that was not reached has a row with `censored` true, the seconds used and the best
    acceptance seen.
    """
    ensemble = config.ensembles[0]
    with tempfile.TemporaryDirectory() as work:
        trainer = Trainer(config, ensemble, Path(work))
        state = trainer.state
        began, began_wall = process_time(), perf_counter()
        clock = [(0, 0.0)]

        def stop() -> bool:  # called before every step: the clock of this suite
            used = process_time() - began
            clock.append((state.step, used))
            return used > limit

        try:
            trainer.run(lambda state: None, stop)
        except LfmcError as error:
            click.echo(f"{ensemble.name}: {error}", err=True)
        whole = {"cpu": process_time() - began, "wall": perf_counter() - began_wall}
    steps, seconds = np.array(clock).T

    def at(step: float) -> float:
        return float(np.interp(step, steps, seconds))

    common = {"L": ensemble.extent, "seed": config.seed}
    checks = [
        {**common, "seconds": at(row["step"]), **{k: row[k] for k in HISTORY if k in row}}
        for row in state.history
    ]
    best = max((row["acceptance_q"] for row in checks), default=0.0)
    rows = []
    for row in records(config, ensemble.name, state):
        if not row["reached"]:
            continue
        wanted = {k: v for k, v in row.items() if k not in ("ensemble", "flow", "reached", "limit")}
        rows.append({**wanted, **common, "seconds": at(row["steps"]), "censored": False})
    for target in config.flow.targets[len(rows) :]:
        samples = checks[-1]["samples"] if checks else 0
        used = {"steps": state.step, "samples": samples, "seconds": whole["cpu"]}
        rows.append({**common, "target": target, **used, "censored": True})
    share = whole["cpu"] / max(whole["wall"], 1e-9)
    samples = getattr(state, "samples", state.step * config.flow.training.batch)
    return Run(
        [{**row, "best": best, "cpu_share": share} for row in rows],
        checks,
        state.passed[-1]["weights"] if state.passed else state.before,
        samples / whole["cpu"],
    )


def measure(folder: Path, plan: Plan) -> None:
    """training.csv, one row per target, and checks.csv, one row per check."""
    table = Table(folder, "training", ("architecture", "L", "seed"))
    history = Table(folder, "checks", ("architecture", "L", "seed"))
    for architecture in plan.architectures:
        extents = set(plan.extents) | (set(plan.scaling) if architecture == DEFAULT else set())
        for extent in sorted(extents):
            for seed in range(1904, 1904 + plan.seeds):
                if table.has(architecture, extent, seed):
                    continue
                config = configuration(architecture, extent, seed, plan.targets)
                run = train_once(config, plan.limit)
                mark = {"architecture": architecture}
                history.add(*({**mark, **row} for row in run.checks))
                table.add(*({**mark, **row} for row in run.targets))
                click.echo(f"{architecture} L={extent} seed {seed}: {_line(run.targets)}")


def _line(rows: list[dict[str, Any]]) -> str:
    return ", ".join(
        f"{100 * row['target']:.0f} %: {'> ' if row['censored'] else ''}{row['seconds']:.1f} s"
        + (f" (reached {row['best']:.2f})" if row["censored"] else "")
        for row in rows
    )
