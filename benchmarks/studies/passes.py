"""Compiled passes of the default flow by lattice size: CPU nanoseconds per site of one pass.

    python -m benchmarks.studies.passes --folder DIR [--extents 14,32,64] [--repeats 9]

All lattices take turns in one process, so that they meet the same load, and the fastest of the
repeats counts. One row per pass and L in DIR/passes.csv, with the ratio to the smallest L; a table
on the terminal. One thread.
"""

import os
from collections.abc import Callable
from pathlib import Path
from time import process_time

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"

import click  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from benchmarks.markdown import table  # noqa: E402
from benchmarks.plan import COUPLINGS  # noqa: E402
from benchmarks.table import Table  # noqa: E402
from lfmc.config.flow_sections import HeatbathSettings  # noqa: E402
from lfmc.flows.build import build_flow  # noqa: E402
from lfmc.flows.heatbath.adjoint import scoring  # noqa: E402
from lfmc.flows.heatbath.draw import draw, field_log_weight, model_log_weight  # noqa: E402
from lfmc.flows.heatbath.draw_scores import scored  # noqa: E402
from lfmc.kernels.lanes import LANES  # noqa: E402
from lfmc.theories.phi4 import Phi4  # noqa: E402

SITES = 400_000  # of all fields of one timed call, at least one group of LANES fields
DISTURBANCE = 0.02  # of the parameters of the untrained flow


def passes(extent: int) -> tuple[int, dict[str, Callable[[], object]]]:
    """Sites of all fields together, and the passes, of the default flow at this L."""
    action = Phi4((extent, extent), -4.0, COUPLINGS[extent])
    flow = build_flow(action, HeatbathSettings()).requires_grad_(False)
    generator = torch.Generator().manual_seed(1904)
    for parameter in flow.parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
        parameter.add_(DISTURBANCE * noise)
    arrays = scoring(flow)
    fields = LANES * max(1, SITES // (LANES * flow.sites))
    z = np.random.default_rng(1904).normal(size=(fields, flow.sites))
    kept = np.ascontiguousarray(z[:, : flow.reduced_sites])
    phi = draw(arrays.arrays, z).phi
    return z.size, {
        "proposal with log q": lambda: draw(arrays.arrays, z),
        "log weight of a sample of the model": lambda: model_log_weight(arrays.arrays, kept),
        "log weight of a field of p": lambda: field_log_weight(arrays.arrays, phi),
        "scores of a sample": lambda: scored(arrays, kept),
    }


@click.command()
@click.option("--folder", required=True, type=click.Path(path_type=Path))
@click.option("--extents", default="14,20,32,44,64", show_default=True, help="L, with commas.")
@click.option("--repeats", default=9, show_default=True)
def main(folder: Path, extents: str, repeats: int) -> None:
    """Nanoseconds per site and pass by L."""
    torch.set_num_threads(1)
    sizes = [int(n) for n in extents.split(",")]
    if unknown := [n for n in sizes if n not in COUPLINGS]:
        raise click.BadParameter(f"no L = {unknown[0]}; there are {', '.join(map(str, COUPLINGS))}")
    work = {n: passes(n) for n in sizes}
    best: dict[tuple[str, int], float] = {}
    for _ in range(repeats + 1):  # the first one compiles, and is never the fastest
        for n, (sites, found) in work.items():
            for name, run in found.items():
                began = process_time()
                run()
                used = 1e9 * (process_time() - began) / sites
                best[name, n] = min(used, best.get((name, n), used))
    done = Table(folder, "passes", ("pass", "L"))
    for (name, n), value in best.items():
        ratio = value / best[name, sizes[0]]
        done.add({"pass": name, "L": n, "ns_per_site": value, "ratio": ratio})
    head = ["pass", *(f"L = {n}" for n in sizes), f"{sizes[-1]} over {sizes[0]}"]
    rows = [
        [
            name,
            *(f"{best[name, n]:.0f}" for n in sizes),
            f"{best[name, sizes[-1]] / best[name, sizes[0]]:.2f}",
        ]
        for name in work[sizes[0]][1]
    ]
    click.echo(table(head, rows))


if __name__ == "__main__":
    main()
