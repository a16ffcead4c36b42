"""`lfmc propose`, `lfmc accept` and `lfmc verify`."""

from pathlib import Path
from typing import Any

import click

from lfmc.classical import WITH_MODEL
from lfmc.cli import completion
from lfmc.cli.launch import all_or_none, claimed_by_ranks, expect_ranks_option, leave
from lfmc.cli.markers import passed_on
from lfmc.cli.options import (
    Run,
    device_option,
    ensemble_option,
    open_run,
    run_options,
    sampler_option,
)
from lfmc.cli.progress import announce_compilation, ended, progress, termination
from lfmc.errors import LfmcError


@click.command()
@run_options
@ensemble_option
@sampler_option
@expect_ranks_option
@device_option
def propose(
    config_path: Path,
    results: Path | None,
    ensemble: str,
    sampler: str,
    expect_ranks: int | None,
    device: str,
) -> None:
    """Generate the proposals of a flow, alone or under mpiexec -n N.

    Reads the trained model, writes propose/ENSEMBLE/SAMPLER.h5 and, in a folder beside it, the
    parts of which it consists: the same bits for every number of ranks. Finished blocks survive an
    interruption.
    """
    run = open_run(config_path, results)
    run.ensemble(ensemble)
    run.config.target(sampler)
    announce_compilation()
    from lfmc.mpi.ranks import ranks

    mpi = ranks(expect_ranks)
    with all_or_none(mpi):
        finished = _propose(run, ensemble, sampler, mpi, device)
    if not finished:
        leave(mpi, f"propose {ensemble} {sampler}", "finished blocks are kept")


def _propose(run: Run, ensemble: str, sampler: str, mpi: Any, device: str) -> bool:
    from lfmc.device import choose_device
    from lfmc.proposals import generate, propose
    from lfmc.provenance import code_version

    mpi.require_same(code_version(), "ranks run different code; give all nodes one tree")
    chosen = choose_device(device)
    model = run.made("train", ensemble, sampler)
    output = run.path("propose", ensemble, sampler, ".h5")
    place = ("propose", ensemble, sampler)
    if passed_on(run, place, model, output, write=mpi.rank == 0):
        mpi.all_agree(True)
        return True
    task = generate.proposal_task(run.config, ensemble, sampler, model, chosen)
    mpi.require_same(
        f"settings {task.key}",
        f"ranks read different settings or models; is {run.results} one folder for all nodes?",
    )
    what = f"propose {ensemble} {sampler}"
    label = what + (f" rank 0 of {mpi.size}" if mpi.size > 1 else "")
    with (
        claimed_by_ranks(mpi, run.claim(*place), what, output),
        progress(label, "blocks") as report,
        termination() as stop,
    ):
        quiet = lambda done, total: None  # noqa: E731
        whole = propose.propose(task, output, mpi, report if mpi.rank == 0 else quiet, stop)
    if whole and mpi.rank == 0:
        ended(what, output, f"{run.config.proposals} proposals")
    return whole


@click.command()
@run_options
@ensemble_option
@sampler_option
def accept(config_path: Path, results: Path | None, ensemble: str, sampler: str) -> None:
    """Turn a flow's proposals into an exact Markov chain.

    Reads propose/ENSEMBLE/SAMPLER.h5, writes accept/ENSEMBLE/SAMPLER.h5.
    """
    run = open_run(config_path, results)
    run.ensemble(ensemble)
    run.config.target(sampler)
    source = run.made("propose", ensemble, sampler)
    output = run.path("accept", ensemble, sampler, ".h5")
    if passed_on(run, ("accept", ensemble, sampler), source, output):
        return
    from lfmc.proposals.accept import accept_proposals

    acceptance, longest = accept_proposals(run.config, ensemble, sampler, source, output)
    facts = f"acceptance {acceptance:.4f}, longest run of rejections {longest}"
    ended(f"accept {ensemble} {sampler}", output, facts)


@click.command()
@run_options
@click.option(
    "--ensemble",
    help="Name of the ensemble, e.g. E1; none: every file of the results.",
    shell_complete=completion.ensembles,
)
@click.option(
    "--sampler",
    help="flow-50, flow-70, hmc, ...; none: every file of the results.",
    shell_complete=completion.samplers,
)
def verify(
    config_path: Path, results: Path | None, ensemble: str | None, sampler: str | None
) -> None:
    """Recompute S, log q and observables of stored fields and blocks, and compare.

    Writes verify/ENSEMBLE/SAMPLER.json; fails on a mismatch. Without --ensemble and --sampler:
    compare every file of the results folder with its checksum, and write nothing.
    """
    run = open_run(config_path, results)
    if ensemble is None and sampler is None:
        from lfmc.cli.whole import check_results

        whole, without = check_results(run.results)
        older = f", {without} without a checksum (of an earlier version)" if without else ""
        click.echo(f"verify: {whole} files are as they were written{older}")
        return
    if ensemble is None or sampler is None:
        raise LfmcError("give --ensemble and --sampler, or neither: then every file is compared")
    run.ensemble(ensemble)
    if sampler in run.config.flow_names or sampler in WITH_MODEL:
        announce_compilation()
    from lfmc.config import stage_settings
    from lfmc.proposals import verify as check
    from lfmc.provenance import provenance
    from lfmc.seal import require_whole
    from lfmc.store import write_json

    output = run.path("verify", ensemble, sampler, ".json")
    inputs = tuple(run.made(s, ensemble, sampler) for s in run.stages(ensemble, sampler))
    if sampler in run.config.flow_names:
        if passed_on(run, ("verify", ensemble, sampler), inputs[0], output):
            return
        found = check.verify_flow(run.config, ensemble, sampler, *inputs)
    elif sampler in WITH_MODEL:
        model = run.made("train", ensemble, run.config.model_flow(sampler))
        if passed_on(run, ("verify", ensemble, sampler), inputs[0], output):
            return
        found = check.verify_with_model(run.config, ensemble, sampler, model, *inputs)
        inputs = (model, *inputs)
    elif sampler in run.config.imported:
        found = check.verify_imported(run.config, ensemble, sampler, *inputs)
    else:
        found = check.verify_classical(run.config, ensemble, sampler, *inputs)
    settings = stage_settings(run.config, "verify", ensemble, sampler)
    write_json(output, {**found, "provenance": provenance(settings, inputs)})
    bare = [path for path in inputs if not require_whole(path)]
    names = f"; without a checksum (of an earlier version): {', '.join(map(str, bare))}"
    click.echo(f"verify {ensemble} {sampler}: {found['summary']}{names if bare else ''}", err=True)
