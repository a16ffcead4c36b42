"""`lfmc plot`: the figures."""

from functools import partial
from pathlib import Path

import click

from lfmc.cli import completion
from lfmc.cli.options import open_run, run_options
from lfmc.errors import LfmcError, unknown


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completion.figures)
@click.option("--all", "every", is_flag=True, help="Every figure.")
@click.option("--list", "list_names", is_flag=True, help="Print the names and stop.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many figures are drawn at a time, each by a process of its own.",
)
@run_options
def plot(
    names: tuple[str, ...],
    every: bool,
    list_names: bool,
    jobs: int,
    config_path: Path,
    results: Path | None,
) -> None:
    """Draw figures into results/figures: NAME.pdf, NAME.png and NAME.txt, its caption.

    \b
    lfmc plot tau_int            one figure
    lfmc plot greens fields      several
    lfmc plot --all              every figure; one that cannot be drawn says why in its place
    """
    from lfmc.figures.registry import FIGURES, figures_of

    if list_names:
        for name, entry in FIGURES.items():
            click.echo(f"{name:18}{entry.title}")
        return
    if not names and not every:
        raise LfmcError(f"name a figure or give --all; there are {', '.join(FIGURES)}")
    for name in names:
        if name not in FIGURES:
            raise unknown("figure", name, FIGURES)
    run = open_run(config_path, results)

    from lfmc.figures.side_by_side import drawn, in_processes

    wanted = list(figures_of(run.config)) if every else list(names)
    draw = partial(drawn, config_path, run.results, every)
    for paths, warning in in_processes(draw, wanted, jobs):
        if warning:
            click.echo(f"warning: {warning}", err=True)
        for path in paths:
            click.echo(path)
