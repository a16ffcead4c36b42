"""The paper's real NVP on its smallest ensemble, from the preset `realnvp`, to 50 % acceptance."""

from importlib.resources import files
from pathlib import Path

import click

from benchmarks.plan import Plan
from benchmarks.table import Table
from benchmarks.training import train_once
from lfmc.config import read_config

TARGET = 0.5


def measure(folder: Path, plan: Plan) -> None:
    """paper.csv, one row per target; nothing if the plan gives it no time."""
    table = Table(folder, "paper", ("L",))
    if not plan.paper_limit or table.has(6):
        return
    config = read_config(str(files("lfmc").joinpath("data/presets/realnvp.yaml")))
    flow = config.flow.model_copy(update={"targets": (TARGET,)})
    run = train_once(config.model_copy(update={"flow": flow}), plan.paper_limit)
    history = Table(folder, "paper-checks", ("L", "seed"))
    history.add(*run.checks)
    table.add(*({**row, "model": config.flow.model.model_dump_json()} for row in run.targets))
    click.echo(f"paper's real NVP at L = 6: {run.targets[0]['seconds']:.0f} s")
