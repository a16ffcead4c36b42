"""`lfmc import`: configurations from elsewhere, measured like a chain."""

import re
from pathlib import Path
from typing import Any

import click

from lfmc.cli.options import Run, ensemble_option, open_run, run_options
from lfmc.cli.progress import ended
from lfmc.errors import LfmcError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


@click.command("import")
@run_options
@ensemble_option
@click.option("--sampler", "--name", "sampler", required=True, help="Name of the imported chain.")
@click.argument("fields", type=click.Path(path_type=Path), required=False)
def bring_in(
    config_path: Path, results: Path | None, ensemble: str, sampler: str, fields: Path | None
) -> None:
    """Read configurations from elsewhere as a chain of ENSEMBLE.

    Without FIELDS: of the file that the configuration names (imported: {NAME: {E: FILE}}). Writes
    import/E/NAME.h5, from which measure and all later stages go on as from every sampler.

    With FIELDS: of a chain that the configuration does not name. Writes also NAME.csv (observables)
    and NAME-tau_int.csv, and prints how the values compare with the samplers of the run that are
    measured.

    FIELDS is .npy, (configurations, *shape) with an axis of replicas in front where there are
    several, or .h5 with fields/phi. The action is taken to be that of the ensemble: nothing can
    check it but identities as sd = 1 and this comparison.
    """
    run = open_run(config_path, results)
    known = run.config.samplers_of(ensemble)
    named = run.config.imported.get(sampler, {}).get(ensemble)
    if not fields and not named:
        there = next(iter(run.config.imported), sampler)
        raise LfmcError(
            f"import {sampler}: give FIELDS, or name them in the configuration, "
            f"imported: {{ {there}: {{ {ensemble}: FILE }} }}"
        )
    if fields and named:
        raise LfmcError(
            f"import {sampler}: the configuration names {named} for it; leave {fields} out"
        )
    if not named and (not NAME.fullmatch(sampler) or sampler in known):
        raise LfmcError(
            f"--name {sampler}: give letters, digits, - and _, and none of {', '.join(known)}"
        )
    from lfmc.exchange.incoming import incoming
    from lfmc.exchange.one_file import write_one_file

    source = incoming(run.config, ensemble, sampler, Path(named or str(fields)))
    output = run.path("import", ensemble, sampler, ".h5")
    write_one_file(source, output, stage="import")
    if not named:
        _measured(run, ensemble, sampler, source)
    replicas, length = source.chain.two_point.shape[:2]
    ended(f"import {ensemble} {sampler}", output, f"{replicas} replicas of {length}")


def _measured(run: Run, ensemble: str, name: str, source: Any) -> None:
    """Write the tables of a chain that takes no part in the run, and compare it."""
    import pandas

    from lfmc.analysis import autocorrelation, measurement
    from lfmc.analysis.binned import bin_chain
    from lfmc.provenance import stamp
    from lfmc.table_files import write_table

    chain = source.chain
    values = measurement.measurement_rows(chain, bin_chain(chain))
    times = autocorrelation.autocorrelation_rows(chain)
    mark = stamp({"stage": "import", "ensemble": chain.ensemble, "sampler": name}, source.files)
    tables: tuple[tuple[str, list[dict[str, Any]], tuple[str, ...]], ...] = (
        (".csv", values, measurement.COLUMNS),
        ("-tau_int.csv", times, autocorrelation.COLUMNS),
    )
    for suffix, rows, columns in tables:
        output = run.path("import", ensemble, name, suffix)
        write_table(output, pandas.DataFrame(rows, columns=list(columns)), mark)
    _compared(run, ensemble, name)


def _compared(run: Run, ensemble: str, name: str) -> None:
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
