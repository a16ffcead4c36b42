"""`lfmc critical`: the critical point and exponents of a scan."""

import logging
from pathlib import Path

import click

from lfmc.cli.options import open_run, run_options
from lfmc.cli.progress import say
from lfmc.errors import LfmcError

log = logging.getLogger(__name__)


@click.command()
@run_options
def critical(config_path: Path, results: Path | None) -> None:
    """Pseudo-critical points, crossings and exponents: tables/critical.csv, tables/curves.csv.

    Of a scan of one coupling of an even scalar theory, at three or more values on every lattice.
    The chains of the cluster algorithm (of the first sampler that runs, if it does not) are joined
    by reweighting; curves.csv has chi2, its connected part and U4 between the values. A lattice
    whose chains have too little in common is left out with a warning.
    """
    import pandas

    from lfmc.analysis.columns import TABLES
    from lfmc.analysis.critical import (
        COLUMNS,
        CURVE_COLUMNS,
        EXPONENTS,
        critical_rows,
        curve_rows,
        lattice,
    )
    from lfmc.analysis.digits import for_people
    from lfmc.chains import read_chain_of
    from lfmc.cli.analysis import chain_files
    from lfmc.config import stage_settings
    from lfmc.config.scanned import reweighted_scan, sampler_of_scan
    from lfmc.figures.format import value_error
    from lfmc.provenance import stamp
    from lfmc.table_files import write_table

    run = open_run(config_path, results)
    found = reweighted_scan(run.config)
    if found is None:
        raise LfmcError(
            f"{config_path}: no scan of one coupling of an even scalar theory with at least three "
            "values on every lattice; docs/scans.md has one"
        )
    sampler = sampler_of_scan(run.config)
    lattices, inputs = [], []
    for extent in found.lattices:
        names = found.line(extent)
        files = [chain_files(run, name, sampler) for name in names]
        inputs += [path for several in files for path in several]
        chains = [
            read_chain_of(run.config, name, sampler, *several)
            for name, several in zip(names, files, strict=True)
        ]
        try:  # a number is refused, not the run
            joined = lattice(chains, found.coupling, [found.values[name] for name in names])
        except LfmcError as error:
            log.warning("L = %d is left out: %s", extent, error)
            continue
        lattices.append(joined)
        say(f"critical: L = {extent}, {len(names)} chains joined")
    rows = critical_rows(sampler, lattices, run.config.ensembles[0].d == 2) if lattices else []
    curves = [r for one in lattices for r in curve_rows(sampler, found.coupling, one)]
    mark = stamp(stage_settings(run.config, "critical"), tuple(inputs))
    for name, data, columns in (("critical", rows, COLUMNS), ("curves", curves, CURVE_COLUMNS)):
        assert name in TABLES
        table = pandas.DataFrame(data, columns=list(columns))
        write_table(run.results / "tables" / f"{name}.csv", for_people(table, name), mark)
    words = [
        f"{r['quantity']} = {value_error(r['value'], r['error'])}"
        for r in rows
        if r["quantity"] in EXPONENTS
    ]
    ending = ", ".join(words) or "no exponents"
    click.echo(f"critical: {run.results / 'tables' / 'critical.csv'}; {ending}")
