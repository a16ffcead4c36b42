"""Rates on one core: site updates, site forces, proposals, training steps; and 2 ranks against 1.

python benchmarks/throughput.py --config config.yaml --output results/bench/throughput.csv

Every rate is the median of several repetitions after one that compiles; the load average stands in
each row, since a busy machine makes all of them slower.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import click
import pandas
import torch

from lfmc.action import Phi4, action_of
from lfmc.config import Config, read_config
from lfmc.flows.build import build_flow
from lfmc.proposals import CHUNK
from lfmc.provenance import stamp
from lfmc.samplers.cluster import ClusterParameters, sample_cluster
from lfmc.samplers.hmc import HmcParameters, sample_hmc
from lfmc.samplers.local import LocalParameters, sample_local
from lfmc.samplers.state import cold_start
from lfmc.store import write_table
from lfmc.training.step import gradient_step

CHAINS = 128
REPEATS = 5


def rate(work: Callable[[], object], amount: float) -> float:
    """Median amount of work per second."""
    work()
    seconds = []
    for _ in range(REPEATS):
        began = perf_counter()
        work()
        seconds.append(perf_counter() - began)
    return amount / median(seconds)


def sampler_rates(action: Phi4) -> dict[str, float]:
    """Site updates and site forces per second, scalars and random numbers included."""
    state = cold_start(action.shape, 1, range(CHAINS), "check")
    state, _ = sample_local(state, action, LocalParameters(0.5), 200, 201)
    sites, updates = CHAINS * state.phi.shape[1], 200
    hmc = HmcParameters(1.2, 10)
    return {
        "local site updates": rate(
            lambda: sample_local(state, action, LocalParameters(0.5), updates, updates),
            sites * updates,
        ),
        "hmc site forces": rate(
            lambda: sample_hmc(state, action, hmc, updates, updates),
            sites * updates * hmc.forces_per_update,
        ),
        "cluster updates of one chain": rate(
            lambda: sample_cluster(state, action, ClusterParameters(0.5, 1, 1), updates, updates),
            CHAINS * updates,
        ),
    }


def flow_rates(config: Config, ensemble: str) -> dict[str, float]:
    """Configurations per second of the flow: with log q in float64, and in a training step."""
    torch.set_num_threads(1)
    action = action_of(config.ensemble(ensemble))
    flow = build_flow(action, config.flow.model).requires_grad_(False)
    z = torch.randn(CHUNK, flow.sites, dtype=torch.float64)
    phi = flow(z).phi
    training = build_flow(action, config.flow.model).float()
    adam = torch.optim.Adam(training.parameters(), lr=1e-4)
    random, batch = torch.Generator().manual_seed(1), config.flow.training.batch
    return {
        "proposals with log q, float64": rate(lambda: [flow(z) for _ in range(8)], 8 * CHUNK),
        "log q of given fields, float64": rate(lambda: flow.log_q(phi), CHUNK),
        "training samples, float32": rate(
            lambda: [gradient_step(training, adam, random, batch, 1e-4, 10.0) for _ in range(5)],
            5 * batch,
        ),
    }


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


@click.command()
@click.option("--config", "path", default="config.yaml", show_default=True)
@click.option("--ensemble", default="E5", show_default=True)
@click.option("--model", type=click.Path(path_type=Path), help="Trained flow for the rank ratio.")
@click.option("--output", default="results/bench/throughput.csv", show_default=True)
def main(path: str, ensemble: str, model: Path | None, output: str) -> None:
    """Measure the rates of one ensemble."""
    config = read_config(path)
    found = sampler_rates(action_of(config.ensemble(ensemble))) | flow_rates(config, ensemble)
    rows = [{"quantity": k, "value": v, "unit": "1/s"} for k, v in found.items()]
    if model is not None:
        ratio = rank_ratio(path, ensemble, model)
        rows.append({"quantity": "propose, 1 rank over 2 ranks", "value": ratio, "unit": "ratio"})
    load = os.getloadavg()[0]
    table = pandas.DataFrame([{"ensemble": ensemble, **row, "load": load} for row in rows])
    write_table(output, table, stamp({"ensemble": ensemble}))
    click.echo(table.to_string(index=False))


if __name__ == "__main__":
    main()
