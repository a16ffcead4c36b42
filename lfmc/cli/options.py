"""Options and paths that the subcommands share."""

from pathlib import Path
from typing import Any, NamedTuple

import click

from lfmc.cli import completion
from lfmc.cli.progress import starting
from lfmc.config import CLASSICAL, Config, read_config
from lfmc.config.sections import Ensemble
from lfmc.errors import LfmcError, unknown


class Run(NamedTuple):
    """A validated configuration and the folder of its results."""

    config: Config
    results: Path

    def ensemble(self, name: str) -> Ensemble:
        return self.config.ensemble(name)

    def path(self, stage: str, ensemble: str, sampler: str = "", suffix: str = "") -> Path:
        """results/stage/ensemble[/sampler]suffix."""
        inner = f"{ensemble}/{sampler}" if sampler else ensemble
        return self.results / stage / f"{inner}{suffix}"

    def stages(self, ensemble: str, sampler: str) -> tuple[str, ...]:
        """The stages that make a sampler's chain of an ensemble, the chain's own last.

        Raises:
            LfmcError: no such ensemble, or no such sampler of it.
        """
        known = self.config.samplers_of(ensemble)
        if sampler not in known:
            raise unknown("sampler", sampler, known)
        stage = self.config.chain_stage(sampler)
        return ("train", "propose", "accept") if stage == "accept" else (stage,)

    def require_flows(self) -> None:
        """Refuse to train where no flow is wanted.

        Raises:
            LfmcError: flow.targets is empty.
        """
        if not self.config.flow_names:
            raise LfmcError("flow.targets is empty: this run has no flow; give a target, e.g. 0.7")

    def made(self, stage: str, ensemble: str, sampler: str = "") -> Path:
        """The file that a stage leaves, of a sampler where it has one.

        Raises:
            LfmcError: no such ensemble; no such file, with the command that makes it.
        """
        self.ensemble(ensemble)
        suffix = ".safetensors" if stage == "train" else ".h5"
        command = f"lfmc {stage} --ensemble {ensemble}"
        if stage in CLASSICAL:
            sampler = ""
        elif stage != "train":
            command += f" --sampler {sampler}"
        path = self.path(stage, ensemble, sampler, suffix)
        if not path.exists():
            raise LfmcError(f"{path}: no such file; '{command}' makes it")
        return path

    def work(self, stage: str, ensemble: str, sampler: str = "") -> Path:
        """Folder of progress that survives interruptions and is no output of a rule."""
        return self.path(f"work/{stage}", ensemble, sampler)

    def claim(self, stage: str, ensemble: str, sampler: str = "") -> Path:
        """File by which one run at a time works on a result (`lfmc.claim`)."""
        return self.path("work/claims", f"{stage}-{ensemble}", sampler)


class FolderName(click.ParamType):
    """A path that is not empty: '' would be the working directory."""

    name = "path"

    def convert(self, value: Any, param: Any, ctx: Any) -> Path:
        if not str(value).strip():
            self.fail("is empty; give a folder", param, ctx)
        return Path(value)


def run_options(function: Any) -> Any:
    """--config and --results."""
    function = click.option(
        "--results", type=FolderName(), help="Results folder instead of the config's."
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
    help="Where the flow computes; cuda: one GPU per rank; auto: a GPU if there is one.",
)
ensemble_option = click.option(
    "--ensemble",
    required=True,
    help="Name of the ensemble, e.g. E1.",
    shell_complete=completion.ensembles,
)
sampler_option = click.option(
    "--sampler",
    required=True,
    help="flow-50, flow-70, hmc, ...",
    shell_complete=completion.samplers,
)


def open_run(config_path: Path, results: Path | None) -> Run:
    """Read the configuration before the command starts."""
    config = read_config(config_path)
    run = Run(config, results if results is not None else Path(config.results))
    for folder in (run.results, *run.results.parents):
        if folder.exists() and not folder.is_dir():
            raise LfmcError(f"{folder}: not a folder; results must lie in one")
    starting(_described())
    return run


def _described() -> str:
    """The command at work and what it is about: hmc E1."""
    context = click.get_current_context()
    about = (context.params.get(name) for name in ("ensemble", "sampler", "model"))
    return " ".join([str(context.info_name), *(str(name) for name in about if name is not None)])
