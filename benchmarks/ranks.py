"""`lfmc propose` at one rank and at two: the whole job, start-up and merge included."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import click

from benchmarks.plan import DEFAULT, Plan, configuration
from benchmarks.table import Table
from benchmarks.training import train_once
from lfmc.config import Config
from lfmc.flows.build import save_flow

EXTENT = 14
TARGET = 0.7


def rank_ratio(path: str, ensemble: str, model: Path) -> float:
    """Wall time of `lfmc propose` at one rank over that at two, start-up included."""
    with tempfile.TemporaryDirectory() as folder:
        sampler = model.stem
        seconds = {1: [], 2: []}
        for repeat in range(3):
            for ranks in (1, 2) if repeat % 2 == 0 else (2, 1):
                results = Path(folder) / f"{repeat}-{ranks}"
                target = results / "train" / ensemble / model.name
                target.parent.mkdir(parents=True)
                shutil.copy(model, target)
                command = [sys.executable, "-m", "lfmc.cli.main", "propose", "--config", path]
                command += ["--ensemble", ensemble, "--sampler", sampler, "--results", results]
                began = perf_counter()
                subprocess.run(
                    ["mpiexec", "-n", str(ranks), *map(str, command), "--expect-ranks", str(ranks)],
                    check=True,
                    env={**os.environ, "OMP_NUM_THREADS": "1"},
                )
                seconds[ranks].append(perf_counter() - began)
                shutil.rmtree(results)
        return median(a / b for a, b in zip(seconds[1], seconds[2], strict=True))


def trained_model(folder: Path, plan: Plan) -> tuple[Config, Path]:
    """The default flow at L = 14, trained to TARGET, and a configuration of that many proposals."""
    config = configuration(DEFAULT, EXTENT, 1904, (TARGET,))
    statistics = config.statistics.model_copy(update={"configurations": plan.proposals})
    config = config.model_copy(update={"statistics": statistics})
    path = folder / f"{config.flow_names[0]}.safetensors"
    run = train_once(config, plan.limit)
    save_flow(path, run.weights, config.flow, config.ensembles[0])
    return config, path


def measure(folder: Path, plan: Plan) -> None:
    """ranks.csv, one row; nothing where there is no mpiexec or the plan asks for no proposals."""
    table = Table(folder, "ranks", ("L",))
    if not plan.proposals or table.has(EXTENT):
        return
    if shutil.which("mpiexec") is None:
        click.echo("no mpiexec: two ranks are left out", err=True)
        return
    with tempfile.TemporaryDirectory() as work:
        config, model = trained_model(Path(work), plan)
        path = Path(work) / "config.yaml"
        # Without the defaults, which a file would ask for by name.
        path.write_text(config.model_dump_json(exclude_defaults=True))
        ratio = rank_ratio(str(path), config.ensembles[0].name, model)
    table.add({"L": EXTENT, "proposals": plan.proposals, "one_over_two": ratio})
    click.echo(f"1 rank over 2 ranks: {ratio:.2f}")
