"""Seconds, steps and samples to every target, over L and seeds; runs that fail are censored rows.

python benchmarks/training.py --config config.yaml --seeds 3 --output results/bench/training.csv
"""

import tempfile
from pathlib import Path

import click
import pandas

from lfmc.config import Config, read_config
from lfmc.errors import LfmcError
from lfmc.provenance import stamp
from lfmc.store import write_table
from lfmc.training.train import Trainer, records


def train_once(config: Config, ensemble: str) -> list[dict]:
    """Rows of one training; a target that was not reached has acceptance 0 and censored True."""
    with tempfile.TemporaryDirectory() as work:
        trainer = Trainer(config, config.ensemble(ensemble), Path(work))
        try:
            trainer.run(lambda state: None, lambda: False)
        except LfmcError as error:
            click.echo(str(error), err=True)
        state = trainer.state
    rows = [{**row, "censored": False} for row in records(config, ensemble, state)]
    rows += [
        {
            "ensemble": ensemble,
            "flow": name,
            "seed": config.seed,
            "target": target,
            "steps": state.step,
            "samples": state.step * config.flow.training.batch,
            "seconds": state.seconds,
            "censored": True,
        }
        for name, target in zip(config.flow_names, config.flow.targets, strict=True)
        if target not in {row["target"] for row in rows}
    ]
    extent = config.ensemble(ensemble).extent
    return [{"L": extent, **row} for row in rows]


@click.command()
@click.option("--config", "path", default="config.yaml", show_default=True)
@click.option("--seeds", default=3, show_default=True, help="Trainings of each ensemble.")
@click.option("--output", default="results/bench/training.csv", show_default=True)
def main(path: str, seeds: int, output: str) -> None:
    """Train every ensemble of a configuration with several seeds."""
    config = read_config(path)
    rows: list[dict] = []
    for ensemble in config.ensemble_names:
        for offset in range(seeds):
            rows += train_once(config.model_copy(update={"seed": config.seed + offset}), ensemble)
            last = rows[-1]
            click.echo(
                f"{ensemble} seed {last['seed']}: {last['flow']} "
                f"{'not reached' if last['censored'] else 'reached'} "
                f"after {last['seconds']:.1f} s, {last['steps']} steps",
                err=True,
            )
            write_table(output, pandas.DataFrame(rows), stamp(config.model_dump(mode="json")))


if __name__ == "__main__":
    main()
