"""The configuration as Snakemake gets it: what is wrong with it ends Snakemake in one line."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lfmc.config import Config, parse_config, read_config, settings_hash
from lfmc.config.imported_section import imported_missing
from lfmc.config.results_folder import not_a_folder
from lfmc.errors import LfmcError

OPTIONS = ("--configfile", "--configfiles")
CONFIG_FOLDER = ".snakemake/lfmc"  # where the configuration of a module is kept for its jobs


def config_or_exit(path: str | Path) -> Config:
    """The configuration, for a Snakefile.

    Raises:
        SystemExit: as `checked`.
    """
    try:
        return checked(path)
    except LfmcError as error:
        sys.exit(f"lfmc: error: {error}")


def checked(path: str | Path) -> Config:
    """The configuration, with a look at its results folder and at the files that it names.

    Raises:
        LfmcError: as `read_config`; what is in the place of the results is no folder; a file of
            `imported` is not there.
    """
    config = read_config(path)
    if problem := not_a_folder(config.results) or imported_missing(config):
        raise LfmcError(f"{path}: {problem}")
    return config


def kept_for_jobs(section: Mapping[str, Any]) -> str:
    """The file in which the commands of a module find its configuration.

    A module gets its configuration as a mapping from the workflow that uses it; commands read
    files. The file is named after its content, so every process that reads the same workflow means
    the same file, and two modules never write to one.

    Raises:
        SystemExit: the mapping is no valid configuration, or the file cannot be written.
    """
    try:
        raw = json.loads(json.dumps(section))
        parse_config(raw, "config of the module lfmc")
    except TypeError as error:
        sys.exit(f"lfmc: error: config of the module lfmc: {error}; give numbers, text and lists")
    except LfmcError as error:
        sys.exit(f"lfmc: error: {error}")
    path = Path(CONFIG_FOLDER) / f"{settings_hash(raw)}.json"
    aside = path.with_suffix(f".{os.getpid()}.part")
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps(raw, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            os.replace(aside, path)
    except OSError as error:
        sys.exit(f"lfmc: error: {path}: cannot be written ({error.strerror})")
    return str(path)


def check_given(arguments: Sequence[str] | None = None) -> None:
    """Check the files that follow --configfile on the command line, for a profile.

    A profile is read before Snakemake parses these files with YAML 1.1 and fails on some.
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
