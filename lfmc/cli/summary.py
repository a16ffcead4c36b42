"""`lfmc summary`: the main numbers of a run in one text."""

from pathlib import Path

import click

from lfmc.cli.options import open_run, run_options


@click.command()
@click.option("--print", "only_print", is_flag=True, help="Print the head of the one there is.")
@run_options
def summary(only_print: bool, config_path: Path, results: Path | None) -> None:
    """Write the main numbers as value(error): summary.md and summary.tex.

    Per ensemble and sampler: observables, autocorrelation times, acceptance, gates and costs, and
    which sampler is the cheapest. Reads tables/*.csv, of `lfmc fit` and `lfmc gates`.
    """
    from lfmc.figures.summary_text import closing

    run = open_run(config_path, results)
    if not only_print:
        from lfmc import store
        from lfmc.config import stage_settings
        from lfmc.figures.rundata import RunData
        from lfmc.figures.summary import summarise
        from lfmc.figures.summary_text import latex, markdown
        from lfmc.provenance import stamp

        data = RunData(run.config, run.results)
        made = summarise(data)
        mark = stamp(stage_settings(run.config, "summary"), tuple(dict.fromkeys(data.inputs)))
        for suffix, text in (("tex", latex), ("md", markdown)):
            store.write_text(run.results / f"summary.{suffix}", text(made, mark))
    for line in closing(run.results):
        click.echo(line)
