"""`lfmc report`: figures, captions, numbers and tables of a run in one HTML file."""

from pathlib import Path

import click

from lfmc.cli.options import Run, open_run, run_options


@click.command()
@run_options
def report(config_path: Path, results: Path | None) -> None:
    """Write report.html: main numbers and figures first, then all figures and tables.

    One file without a server or a network; a click on a column's header sorts a table. Reads
    tables/*.csv and figures/*.png with their captions.
    """
    click.echo(f"report: {write_report(open_run(config_path, results))}")


def write_report(run: Run) -> Path:
    """Write results/report.html; return its path.

    Raises:
        LfmcError: a table, figure or caption is missing or damaged.
    """
    from lfmc.figures.report import make_report
    from lfmc.figures.rundata import RunData
    from lfmc.store import write_text

    path = run.results / "report.html"
    write_text(path, make_report(RunData(run.config, run.results)))
    return path


def has_figures(run: Run) -> bool:
    """Whether everything is there that the report shows."""
    from lfmc.figures.registry import figures_of

    names = [f"figures/{name}.png" for name in figures_of(run.config)]
    return all((run.results / name).is_file() for name in (*names, "tables/gates.csv"))
