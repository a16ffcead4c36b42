"""`lfmc plot`: the figures."""

from pathlib import Path

import click

from lfmc.cli import completion
from lfmc.cli.options import open_run, run_options
from lfmc.errors import LfmcError, unknown


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completion.figures)
@click.option("--all", "every", is_flag=True, help="Every figure.")
@click.option("--list", "list_names", is_flag=True, help="Print the names and stop.")
@run_options
def plot(
    names: tuple[str, ...], every: bool, list_names: bool, config_path: Path, results: Path | None
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

    from lfmc.figures.drawable import NotDrawable
    from lfmc.figures.output import placeholder
    from lfmc.figures.output import plot as draw_to_files
    from lfmc.figures.rundata import RunData

    for name in figures_of(run.config) if every else names:
        data = RunData(run.config, run.results)
        try:
            paths = draw_to_files(name, data)
        except NotDrawable as error:
            if not every:
                raise
            click.echo(f"warning: {error}", err=True)
            paths = placeholder(name, data, str(error).removeprefix(f"{name}: "))
        for path in paths:
            click.echo(path)
