"""Options and paths that the subcommands share."""

from pathlib import Path
from typing import Any, NamedTuple

import click

from lfmc.config import Config, read_config
from lfmc.sections import Ensemble


class Run(NamedTuple):
    """A validated configuration and where its results lie."""

    config: Config
    results: Path

    def ensemble(self, name: str) -> Ensemble:
        return self.config.ensemble(name)

    def path(self, stage: str, ensemble: str, sampler: str = "", suffix: str = "") -> Path:
        """results/stage/ensemble[/sampler]suffix."""
        inner = f"{ensemble}/{sampler}" if sampler else ensemble
        return self.results / stage / f"{inner}{suffix}"

    def work(self, stage: str, ensemble: str, sampler: str = "") -> Path:
        """Folder of progress that survives interruptions and is no output of a rule."""
        return self.path(f"work/{stage}", ensemble, sampler)


def run_options(function: Any) -> Any:
    """--config and --results."""
    function = click.option(
        "--results", type=click.Path(path_type=Path), help="Results folder instead of the config's."
    )(function)
    return click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        default="config.yaml",
        show_default=True,
        help="Configuration file.",
    )(function)


device_option = click.option(
    "--device",
    type=click.Choice(["cpu", "cuda", "auto"]),
    default="cpu",
    show_default=True,
    help="Where the flow computes; cuda: one GPU a rank; auto: a GPU if there is one.",
)
ensemble_option = click.option("--ensemble", required=True, help="Name of the ensemble, e.g. E1.")
sampler_option = click.option("--sampler", required=True, help="flow-50, flow-70, hmc, ...")


def open_run(config_path: Path, results: Path | None) -> Run:
    """Read the configuration before anything else happens."""
    config = read_config(config_path)
    return Run(config, results if results is not None else Path(config.results))
