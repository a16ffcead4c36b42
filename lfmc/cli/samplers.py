"""`lfmc tune`, and a command for each of the classical samplers."""

from pathlib import Path
from typing import Any

import click

from lfmc.classical import CLASSICAL, WITH_MODEL
from lfmc.cli.options import Run, ensemble_option, open_run, run_options
from lfmc.cli.progress import announce_compilation, ended, progress, say, stopped, termination


@click.command()
@run_options
@ensemble_option
def tune(config_path: Path, results: Path | None, ensemble: str) -> None:
    """Tune step sizes and widths of the classical samplers to their acceptance.

    Writes tune/ENSEMBLE.json.
    """
    run = open_run(config_path, results)
    run.ensemble(ensemble)
    announce_compilation()
    from lfmc.config.sampler_sections import tuned_samplers
    from lfmc.provenance import provenance
    from lfmc.samplers.tune import tune as tuned_parameters
    from lfmc.store import write_json

    found = tuned_parameters(run.config, ensemble)
    output = run.path("tune", ensemble, suffix=".json")
    write_json(output, {**found, "provenance": provenance(found["settings"])})
    for name in tuned_samplers(CLASSICAL):
        if name not in found:
            continue
        key, part = run.config.samplers.section(name).tuned, found[name]
        further = {word: part[word] for word in ("steps", "clusters") if word in part}
        words = "".join(f", {word} {value}" for word, value in further.items())
        click.echo(
            f"{ensemble} {name}: {key} {part[key]:.4f}{words}, acceptance "
            f"{part['acceptance']:.4f} +- {part['acceptance_error']:.4f}",
            err=True,
        )


def _sampler(name: str, summary: str) -> click.Command:
    """The command of one sampler."""

    @click.command(
        name=name, help=f"{summary}\n\nReads tune/ENSEMBLE.json, writes {name}/ENSEMBLE.h5."
    )
    @run_options
    @ensemble_option
    @click.option(
        "--start",
        type=click.Path(path_type=Path),
        help="Fields where chains start, .npy or a chain file; they are thermalised too.",
    )
    def command(config_path: Path, results: Path | None, ensemble: str, start: Path | None) -> None:
        run = open_run(config_path, results)
        run.ensemble(ensemble)
        announce_compilation()
        from lfmc.samplers.task import chain_task

        fields = None if start is None else _given(run, ensemble, start)
        tuning = run.path("tune", ensemble, suffix=".json")
        sample(run, chain_task(run.config, name, ensemble, tuning, fields))

    return command


def _given(run: Run, ensemble: str, start: Path) -> Any:
    from lfmc.exchange.start import read_start
    from lfmc.theories.ensembles import theory_of

    theory = theory_of(run.ensemble(ensemble))
    return read_start(start, theory, run.config.statistics.replicas)


def sample(run: Run, task: Any) -> None:
    """Make the chain of a `ChainTask`, or what is missing of it."""
    from lfmc.claim import claimed
    from lfmc.samplers import run as sampling
    from lfmc.samplers.earlier import finished

    name, ensemble = task.name, task.ensemble
    output = run.path(name, ensemble, suffix=".h5")
    if finished(output, task.settings()):
        say(f"{name} {ensemble}: {output} is finished already; nothing to do")
        return
    try:
        with (
            claimed(run.claim(name, ensemble), f"{name} {ensemble}", output),
            progress(f"{name} {ensemble}") as report,
            termination() as stop,
        ):
            sampling.run(task, output, run.work(name, ensemble), report, stop)
    except sampling.Interrupted:
        stopped(f"{name} {ensemble}", "finished segments are kept")
    ended(f"{name} {ensemble}", output, _acceptance(output))


def _acceptance(chain: Path) -> str:
    from lfmc.store import open_hdf5

    with open_hdf5(chain, check=False) as file:
        return f"acceptance {float(file.attrs['acceptance']):.4f}"


def __getattr__(name: str) -> click.Command:
    """The command of the sampler of that name."""
    if name not in CLASSICAL:
        raise AttributeError(name)
    if name in WITH_MODEL:
        from lfmc.cli.model_chains import command_of

        return command_of(name)
    return _sampler(name, CLASSICAL[name])
