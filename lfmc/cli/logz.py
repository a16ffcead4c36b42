"""`lfmc logz`: log Z of every ensemble from the proposals of its flows."""

from pathlib import Path

import click

from lfmc.cli.options import open_run, run_options


@click.command()
@run_options
def logz(config_path: Path, results: Path | None) -> None:
    """log Z with its error, per ensemble and flow: tables/log_Z.csv.

    From the importance weights of all proposals. Where few of them have most of the weight, the
    error is withheld and the column note says why. A flow whose target was not reached has no row.
    """
    import pandas

    from lfmc.analysis.digits import for_people
    from lfmc.analysis.log_z import COLUMNS, log_Z_row
    from lfmc.config import stage_settings
    from lfmc.made_for import require_same
    from lfmc.not_reached import not_reached
    from lfmc.provenance import stamp
    from lfmc.store import open_hdf5
    from lfmc.table_files import write_table
    from lfmc.theories.ensembles import theory_of
    from lfmc.weights import read_log_weights

    run = open_run(config_path, results)
    run.require_flows()
    rows, inputs = [], []
    for ensemble in run.config.ensemble_names:
        theory = theory_of(run.ensemble(ensemble))
        for flow in run.config.flow_names:
            made = run.made("propose", ensemble, flow)
            inputs.append(made)
            if not_reached(made):
                continue
            with open_hdf5(made) as file:
                require_same(made, file, run.config, "propose", ensemble, flow)
            rows.append(log_Z_row(theory, ensemble, flow, read_log_weights(made)))
    table = pandas.DataFrame(rows, columns=list(COLUMNS))
    output = run.results / "tables" / "log_Z.csv"
    mark = stamp(stage_settings(run.config, "logz"), tuple(inputs))
    write_table(output, for_people(table, "log_Z"), mark)
    withheld = int((table.note != "").sum())
    words = f"; {withheld} errors are withheld, see the column note" if withheld else ""
    click.echo(f"logz: {output}, {len(table)} values{words}")
