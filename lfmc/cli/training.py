"""`lfmc train` and `lfmc retrain`."""

from pathlib import Path
from typing import Any

import click

from lfmc.cli.launch import all_or_none, expect_ranks_option, leave
from lfmc.cli.options import Run, device_option, ensemble_option, open_run, run_options
from lfmc.cli.progress import progress, termination
from lfmc.errors import LfmcError


@click.command()
@run_options
@ensemble_option
@expect_ranks_option
@device_option
def train(
    config_path: Path, results: Path | None, ensemble: str, expect_ranks: int | None, device: str
) -> None:
    """Train the flow of an ensemble until both acceptances pass every target.

    Alone or under mpiexec -n N, to the same bits. Writes train/ENSEMBLE/flow-NN.safetensors at the
    moment each target is passed, training.csv with what it cost, and history.csv. Killed at any
    moment, it resumes, on any number of ranks.
    """
    run = open_run(config_path, results)
    run.ensemble(ensemble)
    from lfmc.ranks import ranks

    mpi, label = ranks(expect_ranks), f"train {ensemble}"
    with all_or_none(mpi):
        work = run.work("train", ensemble)
        outcome = _train(run, run.config, ensemble, work, mpi, device, label)
        if outcome.finished and mpi.rank == 0:
            _publish(run, ensemble, outcome.state)
        mpi.all_agree(True)  # MPI's end spins: the others wait here
    if not outcome.finished:
        leave(mpi, label, "its checkpoint is kept")


def _train(
    run: Run, config: Any, ensemble: str, work: Path, mpi: Any, device: str, label: str
) -> Any:
    """The outcome of a training by these ranks, with progress."""
    from lfmc.device import choose_device
    from lfmc.provenance import code_version
    from lfmc.training.train import Trainer

    mpi.require_same(code_version(), "ranks run different code; give all nodes one tree")
    name = config.start(ensemble)
    start = run.results / name if name else None
    trainer = Trainer(config, config.ensemble(ensemble), work, start, choose_device(device), mpi)
    mpi.require_same(
        f"settings {trainer.key}",
        f"ranks read different settings or models; is {run.results} one folder for all nodes?",
    )
    limit = trainer.training.max_steps
    with progress(label, "steps") as report, termination() as stop:

        def show(state: Any) -> None:
            last = state.history[-1]
            report(state.step, limit)
            click.echo(
                f"{label}: step {state.step}, {state.seconds:.0f} s, "
                f"loss {last['loss']:.3f}, ESS {last['ess']:.3f}, "
                f"acceptance {last['acceptance_q']:.3f}, "
                f"{mpi.size * state.step / max(state.seconds, 1e-9):.1f} steps/s",
                err=True,
            )

        return trainer.run(show, stop)


def _publish(run: Run, ensemble: str, state: Any) -> None:
    import pandas

    from lfmc.config import stage_settings
    from lfmc.flows.build import save_flow, trained_flow
    from lfmc.flows.exactness import log_q_error
    from lfmc.proposals import drawing
    from lfmc.provenance import stamp
    from lfmc.store import write_table
    from lfmc.training.records import records

    mark = stamp(stage_settings(run.config, "train", ensemble))
    rows = records(run.config, ensemble, state)
    chosen = run.ensemble(ensemble)
    for row, passed in zip(rows, state.passed, strict=True):
        path = run.path("train", ensemble, row["flow"], ".safetensors")
        flow = trained_flow(chosen, run.config.flow, passed["weights"])
        error = log_q_error(flow, draw=drawing(flow))
        if error is not None and error > flow.inverse_tolerance:
            click.echo(
                f"train {ensemble}: warning: log q of {row['flow']} is off by up to {error:.0e}; "
                "its chain is biased by as much, so raise flow.model.steps",
                err=True,
            )
        notes = {"provenance": mark, "training": row, "log_q_error": error}
        save_flow(path, passed["weights"], run.config.flow, chosen, **notes)
        click.echo(
            f"train {ensemble}: {row['flow']} after {row['steps']} steps, {row['seconds']:.1f} s: "
            f"acceptance {row['acceptance_q']:.4f} (model) {row['acceptance_p']:.4f} (target), "
            f"ESS {row['ess']:.3f}, "
            + (f"log q error {error:.0e}" if error is not None else "log q error not measured"),
            err=True,
        )
    write_table(
        run.path("train", ensemble, "history", ".csv"), pandas.DataFrame(state.history), mark
    )
    write_table(run.path("train", ensemble, "training", ".csv"), pandas.DataFrame(rows), mark)


@click.command()
@run_options
@ensemble_option
@click.option("--model", type=click.IntRange(min=1), required=True, help="Number of the model.")
@expect_ranks_option
@device_option
def retrain(
    config_path: Path,
    results: Path | None,
    ensemble: str,
    model: int,
    expect_ranks: int | None,
    device: str,
) -> None:
    """Train a further model with another seed and run a short chain of it.

    Alone or under mpiexec -n N, to the same bits. Writes retrain/ENSEMBLE/model-K.csv, tau_int in
    the columns of autocorrelation, and model-K-training.csv, what the training cost.
    """
    run = open_run(config_path, results)
    run.ensemble(ensemble)
    further = run.config.flow.models - 1
    if model > further:
        raise LfmcError(
            f"no further model {model}: flow.models is {further + 1}, the first of 'lfmc train' "
            f"and {further} further; raise flow.models"
        )
    from lfmc.ranks import ranks

    mpi, name = ranks(expect_ranks), f"model-{model}"
    label = f"retrain {ensemble} {name}"
    with all_or_none(mpi):
        config, work = run.config.retraining(model), run.work("retrain", ensemble, name)
        outcome = _train(run, config, ensemble, work, mpi, device, label)
        if outcome.finished:
            _short_chains(run, config, ensemble, model, outcome.state, mpi)
        mpi.all_agree(True)
    if not outcome.finished:
        leave(mpi, label, "its checkpoint is kept")


def _short_chains(run: Run, config: Any, ensemble: str, model: int, state: Any, mpi: Any) -> None:
    """A chain of each model, its proposals by all ranks; rank 0 measures and writes."""
    import pandas

    from lfmc.analysis.autocorrelation import COLUMNS, autocorrelation_rows
    from lfmc.config import stage_settings
    from lfmc.provenance import stamp
    from lfmc.retrain import short_chain, short_proposals
    from lfmc.store import write_table
    from lfmc.training.records import records

    models = mpi.broadcast([passed["weights"] for passed in state.passed])
    proposals = [
        short_proposals(config, ensemble, sampler, weights, mpi)
        for sampler, weights in zip(config.flow_names, models, strict=True)
    ]
    if mpi.rank:
        return
    rows = []
    for sampler, made in zip(config.flow_names, proposals, strict=True):
        chain, log_w = short_chain(config, ensemble, sampler, made)
        found = [r for r in autocorrelation_rows(chain, log_w) if r["unit"] != "second"]
        rows += [row | {"model": model} for row in found]
    mark = stamp(stage_settings(config, "retrain", ensemble))
    table = pandas.DataFrame(rows, columns=[*COLUMNS, "model"])
    costs = pandas.DataFrame(records(config, ensemble, state))
    name = f"model-{model}"
    write_table(run.path("retrain", ensemble, name, "-training.csv"), costs, mark)
    write_table(run.path("retrain", ensemble, name, ".csv"), table, mark)
