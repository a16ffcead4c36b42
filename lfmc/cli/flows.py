"""`lfmc train`, `lfmc retrain`, `lfmc propose`, `lfmc accept` and `lfmc verify`."""

import sys
import traceback
from pathlib import Path
from typing import Any

import click

from lfmc.cli.options import (
    Run,
    device_option,
    ensemble_option,
    open_run,
    run_options,
    sampler_option,
)
from lfmc.cli.progress import STOPPED, progress, stopped, termination
from lfmc.errors import LfmcError


@click.command()
@run_options
@ensemble_option
@device_option
def train(config_path: Path, results: Path | None, ensemble: str, device: str) -> None:
    """Train the flow of an ensemble until both acceptances pass every target.

    Writes train/ENSEMBLE/flow-NN.safetensors at the moment each target is passed, training.csv
    with what it cost, and history.csv. Killed at any moment, it resumes.
    """
    run = open_run(config_path, results)
    chosen = run.ensemble(ensemble)
    from lfmc.device import choose_device
    from lfmc.training.train import Trainer

    work, start = run.work("train", ensemble), _start(run, ensemble)
    trainer = Trainer(run.config, chosen, work, start, choose_device(device))
    _publish(run, ensemble, _train(trainer, f"train {ensemble}"))


def _start(run: Run, ensemble: str) -> Path | None:
    """Model that flow.start names for an ensemble."""
    name = run.config.start(ensemble)
    return run.results / name if name else None


def _train(trainer: Any, label: str) -> Any:
    """Run a trainer with progress; its state, or an exit if it was asked to stop."""
    limit = trainer.training.max_steps
    with progress(label, "steps") as report, termination() as stop:

        def show(state: Any) -> None:
            last = state.history[-1]
            report(state.step, limit)
            click.echo(
                f"{label}: step {state.step}, {state.seconds:.0f} s, "
                f"loss {last['loss']:.3f}, ESS {last['ess']:.3f}, "
                f"acceptance {last['acceptance_q']:.3f}, "
                f"{state.step / max(state.seconds, 1e-9):.1f} steps/s",
                err=True,
            )

        outcome = trainer.run(show, stop)
    if not outcome.finished:
        stopped(label, "its checkpoint is kept")
    return outcome.state


def _publish(run: Run, ensemble: str, state: Any) -> None:
    import pandas

    from lfmc.config import stage_settings
    from lfmc.flows.build import save_flow, trained_flow
    from lfmc.flows.exactness import log_q_error
    from lfmc.provenance import stamp
    from lfmc.store import write_table
    from lfmc.training.train import records

    mark = stamp(stage_settings(run.config, "train", ensemble))
    rows = records(run.config, ensemble, state)
    chosen = run.ensemble(ensemble)
    for row, passed in zip(rows, state.passed, strict=True):
        path = run.path("train", ensemble, row["flow"], ".safetensors")
        flow = trained_flow(chosen, run.config.flow, passed["weights"])
        error = log_q_error(flow)
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
@device_option
def retrain(
    config_path: Path, results: Path | None, ensemble: str, model: int, device: str
) -> None:
    """Train a further model with another seed and run a short chain of it.

    Writes retrain/ENSEMBLE/model-K.csv, tau_int in the columns of autocorrelation, and
    model-K-training.csv, what the training cost.
    """
    run = open_run(config_path, results)
    chosen = run.ensemble(ensemble)
    import pandas

    from lfmc.analysis.autocorrelation import COLUMNS, autocorrelation_rows
    from lfmc.config import stage_settings
    from lfmc.device import choose_device
    from lfmc.provenance import stamp
    from lfmc.retrain import short_chain
    from lfmc.store import write_table
    from lfmc.training.train import Trainer, records

    config = run.config.retraining(model)
    name = f"model-{model}"
    work, start = run.work("retrain", ensemble, name), _start(run, ensemble)
    trainer = Trainer(config, chosen, work, start, choose_device(device))
    state = _train(trainer, f"retrain {ensemble} {name}")
    rows = []
    for sampler, passed in zip(config.flow_names, state.passed, strict=True):
        chain, log_w = short_chain(config, ensemble, sampler, passed["weights"])
        found = [r for r in autocorrelation_rows(chain, log_w) if r["unit"] != "second"]
        rows += [row | {"model": model} for row in found]
    mark = stamp(stage_settings(config, "retrain", ensemble))
    table = pandas.DataFrame(rows, columns=[*COLUMNS, "model"])
    costs = pandas.DataFrame(records(config, ensemble, state))
    write_table(run.path("retrain", ensemble, name, "-training.csv"), costs, mark)
    write_table(run.path("retrain", ensemble, name, ".csv"), table, mark)


