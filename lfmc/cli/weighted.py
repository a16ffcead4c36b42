"""`lfmc weighted`: observables of every ensemble from the weights of its flows, without a chain."""

from pathlib import Path
from typing import Any

import click

from lfmc.cli.options import Run, open_run, run_options


@click.command()
@run_options
def weighted(config_path: Path, results: Path | None) -> None:
    """Observables with errors from importance weights, per ensemble and flow: tables/weighted.csv.

    Also the proposals that an independent value takes, and the difference to the chain of the same
    proposals, which `lfmc gates` checks. Below an ESS of 0.05 there is no value; where few
    proposals have most of the weight, errors are withheld and the column note says why. A flow
    whose target was not reached has no rows.
    """
    import pandas

    from lfmc.analysis.digits import for_people
    from lfmc.analysis.weighted_table import COLUMNS
    from lfmc.config import stage_settings
    from lfmc.not_reached import not_reached
    from lfmc.provenance import stamp
    from lfmc.table_files import write_table

    run = open_run(config_path, results)
    run.require_flows()
    rows: list[dict[str, Any]] = []
    inputs: list[Path] = []
    for ensemble in run.config.ensemble_names:
        for flow in run.config.flow_names:
            files = tuple(run.made(stage, ensemble, flow) for stage in ("propose", "accept"))
            inputs += files
            if not any(map(not_reached, files)):
                rows += _rows(run, ensemble, flow, *files)
    table = pandas.DataFrame(rows, columns=list(COLUMNS))
    output = run.results / "tables" / "weighted.csv"
    mark = stamp(stage_settings(run.config, "weighted"), tuple(inputs))
    write_table(output, for_people(table, "weighted"), mark)
    withheld = int(table["error"].isna().sum())
    words = f"; {withheld} errors are withheld, see the column note" if withheld else ""
    click.echo(f"weighted: {output}, {len(table)} values{words}")


def _rows(run: Run, ensemble: str, flow: str, made: Path, chain: Path) -> list[dict[str, Any]]:
    """The rows of one flow, whose files must be of this configuration."""
    from lfmc.analysis.weighted import Proposals
    from lfmc.analysis.weighted_chain import visits
    from lfmc.analysis.weighted_table import weighted_rows
    from lfmc.attributes import number
    from lfmc.chains import STATES, require_states
    from lfmc.clock import CPU
    from lfmc.errors import LfmcError
    from lfmc.made_for import require_same
    from lfmc.store import open_hdf5
    from lfmc.theories.ensembles import theory_of
    from lfmc.weights import read_log_weights

    with open_hdf5(chain) as file:
        require_same(chain, file, run.config, "accept", ensemble, flow)
        states = {name: file[f"chain/{name}"][()] for name in STATES}
    require_states(chain, *states.values())
    log_weight = read_log_weights(made)
    if states["index"].max() >= len(log_weight):
        raise LfmcError(f"{made}: fewer proposals than the chain {chain} refers to")
    with open_hdf5(made) as file:
        require_same(made, file, run.config, "propose", ensemble, flow)
        spent = number(made, file, "seconds", 0) if file.attrs.get("clock") == CPU else float("nan")
        scalars = {name: values[()] for name, values in file["scalars"].items()}
        controls = file["controls"][()] if "controls" in file else None
        proposals = Proposals(log_weight, scalars, file["two_point"], controls)
        stays = visits(states, len(log_weight))
        theory = theory_of(run.config.ensemble(ensemble))
        pair = (ensemble, flow)
        return weighted_rows(proposals, stays, theory, pair, spent / len(log_weight))
