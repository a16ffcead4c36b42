"""`lfmc import`: configurations from elsewhere, measured like a chain."""

import re
from pathlib import Path
from typing import Any

import click

from lfmc.cli.options import ensemble_option, open_run, run_options
from lfmc.cli.progress import ended
from lfmc.errors import LfmcError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


@click.command("import")
@run_options
@ensemble_option
@click.option("--name", required=True, help="Name of the sampler that made them.")
@click.argument("fields", type=click.Path(path_type=Path))
def bring_in(
    config_path: Path, results: Path | None, ensemble: str, name: str, fields: Path
) -> None:
    """Measure configurations from elsewhere like a chain of ENSEMBLE.

    FIELDS is .npy, (configurations, *shape) with an axis of replicas in front where there are
    several, or .h5 with fields/phi. Writes import/E/NAME.h5 (a chain), NAME.csv (observables) and
    NAME-tau_int.csv below the results, and prints how the values compare with the samplers of the
    run that are measured. The action is taken to be that of the ensemble: nothing can check it but
    the identity sd = 1 and this comparison.
    """
    run = open_run(config_path, results)
    known = run.config.samplers_of(ensemble)
    if not NAME.fullmatch(name) or name in known:
        raise LfmcError(
            f"--name {name}: give letters, digits, - and _, and none of {', '.join(known)}"
        )
    import pandas

    from lfmc.analysis import autocorrelation, measurement
    from lfmc.analysis.binned import bin_chain
    from lfmc.exchange.incoming import incoming
    from lfmc.exchange.one_file import write_one_file
    from lfmc.provenance import stamp
    from lfmc.table_files import write_table

    source = incoming(run.config, ensemble, name, fields)
    chain = source.chain
    values = measurement.measurement_rows(chain, bin_chain(chain))
    # What they cost is not known.
    times = [r for r in autocorrelation.autocorrelation_rows(chain) if r["unit"] != "second"]
    mark = stamp({"stage": "import", "ensemble": chain.ensemble, "sampler": name}, source.files)
    write_one_file(source, run.path("import", ensemble, name, ".h5"), stage="import")
    tables: tuple[tuple[str, list[dict[str, Any]], tuple[str, ...]], ...] = (
        (".csv", values, measurement.COLUMNS),
        ("-tau_int.csv", times, autocorrelation.COLUMNS),
    )
    for suffix, rows, columns in tables:
        output = run.path("import", ensemble, name, suffix)
        write_table(output, pandas.DataFrame(rows, columns=list(columns)), mark)
    _compared(run, ensemble, name)
    facts = f"{chain.replicas} replicas of {chain.two_point.shape[1]}"
    ended(f"import {ensemble} {name}", run.path("import", ensemble, name, ".h5"), facts)


def _compared(run: Any, ensemble: str, name: str) -> None:
    """Print value and error of each observable of `compared`, and sigmas to the samplers."""
    from lfmc.analysis.columns import read_checked
    from lfmc.exchange.comparison import Pair
    from lfmc.figures.format import value_error
    from lfmc.theories.ensembles import theory_of

    def numbers(path: Path) -> dict[str, tuple[float, float]]:
        table = read_checked(path, "observables", "lfmc measure")
        pairs = zip(table.value.astype(float), table.error.astype(float), strict=True)
        return dict(zip(table.observable, pairs, strict=True))

    own = numbers(run.path("import", ensemble, name, ".csv"))
    paths = {s: run.path("measure", ensemble, s, ".csv") for s in run.config.samplers_of(ensemble)}
    others = {sampler: numbers(path) for sampler, path in paths.items() if path.exists()}
    for observable in (*theory_of(run.ensemble(ensemble)).compared, "sd"):
        if observable not in own:
            continue
        pairs = {
            sampler: Pair((ensemble, sampler, observable), *found[observable], *own[observable])
            for sampler, found in others.items()
            if observable in found
        }
        sigmas = [f"{s} {pair.sigmas:+.2f}" for s, pair in pairs.items() if pair.comparable]
        beside = f"; sigmas to {', '.join(sigmas)}" if sigmas else ""
        click.echo(f"{observable} = {value_error(*own[observable])}{beside}")
