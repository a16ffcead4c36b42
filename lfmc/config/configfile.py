"""The configuration as Snakemake gets it: what is wrong with it ends Snakemake in one line."""

import sys
from collections.abc import Sequence
from pathlib import Path

from lfmc.config import Config, read_config
from lfmc.config.results_folder import not_a_folder
from lfmc.errors import LfmcError

OPTIONS = ("--configfile", "--configfiles")


def config_or_exit(path: str | Path) -> Config:
    """The configuration, for a Snakefile.

    Raises:
        SystemExit: the file is not valid, or its results folder cannot be one.
    """
    try:
        return checked(path)
    except LfmcError as error:
        sys.exit(f"lfmc: error: {error}")


def checked(path: str | Path) -> Config:
    """The configuration, with a look at what is in the place of its results folder.

    Raises:
        LfmcError: as `read_config`, or something that is no folder is there.
    """
    config = read_config(path)
    if problem := not_a_folder(config.results):
        raise LfmcError(f"{path}: {problem}")
    return config


def check_given(arguments: Sequence[str] | None = None) -> None:
    """Check the files that follow --configfile on the command line, for a profile.

    A profile is read before Snakemake parses these files with YAML 1.1 and dies of some.
    """
    for path in given(sys.argv[1:] if arguments is None else arguments):
        try:
            read_config(path)
        except LfmcError as error:
            sys.exit(f"lfmc: error: {error}")


def given(arguments: Sequence[str]) -> list[str]:
    """The configuration files on a command line of Snakemake."""
    found: list[str] = []
    taking = False
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name in OPTIONS:
            taking, found = not equals, found + [value] * bool(equals)
        elif argument.startswith("-"):
            taking = False
        elif taking:
            found.append(argument)
    return found
