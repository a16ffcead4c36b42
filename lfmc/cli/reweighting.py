"""`lfmc reweight`: observables of a chain at nearby couplings."""

from pathlib import Path
from typing import Any

import click

from lfmc.cli.options import ensemble_option, open_run, run_options, sampler_option
from lfmc.cli.pairs import pair_of
from lfmc.cli.progress import ended
from lfmc.errors import LfmcError


@click.command()
@run_options
@ensemble_option
@sampler_option
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="A coupling; one of them may have several values: lam=[5.1,5.2].",
)
def reweight(
    config_path: Path, results: Path | None, ensemble: str, sampler: str, pairs: tuple[str, ...]
) -> None:
    """Observables of a chain at nearby couplings: reweight/E/X.csv.

    \b
    lfmc reweight --ensemble E1 --sampler cluster --set lam=7.1
    lfmc reweight --ensemble E1 --sampler cluster --set lam=[6.9,7.0,7.1]

    Configurations count with exp(-(S_p - S_0)), computed from the recorded scalars. Couplings at
    which fewer than 5 % of the configurations count (column ess) are refused, and nothing is
    written; where too few have large weights, errors are withheld and the column note says why.
    """
    import pandas

    from lfmc.analysis.reweighting import COLUMNS, reweighted, rows, target_theory
    from lfmc.chains import read_chain_of
    from lfmc.cli.analysis import chain_files
    from lfmc.config import stage_settings
    from lfmc.figures.format import value_error
    from lfmc.not_reached import not_reached
    from lfmc.provenance import stamp
    from lfmc.table_files import write_table

    if not pairs:
        raise LfmcError("to which couplings? Give --set, e.g. --set lam=7.1")
    points = _points(dict(map(pair_of, pairs)))
    run = open_run(config_path, results)
    inputs = chain_files(run, ensemble, sampler)
    if missed := not_reached(inputs[0]):
        raise LfmcError(f"{inputs[0]}: no chain, {missed}")
    chain = read_chain_of(run.config, ensemble, sampler, *inputs)
    found = [reweighted(chain, target_theory(chain, point)) for point in points]
    settings = stage_settings(run.config, "measure", ensemble, sampler) | {"couplings": points}
    table = pandas.DataFrame([r for one in found for r in rows(chain, one)], columns=list(COLUMNS))
    output = run.path("reweight", ensemble, sampler, ".csv")
    write_table(output, table, stamp(settings, inputs))
    slow = chain.theory.slowest
    for one in found:
        facts = f"{slow} = {value_error(*one.values[slow])}, ESS {one.ess:.3f}"
        click.echo(f"{one.theory.label()}: {facts}")
    ended(f"reweight {ensemble} {sampler}", output, f"{len(found)} points")


def _points(given: dict[str, Any]) -> list[dict[str, Any]]:
    """One set of couplings for each value of the one that has several.

    Raises:
        LfmcError: an empty list, or several values of two couplings.
    """
    several = [name for name, value in given.items() if isinstance(value, list)]
    if len(several) > 1:
        raise LfmcError(f"--set: {' and '.join(several)} have several values; give one of them one")
    if not several:
        return [given]
    name = several[0]
    if not given[name]:
        raise LfmcError(f"--set {name}: an empty list; give values, e.g. {name}=[5.1,5.2]")
    return [given | {name: value} for value in given[name]]
