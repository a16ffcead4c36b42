"""`lfmc tune`, `lfmc hmc`, `lfmc local` and `lfmc cluster`."""

from pathlib import Path

import click

from lfmc.cli.options import ensemble_option, open_run, run_options
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
    from lfmc.provenance import provenance
    from lfmc.samplers.tune import tune as tuned_parameters
    from lfmc.store import write_json

    found = tuned_parameters(run.config, ensemble)
    output = run.path("tune", ensemble, suffix=".json")
    write_json(output, {**found, "provenance": provenance(found["settings"])})
    for name, key in (("hmc", "trajectory_length"), ("local", "delta"), ("cluster", "delta")):
        if name not in found:
            continue
        part = found[name]
        click.echo(
            f"{ensemble} {name}: {key} {part[key]:.4f}, acceptance {part['acceptance']:.4f} "
            f"+- {part['acceptance_error']:.4f}",
            err=True,
        )


def _sampler(name: str, summary: str) -> click.Command:
    """The command of one sampler."""

    @click.command(
        name=name, help=f"{summary}\n\nReads tune/ENSEMBLE.json, writes {name}/ENSEMBLE.h5."
    )
    @run_options
    @ensemble_option
    def command(config_path: Path, results: Path | None, ensemble: str) -> None:
        run = open_run(config_path, results)
        run.ensemble(ensemble)
        announce_compilation()
        from lfmc.claim import claimed
        from lfmc.samplers import run as sampling
        from lfmc.samplers.earlier import finished
        from lfmc.samplers.task import chain_task

        task = chain_task(run.config, name, ensemble, run.path("tune", ensemble, suffix=".json"))
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

    return command


def _acceptance(chain: Path) -> str:
    from lfmc.store import open_hdf5

    with open_hdf5(chain, check=False) as file:
        return f"acceptance {float(file.attrs['acceptance']):.4f}"


hmc = _sampler("hmc", "Sample with hybrid Monte Carlo.")
local = _sampler("local", "Sample with local Metropolis, sites in a fixed order.")
cluster = _sampler("cluster", "Sample with the embedded Wolff cluster and Metropolis sweeps.")
