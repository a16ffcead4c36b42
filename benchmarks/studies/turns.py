"""Costs of a run's samplers with times that are measured in turns, so that load falls out.

    python -m benchmarks.studies.turns --folder DIR [--config FILE] [--against hmc-tuned]

Proposals of the flow, updates of the classical samplers and again proposals take turns in one
process, in pieces of some tenths of a second: what else the machine does slows all of them alike,
and every round gives ratios of its own. tau_int and the proposals of an independent value are those
of the run (tables/cheapest.csv), which must be finished. One row per ensemble, observable and line
of `cheapest` in DIR/turns.csv: CPU microseconds of an update and of an independent value with the
set-up shared by 10^6, and the cost over that of tuned HMC (or `--against`). One thread.
"""

import os
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"

import click  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks.markdown import table  # noqa: E402
from benchmarks.table import Table  # noqa: E402
from lfmc.analysis.cheapest import WEIGHTED  # noqa: E402
from lfmc.config import Config, read_config  # noqa: E402
from lfmc.figures.format import value_error  # noqa: E402
from lfmc.proposals.generate import proposal_task, timed_block  # noqa: E402
from lfmc.samplers.state import cold_start  # noqa: E402
from lfmc.samplers.task import chain_task  # noqa: E402
from lfmc.samplers.thermalise import thermalise  # noqa: E402
from lfmc.table_files import read_table  # noqa: E402

PIECE = 0.3  # seconds of one turn, about
CHAINS = 64
SHARED_BY = 1_000_000

Timed = Callable[[], float]  # runs a piece and returns CPU seconds per update


def of_flow(config: Config, results: Path, ensemble: str, flow: str) -> Timed:
    """Proposals, as the stage makes them, without correlators."""
    model = results / "train" / ensemble / f"{flow}.safetensors"
    task = proposal_task(config, ensemble, flow, model)

    def run() -> float:
        return timed_block(task, 0)[1].sampling / min(task.size, config.proposals)

    return run


def of_sampler(config: Config, results: Path, ensemble: str, sampler: str) -> Timed:
    """Updates of 64 chains in equilibrium."""
    task = chain_task(config, sampler, ensemble, results / "tune" / f"{ensemble}.json")
    method, theory = task.method, task.theory
    state = cold_start(theory, config.seed, range(CHAINS), "check", ensemble, sampler)
    state = thermalise(state, theory, method)
    updates, spent = 1, 0.0
    while spent < PIECE:
        began = process_time()
        state, _ = method.advance(state, theory, updates, updates)
        spent = process_time() - began
        updates = updates if spent >= PIECE else 2 * updates
    kept = [state]

    def run() -> float:
        began = process_time()
        kept[0], _ = method.advance(kept[0], theory, updates, updates)
        return (process_time() - began) / (updates * CHAINS)

    return run


def in_turns(work: dict[str, Timed], rounds: int) -> dict[str, np.ndarray]:
    """Seconds per update of each, (rounds,)."""
    seen: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds + 1):  # the first one warms up
        for name, run in work.items():
            seen[name].append(run())
    return {name: np.array(values[1:]) for name, values in seen.items()}


def rows_of(costs: Any, seconds: dict[str, np.ndarray], against: str) -> list[dict[str, Any]]:
    """Rows of one ensemble and observable: lines of `cheapest` with times of the turns."""
    found: list[dict[str, Any]] = []
    first: dict[str, Any] = {}
    for row in sorted(costs.itertuples(), key=lambda r: r.sampler != against):
        name = row.sampler.removesuffix(WEIGHTED)
        if name not in seconds:
            continue
        each = 2 * row.tau * seconds[name] + row.setup / SHARED_BY
        relative = row.tau_error / row.tau
        first = first or {"each": each, "relative": relative}
        ratio = each / first["each"]
        spread = ratio.std(ddof=1) / len(ratio) ** 0.5 if len(ratio) > 1 else 0.0
        mean = float(np.median(ratio))
        own = 0.0 if each is first["each"] else mean * np.hypot(relative, first["relative"])
        found.append(
            {
                "ensemble": row.ensemble,
                "observable": row.observable,
                "sampler": row.sampler,
                "tau": row.tau,
                "tau_error": row.tau_error,
                "us_per_update": 1e6 * float(np.median(seconds[name])),
                "us_per_independent": 1e6 * float(np.median(each)),
                "ratio": mean,
                "ratio_error": float(np.hypot(own, spread)),
            }
        )
    return found


@click.command()
@click.option("--folder", required=True, type=click.Path(path_type=Path))
@click.option("--config", "path", default="config/volumes.yaml", type=click.Path(path_type=Path))
@click.option("--results", type=click.Path(path_type=Path), help="In place of the file's.")
@click.option("--against", default="hmc-tuned", show_default=True, help="Sampler of ratio 1.")
@click.option("--rounds", default=9, show_default=True)
def main(folder: Path, path: Path, results: Path | None, against: str, rounds: int) -> None:
    """Costs with times measured in turns."""
    config = read_config(path)
    results = results or Path(config.results)
    costs = read_table(results / "tables" / "cheapest.csv")
    done = Table(folder, "turns", ("ensemble", "observable", "sampler"))
    lines = []
    for ensemble in config.ensemble_names:
        here = costs[costs.ensemble == ensemble]
        work: dict[str, Timed] = {}
        for sampler in config.classical(ensemble):
            if sampler != "hybrid" and sampler in set(here.sampler):
                work[sampler] = of_sampler(config, results, ensemble, sampler)
        for flow in config.flow_names:
            work[flow] = of_flow(config, results, ensemble, flow)
        seconds = in_turns(work, rounds)
        for _, rows in here.groupby("observable", sort=False):
            for row in rows_of(rows, seconds, against):
                done.add(row)
                lines.append(
                    [
                        *(row["ensemble"], row["observable"], row["sampler"]),
                        value_error(row["tau"], row["tau_error"]),
                        *(f"{row[key]:.4g}" for key in ("us_per_update", "us_per_independent")),
                        value_error(row["ratio"], row["ratio_error"]),
                    ]
                )
    head = ["ensemble", "of", "sampler", "tau", "us per update", "us per independent", "ratio"]
    click.echo(table(head, lines))


if __name__ == "__main__":
    main()
