"""`lfmc export`: chains for other programs."""

from pathlib import Path

import click

from lfmc.cli import completion
from lfmc.cli.options import open_run, run_options
from lfmc.cli.progress import ended
from lfmc.errors import LfmcError

SUFFIX_OF_HDF5 = ".h5"


@click.command()
@run_options
@click.option(
    "--to",
    "form",
    type=click.Choice(["npy", "hdf5", "pyerrors"]),
    required=True,
    help="A folder of .npy, one .h5 without parts, or correlators as .json of pyerrors.",
)
@click.option(
    "--ensemble",
    help="Name of the ensemble, with --sampler instead of CHAIN.",
    shell_complete=completion.ensembles,
)
@click.option("--sampler", help="flow-50, hmc, ...", shell_complete=completion.samplers)
@click.option(
    "--proposals",
    type=click.Path(path_type=Path),
    help="Proposals of a flow's CHAIN, where they lie elsewhere than in the run's results.",
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[CHAIN] OUTPUT")
def export(
    config_path: Path,
    results: Path | None,
    form: str,
    ensemble: str | None,
    sampler: str | None,
    proposals: Path | None,
    paths: tuple[Path, ...],
) -> None:
    """Write a chain for other programs: NumPy arrays, one HDF5 file, or pyerrors.

    CHAIN is a file of the results (hmc/E1.h5, accept/E1/flow-70.h5); --ensemble and --sampler name
    it instead. The chain of a flow is expanded through its proposals. A file OUTPUT that exists is
    replaced, a folder is not.
    """
    named = ensemble is not None or sampler is not None
    if named and (ensemble is None or sampler is None or proposals is not None):
        raise LfmcError("export: give --ensemble and --sampler, or CHAIN (with its --proposals)")
    if len(paths) != (1 if named else 2):
        raise LfmcError(
            "export: give CHAIN and OUTPUT, or --ensemble, --sampler and OUTPUT; "
            f"there are {len(paths)} paths"
        )
    output = paths[-1]
    if form == "hdf5" and output.suffix != SUFFIX_OF_HDF5:
        raise LfmcError(f"{output}: an HDF5 file needs a name that ends in {SUFFIX_OF_HDF5}")
    if ensemble is not None and sampler is not None:
        files = _checked_files(config_path, results, ensemble, sampler)
    else:
        files = (paths[0],) if proposals is None else (paths[0], proposals)
    if any(_same(path, output) for path in files):
        raise LfmcError(f"{output}: is what is exported; give another name")

    from lfmc.exchange.source import read_source

    source = read_source(*files)
    if any(_same(path, output) for path in source.files):
        raise LfmcError(f"{output}: is what is exported; give another name")
    if form == "npy":
        from lfmc.exchange.arrays import write_arrays as write
    elif form == "hdf5":
        from lfmc.exchange.one_file import write_one_file as write
    else:
        from lfmc.exchange.correlators import write_correlators as write
    write(source, output)
    chain = source.chain
    facts = f"{chain.replicas} replicas of {chain.two_point.shape[1]}, {len(source.phi)} fields"
    ended(f"export {chain.ensemble['name']} {chain.sampler}", output, facts)


def _checked_files(
    config_path: Path, results: Path | None, ensemble: str, sampler: str
) -> tuple[Path, ...]:
    """The files of a chain, which must be of this configuration."""
    from lfmc.cli.analysis import chain_files
    from lfmc.made_for import require_made_for
    from lfmc.not_reached import not_reached

    run = open_run(config_path, results)
    files = chain_files(run, ensemble, sampler)
    missed = not_reached(files[0])
    if missed:
        raise LfmcError(f"{files[0]}: no chain, {missed}")
    stages = (run.config.chain_stage(sampler), "propose")[: len(files)]
    for stage, path in zip(stages, files, strict=True):
        require_made_for(path, run.config, stage, ensemble, sampler)
    return files


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)
