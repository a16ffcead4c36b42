"""Names that the shell completes: ensembles and samplers of the configuration, figures, presets.

Nothing is offered where the configuration cannot be read; the command itself says why.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import click

from lfmc.errors import LfmcError

Completion = Callable[[click.Context, click.Parameter, str], list[str]]


def _of(names: Callable[[click.Context], Iterable[str]]) -> Completion:
    """The names that begin with what has been typed."""

    def complete(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
        try:
            return [name for name in names(context) if name.startswith(typed)]
        except LfmcError:
            return []

    return complete


def _configuration(context: click.Context) -> Path:
    return Path(context.params.get("config_path") or "config.yaml")


@_of
def ensembles(context: click.Context) -> Iterable[str]:
    from lfmc.config import read_config

    return read_config(_configuration(context)).ensemble_names


@_of
def samplers(context: click.Context) -> Iterable[str]:
    from lfmc.config import read_config

    return read_config(_configuration(context)).sampler_names


@_of
def figures(context: click.Context) -> Iterable[str]:
    from lfmc.figures.registry import FIGURES

    return FIGURES


@_of
def presets(context: click.Context) -> Iterable[str]:
    from lfmc.cli.presets import preset_names

    return preset_names()
