"""Seconds and samples to 50, 70 and 90 % acceptance, each kind of flow at several L, N seeds.

python benchmarks/architectures.py --extents 6,8,14 --seeds 3 --limit 600

Every kind runs with its default settings of the model; `--batch` and `--rate` are for all of them.
A training that meets its time limit leaves censored rows: it needed more than what they show.
"""

import time
from pathlib import Path

import click
import pandas
from training import train_once

from lfmc.config import Config, parse_config
from lfmc.flows.build import KINDS
from lfmc.provenance import stamp
from lfmc.sections import Ensemble
from lfmc.store import write_table

# lam on the paper's line of constant physics (and L = 4 beside it, for trials), m2 = -4.
COUPLINGS = {4: 9.0, 6: 6.975, 8: 6.008, 10: 5.550, 12: 5.276, 14: 5.113, 20: 4.807, 32: 4.572}


def configuration(
    kind: str, extents: list[int], seed: int, limit: float, batch: int, rate: float | None
) -> Config:
    """All ensembles, one kind of flow with its default settings."""
    ensembles = [
        Ensemble(name=f"L{n}", L=n, m2=-4.0, lam=COUPLINGS[n]).model_dump(mode="json")
        for n in extents
    ]
    # Deciding samples of the default would take longer than the training of a slow flow.
    training = {"batch": batch, "max_seconds": limit, "max_steps": 10**9, "decide_samples": 8192}
    if rate is not None:
        training["learning_rate"] = rate
    flow = {"model": {"kind": kind}, "targets": [0.5, 0.7, 0.9], "training": training}
    return parse_config({"seed": seed, "ensembles": ensembles, "flow": flow})


@click.command()
@click.option("--kinds", default=",".join(KINDS), show_default=True)
@click.option("--extents", default="6,8", show_default=True)
@click.option("--seeds", default=3, show_default=True, help="Trainings of each.")
@click.option("--limit", default=300.0, show_default=True, help="Seconds of one training.")
@click.option("--batch", default=512, show_default=True)
@click.option("--rate", type=float, help="Learning rate; default: that of the configuration.")
@click.option("--output", default="results/bench/architectures.csv", show_default=True)
def main(
    kinds: str,
    extents: str,
    seeds: int,
    limit: float,
    batch: int,
    rate: float | None,
    output: str,
) -> None:
    """Train each kind of flow at each L and write one row a target."""
    sizes = [int(n) for n in extents.split(",")]
    unknown = [n for n in sizes if n not in COUPLINGS]
    if unknown:
        raise click.BadParameter(f"no coupling known for L = {unknown[0]}; L is of {[*COUPLINGS]}")
    rows: list[dict] = []
    for n in sizes:
        for kind in kinds.split(","):
            for seed in range(1904, 1904 + seeds):
                config = configuration(kind, sizes, seed, limit, batch, rate)
                began = time.perf_counter()
                found = train_once(config, f"L{n}")
                rows += [{"kind": kind, **row} for row in found]
                marks = ", ".join(
                    f"{row['flow']} {'>' if row['censored'] else ''}{row['seconds']:.1f} s "
                    f"({row['samples']:.2g} samples)"
                    for row in found
                )
                whole = time.perf_counter() - began
                click.echo(f"L={n} {kind} seed {seed}: {marks}; whole {whole:.0f} s", err=True)
                settings = config.model_dump(mode="json")
                write_table(Path(output), pandas.DataFrame(rows), stamp(settings))


if __name__ == "__main__":
    main()
