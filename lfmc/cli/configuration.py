"""`lfmc config`: what a configuration must be, and what follows from it."""

import json
from pathlib import Path

import click

from lfmc.cli import completion
from lfmc.errors import LfmcError, unknown


@click.group()
def config() -> None:
    """Check a configuration, print its schema, its settings or a preset."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path), default="config.yaml")
def check(file: Path) -> None:
    """Validate FILE; every problem is named at once, with its path in the file."""
    from lfmc.config.configfile import checked

    run = checked(file)
    click.echo(
        f"{file}: valid; ensembles {', '.join(run.ensemble_names)}; "
        f"samplers {', '.join(run.sampler_names)}; results in {run.results}/"
    )


@config.command()
def schema() -> None:
    """Print the JSON schema of configuration files."""
    from lfmc.config import json_schema

    click.echo(json.dumps(json_schema(), indent=1))


@config.command()
@click.argument("name", required=False, shell_complete=completion.presets)
def preset(name: str | None) -> None:
    """Print a preset, or the list of them: lfmc config preset smoke > mine.yaml."""
    from lfmc.cli.presets import preset_file, preset_names

    if name is None:
        click.echo("\n".join(preset_names()))
    else:
        click.echo(preset_file(name).read_text(encoding="utf-8"), nl=False)


@config.command()
@click.option("--config", "file", type=click.Path(path_type=Path), default="config.yaml")
@click.option("--stage", required=True, help="tune, train, propose, accept, hmc, ...")
@click.option(
    "--ensemble",
    help="Name of the ensemble; none for fit, gates and plot.",
    shell_complete=completion.ensembles,
)
@click.option(
    "--sampler",
    help="Name of the sampler, where the stage has one.",
    shell_complete=completion.samplers,
)
def settings(file: Path, stage: str, ensemble: str | None, sampler: str | None) -> None:
    """Print the settings on which a stage's result depends; a change of them reruns it."""
    from lfmc.config import read_config, stage_settings

    run = read_config(file)
    _require(stage, ensemble, sampler)
    known = run.samplers_of(ensemble) if ensemble is not None else run.sampler_names
    if sampler is not None and sampler not in known:
        raise unknown("sampler", sampler, known)
    if stage in ("propose", "accept") and sampler is not None:
        run.target(sampler)
    chosen = stage_settings(run, stage, ensemble, sampler)
    click.echo(json.dumps(chosen, indent=1, sort_keys=True))


def _require(stage: str, ensemble: str | None, sampler: str | None) -> None:
    """The names that a stage has, no more and no fewer."""
    from lfmc.config import OF_CHAINS, OF_ENSEMBLES, OF_RUNS

    every = (*OF_ENSEMBLES, *OF_CHAINS, *OF_RUNS)
    if stage not in every:
        raise unknown("stage", stage, every)
    for option, given, needed in (
        ("--ensemble", ensemble, stage not in OF_RUNS),
        ("--sampler", sampler, stage in OF_CHAINS),
    ):
        if needed and given is None:
            raise LfmcError(f"stage {stage} needs {option} NAME")
        if given is not None and not needed:
            raise LfmcError(f"stage {stage} has no {option}; leave it out")
