"""Seconds of a natural-gradient step and of a decision by the ranks it is launched on.

    mpiexec -n 2 python benchmarks/studies/training_ranks.py CONFIG ENSEMBLE

Wall seconds, which say something on a machine that does nothing else (its load is printed), and CPU
seconds of rank 0, which also solves and judges.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from lfmc.config import read_config
from lfmc.mpi.ranks import ranks
from lfmc.training.train import Trainer

STEPS = 7


def main(path: str, ensemble: str) -> None:
    """Steps from the start of a training and one decision with all samples."""
    config = read_config(path)
    mpi = ranks(None)
    with tempfile.TemporaryDirectory() as work:
        trainer = Trainer(config, config.ensemble(ensemble), Path(work), mpi=mpi)

    def train() -> bool:
        optimiser, samples = trainer.optimiser, config.flow.training.decide_samples
        line("step", [clock(lambda k=k: optimiser.advance(k)) for k in range(STEPS)][1:])
        model = optimiser.model()
        line("decision", [clock(lambda: trainer.team.evaluate(model, samples, 1, 1))])
        return True

    def line(what: str, times: list[tuple[float, float]]) -> None:
        wall, cpu = (median(column) for column in zip(*times, strict=True))
        load = os.getloadavg()[0]
        print(f"{mpi.size} rank(s), {what}: wall {wall:.2f} s, CPU {cpu:.2f} s, load {load:.1f}")

    trainer.team.run(train)
    mpi.all_agree(True)


def clock(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of this process."""
    wall, cpu = perf_counter(), process_time()
    work()
    return perf_counter() - wall, process_time() - cpu


if __name__ == "__main__":
    main(*sys.argv[1:])
