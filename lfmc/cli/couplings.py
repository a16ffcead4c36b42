"""`lfmc tune-couplings`: the coupling at which an observable has a given value."""

from pathlib import Path
from typing import Any

import click

from lfmc.cli.options import FolderName
from lfmc.cli.pairs import pair_of
from lfmc.cli.progress import announce_compilation, ended, say
from lfmc.config.problems import validated
from lfmc.config.sampler_sections import Samplers
from lfmc.config.search_section import CouplingSearch
from lfmc.errors import LfmcError, unknown


@click.command(name="tune-couplings")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="Configuration file; its section `couplings` says what is sought, at its seed.",
)
@click.option("--L", "extents", type=int, multiple=True, help="Extent; several: one by one.")
@click.option("--to", "folder", type=FolderName(), help="Folder of the files.")
@click.option("--kind", help="Of the theory.  [default: phi4]")
@click.option("--d", type=int, help="Dimension.  [default: 2]")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="The other parameters.")
@click.option("--parameter", help="That is sought.  [default: lam]")
@click.option("--observable", help="Any of the theory.  [default: mpL, the pole mass times L]")
@click.option("--target", type=float, help="Its value.  [default: 4]")
@click.option("--tolerance", type=float, help="Relative error of it.  [default: 0.003]")
@click.option("--between", type=float, nargs=2, help="Two values where the search starts.")
@click.option("--configurations", type=int, help="Most of one run.  [default: 2000000]")
@click.option("--seed", type=int, help="Of everything random.  [default: 1904]")
def tune_couplings(
    config_path: Path | None, extents: tuple[int, ...], folder: Path | None, **given: Any
) -> None:
    """Find the coupling at which an observable has a given value, with its error.

    \b
    lfmc tune-couplings --L 20 --set m2=-4.0 --target 4.0
    lfmc tune-couplings --config config.yaml    every L (or --L) of its section `couplings`

    Runs of the cluster algorithm (of another sampler, if the theory has none) bracket the coupling;
    the last one is reweighted to its neighbours. For L = 20 it writes L20.yaml, the ensemble for a
    configuration, L20.csv, the scan, L20.json and the figure L20.pdf; and ensembles.yaml, which
    joins all L; into the folder --to, else couplings/ (of a configuration: below its results). What
    is finished there for the same settings is not sought again.
    """
    from lfmc.config import read_config
    from lfmc.config.search_section import settings_of_search
    from lfmc.tuning.written import is_finished, joined

    given = {key: value for key, value in given.items() if value not in (None, ())}
    if config_path is not None:
        if given:
            raise LfmcError(f"--{min(given)}: write it into the section couplings of {config_path}")
        config = read_config(config_path)
        if config.couplings is None:
            raise LfmcError(f"{config_path}: no section couplings; docs/configuration.md has one")
        search, seed, samplers = config.couplings, config.seed, config.samplers
        folder = folder or Path(config.results) / "couplings"
        unknown_extents = [n for n in extents if n not in search.L]
        if unknown_extents:
            raise unknown("L in couplings", str(unknown_extents[0]), map(str, search.L))
    else:
        search, seed = _search(extents, given)
        samplers, folder = Samplers(), folder or Path("couplings")
    announced = False
    for extent in extents or search.L:
        settings = settings_of_search(search, extent, seed, samplers)
        if is_finished(folder, extent, settings):
            say(f"L = {extent}: {folder / f'L{extent}.json'} is finished already")
            continue
        if not announced:
            announce_compilation()
            announced = True
        _seek(folder, search, extent, seed, samplers, settings)
    if not extents or config_path is None:
        click.echo(joined(folder, search))


def _search(extents: tuple[int, ...], given: dict[str, Any]) -> tuple[CouplingSearch, int]:
    """What the options say, and the seed."""
    if not extents:
        raise LfmcError("which lattice? Give --L, e.g. --L 20, or --config FILE")
    theory = {"kind": given.pop("kind", "phi4"), **dict(map(pair_of, given.pop("pairs", ())))}
    seed = given.pop("seed", 1904)
    if not 0 <= seed < 2**63:
        raise LfmcError(f"--seed {seed}: give a whole number from 0 to 2^63 - 1")
    raw = {**given, "L": list(extents), "theory": theory}
    return validated(CouplingSearch, raw, "tune-couplings"), seed


def _seek(
    folder: Path,
    search: CouplingSearch,
    extent: int,
    seed: int,
    samplers: Samplers,
    settings: dict[str, Any],
) -> None:
    from lfmc.figures.coupling_search import write as write_figure
    from lfmc.figures.format import value_error
    from lfmc.tuning.result import tune_couplings as sought
    from lfmc.tuning.written import write

    def report(number: int, at: float, value: float, error: float) -> None:
        say(
            f"L = {extent}, run {number}: {search.parameter} = {at:.6g}, "
            f"{search.observable} = {value_error(value, error)}"
        )

    found = sought(search, extent, seed, samplers, report)
    table, mark = write(folder, found, settings)
    write_figure(folder / found.name, table, found.record(), mark)
    facts = f"{search.parameter} = {value_error(found.crossing.at, found.error)}"
    ended(f"tune-couplings L = {extent}", folder / f"{found.name}.yaml", facts)
