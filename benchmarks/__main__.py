"""The suite: python -m benchmarks [--plan quick] [--parts rates]; see docs/benchmarks.md."""

import os
from collections.abc import Callable
from pathlib import Path

# Read when torch and numba are imported: every rate is one core's.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"

import click  # noqa: E402

from benchmarks import (  # noqa: E402
    exactness,
    figure,
    frontier,
    paper,
    ranks,
    rates,
    rivals,
    samplers,
    summary,
    training,
)
from benchmarks.machine import load, machine  # noqa: E402
from benchmarks.plan import COUPLINGS, PLANS  # noqa: E402
from lfmc.errors import LfmcError  # noqa: E402
from lfmc.private_folder import trusted_folder  # noqa: E402
from lfmc.store import write_json, write_text  # noqa: E402

PARTS = ("samplers", "exactness", "rates", "ranks", "peers", "training", "paper", "frontier")


@click.command()
@click.option("--plan", "size", default="full", type=click.Choice([*PLANS]), show_default=True)
@click.option("--parts", default=",".join(PARTS), show_default=True)
@click.option("--architectures", help="Some of them only, with commas; default: all.")
@click.option("--extents", help="Some L only, with commas; default: of the plan.")
@click.option("--limit", type=float, help="CPU seconds of one training and of one peer.")
@click.option("--seeds", type=int, help="Trainings of each architecture and L.")
@click.option("--peers", "python", type=click.Path(path_type=Path), help="Python of the peers.")
@click.option(
    "--results", default="results/bench", show_default=True, type=click.Path(path_type=Path)
)
@click.option("--document", type=click.Path(path_type=Path), help="Summary; default: in results.")
def main(
    size: str,
    parts: str,
    architectures: str | None,
    extents: str | None,
    limit: float | None,
    seeds: int | None,
    python: Path | None,
    results: Path,
    document: Path | None,
) -> None:
    """Measure what is not measured yet, then write the summary."""
    if python is not None:
        try:
            trusted_folder(python.parent.parent, "--peers", (os.geteuid(), 0))
        except LfmcError as error:
            raise click.ClickException(str(error)) from None
    plan = PLANS[size]
    if architectures is not None:
        plan = plan._replace(architectures=_some(architectures, plan.architectures))
    if extents is not None:
        sizes = tuple(int(n) for n in _some(extents, tuple(map(str, COUPLINGS))))
        plan = plan._replace(extents=sizes, scaling=sizes, peer_extents=sizes)
        ladders = {k: rungs for k, rungs in plan.frontier.items() if rungs[-1].L in sizes}
        plan = plan._replace(rate_extents=sizes, exact_extents=sizes, frontier=ladders)
    if limit is not None:
        plan = plan._replace(limit=limit, peer_limit=limit)
    if seeds is not None:
        plan = plan._replace(seeds=seeds)
    chosen = _some(parts, PARTS) if parts else ()
    work: dict[str, Callable[[], None]] = {
        "samplers": lambda: samplers.measure(results, plan),
        "exactness": lambda: exactness.measure(results, plan),
        "rates": lambda: rates.measure(results, plan),
        "ranks": lambda: ranks.measure(results, plan),
        "peers": lambda: rivals.measure(results, plan, size, python),
        "training": lambda: training.measure(results, plan),
        "paper": lambda: paper.measure(results, plan),
        "frontier": lambda: frontier.measure(results, plan),
    }
    for name in chosen:
        click.echo(f"== {name} (load average {load()})")
        work[name]()
        write_json(results / "machine.json", machine())
    target = document or results / "summary.md"
    picture = figure.write(results, target.parent / "images" / "benchmarks.png")
    write_text(target, summary.text(results, picture))
    click.echo(f"summary: {target}")


def _some(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Names between commas, each of them known."""
    names = tuple(text.split(","))
    for name in names:
        if name not in known:
            raise click.BadParameter(f"there is no {name!r}; there are {', '.join(known)}")
    return names


if __name__ == "__main__":
    main()
