"""`lfmc compare` and `lfmc logq`: two runs, and the density of given fields."""

import math
import sys
from collections.abc import Callable
from pathlib import Path

import click

from lfmc.cli.progress import announce_compilation, ended
from lfmc.errors import LfmcError

DIFFERENT = 1  # exit code: a value differs by more than the limit
HEAD = ("ensemble", "sampler", "quantity", "A", "B")


@click.command()
@click.argument("run_a", type=click.Path(path_type=Path))
@click.argument("run_b", type=click.Path(path_type=Path))
@click.option(
    "--limit",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Largest difference of a value, in standard errors of the difference.",
)
def compare(run_a: Path, run_b: Path, limit: float) -> None:
    """Compare two results folders: values, errors, sigmas and costs of all they have in common.

    Sigmas are (B - A) over the quadratic sum of both errors, and so assume independent runs. Exit
    code 1 if a value differs by more than the limit. Costs are printed with the ratio B / A and
    decide nothing, since they depend on the machine.
    """
    from lfmc.exchange.comparison import Pair, compare_runs
    from lfmc.figures.format import value_error

    if not math.isfinite(limit):
        raise LfmcError(f"--limit {limit}: give a finite number of standard errors")
    found = compare_runs(run_a, run_b)

    def sigmas(pair: Pair) -> str:
        return f"{pair.sigmas:+.2f}" if pair.comparable else "-"

    def ratio(pair: Pair) -> str:
        return "-" if math.isnan(pair.ratio) else f"{pair.ratio:.3g}"

    def shown(pairs: list[Pair], text: Callable[[Pair], str]) -> list[tuple[str, ...]]:
        return [
            (
                *pair.key,
                value_error(pair.a, pair.a_error),
                value_error(pair.b, pair.b_error),
                text(pair),
            )
            for pair in pairs
        ]

    click.echo("\n".join(_aligned([(*HEAD, "sigmas"), *shown(found.values, sigmas)])))
    if found.costs:
        click.echo("\nCPU seconds of one core")
        click.echo("\n".join(_aligned([(*HEAD, "B / A"), *shown(found.costs, ratio)])))
    for folder, only in ((run_a, found.only_a), (run_b, found.only_b)):
        if only:
            click.echo(f"\nonly in {folder}: {', '.join(f'{e} {s}' for e, s in only)}")
    beyond = found.beyond(limit)
    compared = [abs(pair.sigmas) for pair in found.values if pair.comparable]
    left = len(found.values) - len(compared)
    withheld = f", {left} without an error" if left else ""
    largest = f"the largest difference is {max(compared):.2f} sigmas" if compared else "no errors"
    click.echo(
        f"\n{len(compared)} values compared{withheld}; {largest}; "
        f"{len(beyond)} above the limit of {limit:g}"
    )
    if beyond:
        sys.exit(DIFFERENT)


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("fields", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write (fields, 2) as .npy instead of printing; OUTPUT.json says where it came from.",
)
def logq(model: Path, fields: Path, output: Path | None) -> None:
    """Print log q and log w = -S - log q of given fields, one field per line.

    MODEL is a .safetensors of lfmc train, FIELDS a .npy of the shape (fields, sites) or
    (fields, *shape) in lattice units.
    """
    if output is not None and output.suffix != ".npy":
        raise LfmcError(f"{output}: an array needs a name that ends in .npy")
    for path in (model, fields):
        if output is not None and output.exists() and path.exists() and output.samefile(path):
            raise LfmcError(f"{output}: is one of the inputs; give another name")
    announce_compilation()
    from lfmc.exchange.density import densities, write_densities

    found = densities(model, fields)
    if output is None:
        click.echo("log_q log_weight")
        click.echo("\n".join(f"{q!r} {w!r}" for q, w in zip(*map(_numbers, found), strict=True)))
        return
    write_densities(found, output, (model, fields))
    ended("logq", output, f"{len(found.log_q)} fields")


def _numbers(values: object) -> list[float]:
    import numpy as np

    return np.asarray(values, dtype=np.float64).tolist()


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Columns two spaces apart, numbers to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if k < 3 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