@click.command()
@run_options
@ensemble_option
@sampler_option
@click.option("--expect-ranks", type=int, help="Refuse to run with another number of MPI ranks.")
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
    from lfmc.ranks import Disagreement, ranks

    mpi = ranks(expect_ranks)
    try:
        finished = _propose(run, ensemble, sampler, mpi, device)
    except LfmcError as error:
        if mpi.comm is None or isinstance(error, Disagreement):
            raise  # all ranks do
        click.echo(f"lfmc: error: rank {mpi.rank}: {error}", err=True)
        mpi.abort()
        return
    except Exception:
        if mpi.comm is not None:  # else this rank would wait in MPI's end for the others
            traceback.print_exc()
            mpi.abort()
        raise
    if finished:
        return
    if mpi.rank:
        sys.exit(STOPPED)
    stopped(f"propose {ensemble} {sampler}", "finished blocks are kept")


def _propose(run: Run, ensemble: str, sampler: str, mpi: Any, device: str) -> bool:
    from lfmc import proposals, propose
    from lfmc.device import choose_device
    from lfmc.provenance import code_version

    mpi.require_same(code_version(), "ranks run different code; give all nodes one tree")
    model = run.path("train", ensemble, sampler, ".safetensors")
    task = proposals.job(run.config, ensemble, sampler, model, choose_device(device))
    mpi.require_same(
        f"settings {task.key}",
        f"ranks read different settings or models; is {run.results} one folder for all nodes?",
    )
    output = run.path("propose", ensemble, sampler, ".h5")
    label = f"propose {ensemble} {sampler}" + (f" rank 0 of {mpi.size}" if mpi.size > 1 else "")
    with progress(label, "blocks") as report, termination() as stop:
        quiet = lambda done, total: None  # noqa: E731
        return propose.propose(task, output, mpi, report if mpi.rank == 0 else quiet, stop)


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
    from lfmc.accept import accept_proposals

    acceptance, longest = accept_proposals(
        run.config,
        ensemble,
        sampler,
        run.path("propose", ensemble, sampler, ".h5"),
        run.path("accept", ensemble, sampler, ".h5"),
    )
    click.echo(
        f"accept {ensemble} {sampler}: acceptance {acceptance:.4f}, "
        f"longest run of rejections {longest}",
        err=True,
    )


@click.command()
@run_options
@ensemble_option
@sampler_option
def verify(config_path: Path, results: Path | None, ensemble: str, sampler: str) -> None:
    """Recompute S, log q and observables of stored fields and blocks, and compare.

    Writes verify/ENSEMBLE/SAMPLER.json; fails on a mismatch.
    """
    run = open_run(config_path, results)
    run.ensemble(ensemble)
    from lfmc.config import stage_settings
    from lfmc.provenance import provenance
    from lfmc.store import write_json
    from lfmc.verify import verify_classical, verify_flow

    inputs: tuple[Path, ...]
    if sampler in run.config.flow_names:
        inputs = (
            run.path("train", ensemble, sampler, ".safetensors"),
            run.path("propose", ensemble, sampler, ".h5"),
            run.path("accept", ensemble, sampler, ".h5"),
        )
        found = verify_flow(run.config, ensemble, sampler, *inputs)
    elif sampler in run.config.sampler_names:
        inputs = (run.path(sampler, ensemble, suffix=".h5"),)
        found = verify_classical(run.config, ensemble, *inputs)
    else:
        names = ", ".join(run.config.sampler_names)
        raise LfmcError(f"no sampler {sampler!r}; there are {names}")
    output = run.path("verify", ensemble, sampler, ".json")
    settings = stage_settings(run.config, "verify", ensemble, sampler)
    write_json(output, {**found, "provenance": provenance(settings, inputs)})
    click.echo(f"verify {ensemble} {sampler}: {found['summary']}", err=True)
