"""`lfmc train` and `lfmc retrain`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lfmc.cli.launch import all_or_none, claimed_by_ranks, expect_ranks_option, leave
from lfmc.cli.options import Run, device_option, ensemble_option, open_run, run_options
from lfmc.cli.progress import announce_compilation, ended, termination, towards
from lfmc.cli.publish import LiveHistory, publish_model, publish_tables, warn_of_missed
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
    moment, it resumes, on any number of ranks. When a limit comes first, the models of the other
    targets say so, and all stages go on with those that were reached.
    """
    run = open_run(config_path, results)
    run.ensemble(ensemble)
    run.require_flows()
    announce_compilation()
    from lfmc.mpi.ranks import ranks

    mpi, label = ranks(expect_ranks), f"train {ensemble}"
    claim, last = run.claim("train", ensemble), run.path("train", ensemble, "training", ".csv")
    with all_or_none(mpi), claimed_by_ranks(mpi, claim, label, last):
        work = run.work("train", ensemble)
        trainer = _trainer(run, run.config, ensemble, work, mpi, device)

        def passed(record: dict[str, Any]) -> None:
            publish_model(run, ensemble, trainer, record)

        outcome = _train(trainer, mpi, label, passed)
        if outcome.finished and mpi.rank == 0:
            publish_tables(run, ensemble, trainer, outcome.limit)
            command = _command("train", config_path, results, ensemble)
            warn_of_missed(run.config, ensemble, outcome.state, outcome.limit, command)
            ended(label, last, _steps(outcome.state))
        mpi.all_agree(True)  # MPI's end spins: the others wait here
    if not outcome.finished:
        leave(mpi, label, "its checkpoint is kept")


def _trainer(run: Run, config: Any, ensemble: str, work: Path, mpi: Any, device: str) -> Any:
    """The training of an ensemble, on ranks that agree on what it is."""
    from lfmc.device import choose_device
    from lfmc.provenance import code_version
    from lfmc.training.depths import DepthTrainer
    from lfmc.training.train import Trainer

    mpi.require_same(code_version(), "ranks run different code; give all nodes one tree")
    name = config.start(ensemble)
    start = run.results / name if name else None
    kind = DepthTrainer if config.flow.layers_tried else Trainer
    trainer = kind(config, config.ensemble(ensemble), work, start, choose_device(device), mpi)
    mpi.require_same(
        f"settings {trainer.key}",
        f"ranks read different settings or models; is {run.results} one folder for all nodes?",
    )
    return trainer


def _train(trainer: Any, mpi: Any, label: str, passed: Callable[[dict[str, Any]], None]) -> Any:
    """The outcome of a training by these ranks, with progress."""
    targets, live = trainer.settings.targets, LiveHistory(trainer.path.with_name("history.csv"))
    with towards(label, "acceptance") as report, termination() as stop:

        def show(state: Any) -> None:
            found = {record["target"] for record in state.passed}
            goal = next((t for t in targets if t not in found), targets[-1])
            last = state.history[-1]
            report(
                last["acceptance_q"],
                goal,
                f"step {state.step}, {state.seconds:.0f} CPU s, loss {last['loss']:.3f}, "
                f"ESS {last['ess']:.3f}",
            )
            if mpi.rank == 0:
                live.update(state.history)

        return trainer.run(show, stop, passed)


def _steps(state: Any) -> str:
    steps = "1 step" if state.step == 1 else f"{state.step} steps"
    return f"{steps}, acceptance {state.history[-1]['acceptance_q']:.4f} at the last check"


def _command(stage: str, config_path: Path, results: Path | None, ensemble: str) -> list[str]:
    """The words that start a stage again."""
    where = ["--results", str(results)] if results else []
    return ["lfmc", stage, "--config", str(config_path), *where, "--ensemble", ensemble]


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
    run.require_flows()
    further = run.config.flow.models - 1
    if model > further:
        raise LfmcError(
            f"no further model {model}: flow.models is {further + 1}, the first of 'lfmc train' "
            f"and {further} further; raise flow.models"
        )
    announce_compilation()
    from lfmc.mpi.ranks import ranks

    mpi, name = ranks(expect_ranks), f"model-{model}"
    label = f"retrain {ensemble} {name}"
    claim, last = run.claim("retrain", ensemble, name), run.path("retrain", ensemble, name, ".csv")
    with all_or_none(mpi), claimed_by_ranks(mpi, claim, label, last):
        config, work = run.config.retraining(model), run.work("retrain", ensemble, name)
        trainer = _trainer(run, config, ensemble, work, mpi, device)
        outcome = _train(trainer, mpi, label, lambda record: None)
        if outcome.finished:
            _short_chains(run, trainer, model, outcome, mpi)
        if outcome.finished and mpi.rank == 0:
            command = [*_command("retrain", config_path, results, ensemble), f"--model={model}"]
            warn_of_missed(config, ensemble, outcome.state, outcome.limit, command)
            ended(label, last, _steps(outcome.state))
        mpi.all_agree(True)
    if not outcome.finished:
        leave(mpi, label, "its checkpoint is kept")


def _short_chains(run: Run, trainer: Any, model: int, outcome: Any, mpi: Any) -> None:
    """A chain of each model, its proposals by all ranks; rank 0 measures and writes."""
    import pandas

    from lfmc.analysis.autocorrelation import COLUMNS, autocorrelation_rows
    from lfmc.config import stage_settings
    from lfmc.proposals.retrain import short_chain, short_proposals
    from lfmc.provenance import stamp
    from lfmc.table_files import write_table
    from lfmc.training.records import reached, records

    config, ensemble = trainer.config, trainer.ensemble.name
    found = {name: entry["weights"] for name, entry in reached(config, outcome.state).items()}
    models = mpi.broadcast(found)
    proposals = {
        sampler: short_proposals(config, ensemble, sampler, parameters, mpi)
        for sampler, parameters in models.items()
    }
    if mpi.rank:
        return
    rows = []
    for sampler, made in proposals.items():
        chain, log_weight = short_chain(config, ensemble, sampler, made)
        times = [r for r in autocorrelation_rows(chain, log_weight) if r["unit"] != "second"]
        rows += [row | {"model": model} for row in times]
    mark = stamp(stage_settings(config, "retrain", ensemble))
    table = pandas.DataFrame(rows, columns=[*COLUMNS, "model"])
    spent = records(config, ensemble, outcome.state, trainer.origin, outcome.limit)
    name = f"model-{model}"
    write_table(run.path("retrain", ensemble, name, "-training.csv"), pandas.DataFrame(spent), mark)
    write_table(run.path("retrain", ensemble, name, ".csv"), table, mark)
