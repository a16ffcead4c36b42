"""Peak memory of a training of the default flow, by lattice and number of layers.

    python -m benchmarks.studies.training_memory --folder DIR [--lattices 8x8x8,6x6x6x6]
        [--layers 4,12] [--steps 2]

Every training has a process of its own. It makes a few steps with their checks and checkpoints and
one fit of the prior, after which the peak does not rise; its target is out of reach. One row per
lattice and number of layers in DIR/training_memory.csv: parameters, peak resident memory, CPU
seconds. One thread.
"""

import os
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"

import click  # noqa: E402

from benchmarks.markdown import table  # noqa: E402
from benchmarks.table import Table  # noqa: E402
from lfmc.config import parse_config  # noqa: E402
from lfmc.training.optimiser import parameter_count  # noqa: E402
from lfmc.training.train import Trainer  # noqa: E402

LAM = {2: 5.113, 3: 14.59, 4: 28.8}  # by d, at m2 = -2 d


def one(shape: tuple[int, ...], layers: int, steps: int) -> tuple[int, float, float]:
    """Parameters, peak resident memory of this process in MB, and CPU seconds."""
    d = len(shape)
    ensemble = {"name": "M", "shape": list(shape), "m2": -2.0 * d, "lam": LAM[d]}
    flow = {"model": {"kind": "heatbath", "layers": layers}, "targets": [0.99]}
    flow["training"] = {"max_steps": steps}
    config = parse_config({"ensembles": [ensemble], "flow": flow})
    with TemporaryDirectory() as folder:
        trainer = Trainer(config, config.ensembles[0], Path(folder))
        trainer.run(lambda state: None, lambda: False)
        if trainer.fit:
            trainer.fit(trainer.optimiser.model())
        found = parameter_count(trainer.team.trained)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return found, int(peak) / 1024, process_time()


@click.command()
@click.option("--folder", required=True, type=click.Path(path_type=Path))
@click.option("--lattices", default="14x14,8x8x8,12x12x12,16x16x16,6x6x6x6,8x8x8x8")
@click.option("--layers", default="4,12", show_default=True, help="With commas.")
@click.option("--steps", default=2, show_default=True)
def main(folder: Path, lattices: str, layers: str, steps: int) -> None:
    """Peak memory by lattice and number of layers."""
    done = Table(folder, "training_memory", ("lattice", "layers"))
    rows = []
    for lattice in lattices.split(","):
        shape = tuple(int(n) for n in lattice.split("x"))
        for depth in layers.split(","):
            with get_context("spawn").Pool(1) as pool:
                parameters, peak, seconds = pool.apply(one, (shape, int(depth), steps))
            row = {"parameters": parameters, "peak_MB": peak, "cpu_seconds": seconds}
            done.add({"lattice": lattice, "layers": int(depth), **row})
            rows.append([lattice, depth, str(parameters), f"{peak:.0f}", f"{seconds:.0f}"])
            click.echo(" ".join(rows[-1]))
    click.echo(table(["lattice", "layers", "parameters", "peak MB", "CPU s"], rows))


if __name__ == "__main__":
    main()
