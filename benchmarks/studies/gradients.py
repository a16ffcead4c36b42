"""Both estimators of Adam's gradient: cost of a step, and acceptance after equal CPU seconds.

    python -m benchmarks.studies.gradients --folder DIR [--seconds 60] [--architecture NAME ...]

Both train from the same seeds at the rates of benchmarks/plan.py times every --rate. One row a
check in DIR/gradients.csv, whose seconds are those of the steps alone, one thread; a summary on the
terminal.
"""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, NamedTuple, Self

import click
import numpy as np
import pandas
import torch

from benchmarks.plan import TRAINING, configuration
from lfmc.config.training_sections import Training as Settings
from lfmc.flows.build import build_flow
from lfmc.theories.ensembles import theory_of
from lfmc.training.acceptance import acceptance_from_model
from lfmc.training.adam import Adam
from lfmc.training.gradient import ESTIMATORS
from lfmc.training.step import model_log_weight

CHECKS = 20
SAMPLES = 4096
ARCHITECTURES = ("convolutional", "realnvp-variational", "multiscale")


class Training(NamedTuple):
    """A running training: its optimiser, CPU seconds of its steps, and numbers of steps."""

    optimiser: Adam
    seconds: float = 0.0
    step: int = 0
    refused: int = 0

    def stepped(self) -> Self:
        began = process_time()
        finite = self.optimiser.advance(self.step).finite
        used = self.seconds + process_time() - began
        return self._replace(seconds=used, step=self.step + 1, refused=self.refused + (not finite))


def train(
    architecture: str, extent: int, seed: int, factor: float, limit: float
) -> Iterator[dict[str, Any]]:
    """Train by both estimators in turns, so that both meet the same load; rows of their checks.

    The one that has used less goes on: at any time they have used equal CPU seconds.
    """
    standard = Settings().learning_rate
    rate = factor * TRAINING.get(architecture, {}).get("learning_rate", standard)
    config = configuration(architecture, extent, seed, (0.5,), learning_rate=rate)
    action, model = theory_of(config.ensembles[0]), config.flow.model
    evaluated = build_flow(action, model).float()
    running = {}
    for name in ESTIMATORS:
        torch.manual_seed(seed)
        flow = build_flow(action, model).float()
        running[name] = Training(Adam(flow, config.flow.training, name, seed))
    common = {"architecture": architecture, "L": extent, "factor": factor, "seed": seed}
    for check in range(1, CHECKS + 1):
        while True:
            least = min(running, key=lambda name: running[name].seconds)
            if running[least].seconds >= limit * check / CHECKS:
                break
            running[least] = running[least].stepped()
        for name, now in running.items():
            evaluated.load_state_dict(now.optimiser.model())
            random = torch.Generator().manual_seed(seed)
            log_weight = model_log_weight(evaluated, SAMPLES, random).numpy()
            good = np.isfinite(log_weight).all()
            yield common | {
                "gradient": name,
                "seconds": now.seconds,
                "step": now.step,
                "refused": now.refused,
                "acceptance": acceptance_from_model(log_weight).value if good else 0.0,
                "variance": float(log_weight.var()),
            }


def half(rows: pandas.DataFrame) -> float:
    """Seconds at which the acceptance passes 50 %, between checks; inf if it does not."""
    seconds, acceptance = rows["seconds"].to_numpy(), rows["acceptance"].to_numpy()
    after = np.flatnonzero(acceptance >= 0.5)
    if len(after) == 0:
        return float("inf")
    last = after[0]
    before = (0.0, 0.0) if last == 0 else (seconds[last - 1], acceptance[last - 1])
    share = (0.5 - before[1]) / (acceptance[last] - before[1])
    return float(before[0] + share * (seconds[last] - before[0]))


def summary(table: pandas.DataFrame) -> pandas.DataFrame:
    """Medians over seeds."""
    found: list[dict[str, Any]] = []
    keys = ["architecture", "L", "factor", "gradient"]
    for key, group in table.groupby(keys, sort=False):
        runs = [run for _, run in group.groupby("seed")]
        ends = [run.iloc[-1] for run in runs]
        found.append(
            dict(zip(keys, key, strict=True))
            | {
                "seeds": len(runs),
                "ms per step": median(1e3 * end["seconds"] / end["step"] for end in ends),
                "acceptance": median(end["acceptance"] for end in ends),
                "Var(log w)": median(end["variance"] for end in ends),
                "s to 50 %": median(half(run) for run in runs),
                "refused": sum(end["refused"] for end in ends),
            }
        )
    return pandas.DataFrame(found)


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--seconds", default=60.0, show_default=True, help="CPU seconds of each training.")
@click.option("--architecture", "architectures", multiple=True, default=ARCHITECTURES)
@click.option("--extent", "extents", multiple=True, type=int, default=(6, 8), show_default=True)
@click.option("--seed", "seeds", multiple=True, type=int, default=(1904, 1905), show_default=True)
@click.option("--rate", "rates", multiple=True, type=float, default=(1.0,), show_default=True)
def main(folder, seconds, architectures, extents, seeds, rates) -> None:
    torch.set_num_threads(1)
    path = folder / "gradients.csv"
    folder.mkdir(parents=True, exist_ok=True)
    rows = pandas.read_csv(path).to_dict("records") if path.exists() else []
    for seed in seeds:
        for extent in extents:
            for architecture in architectures:
                for factor in rates:
                    for row in train(architecture, extent, seed, factor, seconds):
                        rows.append(row)
                        pandas.DataFrame(rows).to_csv(path, index=False)
    click.echo(summary(pandas.DataFrame(rows)).to_string(index=False, float_format="{:.3g}".format))


if __name__ == "__main__":
    main()
