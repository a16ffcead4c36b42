"""Both estimators of Adam's gradient: cost of a step, and acceptance after equal CPU seconds.

    python benchmarks/gradients.py --folder DIR [--seconds 60] [--architecture convolutional ...]

Both train from the same seeds at the rates of benchmarks/plan.py times every --rate. One row a
check in DIR/gradients.csv, whose seconds are those of the steps alone, one thread; a summary on the
terminal.
"""

from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import click
import numpy as np
import pandas
import torch

from benchmarks.plan import TRAINING, configuration
from lfmc.action import action_of
from lfmc.flow_sections import Training
from lfmc.flows.build import build_flow
from lfmc.training.acceptance import acceptance_from_model
from lfmc.training.adam import Adam
from lfmc.training.gradient import ESTIMATORS
from lfmc.training.step import log_weights

CHECKS = 24
SAMPLES = 4096
ARCHITECTURES = ("convolutional", "realnvp-variational", "multiscale")


def train(architecture: str, extent: int, seed: int, gradient: str, factor: float, limit: float):
    """One training; yields a row at every check, evenly spaced in CPU seconds of its steps."""
    rate = TRAINING.get(architecture, {}).get("learning_rate", Training().learning_rate)
    config = configuration(architecture, extent, seed, (0.5,), learning_rate=factor * rate)
    torch.manual_seed(seed)
    flow = build_flow(action_of(config.ensembles[0]), config.flow.model).float()
    judged = build_flow(action_of(config.ensembles[0]), config.flow.model).float()
    method = Adam(flow, config.flow.training, gradient, seed)
    used, step, refused = 0.0, 0, 0
    for check in range(1, CHECKS + 1):
        while used < limit * check / CHECKS:
            began = process_time()
            refused += not method.advance(step).finite
            used, step = used + process_time() - began, step + 1
        judged.load_state_dict(method.model())
        log_w = log_weights(judged, SAMPLES, torch.Generator().manual_seed(seed + step)).numpy()
        good = np.isfinite(log_w).all()
        yield {
            "architecture": architecture,
            "L": extent,
            "gradient": gradient,
            "factor": factor,
            "seed": seed,
            "seconds": used,
            "step": step,
            "refused": refused,
            "acceptance": acceptance_from_model(log_w).value if good else 0.0,
            "variance": float(log_w.var()),
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
                "ms a step": median(1e3 * end["seconds"] / end["step"] for end in ends),
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
                    for gradient in ESTIMATORS:
                        rows += train(architecture, extent, seed, gradient, factor, seconds)
                        pandas.DataFrame(rows).to_csv(path, index=False)
    click.echo(summary(pandas.DataFrame(rows)).to_string(index=False, float_format="{:.3g}".format))


if __name__ == "__main__":
    main()
