"""`lfmc show`: what a file holds, and where it came from."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from lfmc.cli.ending import printable
from lfmc.cli.file_readers import READERS, WITHOUT, tree_lines
from lfmc.errors import LfmcError

WIDEST = 1000  # characters of a line
LINES = 30  # of the contents, unless all are wanted


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--full", is_flag=True, help="All of the contents and of the provenance.")
@click.option("--json", "as_json", is_flag=True, help="The provenance alone, as JSON.")
def show(file: Path, full: bool, as_json: bool) -> None:
    """Print what FILE holds and where it came from.

    Reads every kind of file that a run writes: HDF5, CSV, JSON, safetensors, PNG, PDF and captions,
    the summary, the report, checkpoints and logs.
    """
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "not a file" if file.exists() else "no such file"
        raise LfmcError(f"{file}: {what}")
    if file.suffix not in READERS:
        raise LfmcError(f"{file}: unknown kind of file; lfmc writes {', '.join(READERS)}")
    stamp, contents = READERS[file.suffix](file)
    provenance = _parsed(file, stamp)
    if as_json:
        click.echo(json.dumps(provenance, indent=1, sort_keys=True))
        return
    click.echo(f"{file}")
    for line in contents if full else contents[:LINES]:
        click.echo(f"  {_readable(line)}")
    if not full and len(contents) > LINES:
        click.echo(f"  ... {len(contents) - LINES} more lines with --full")
    if not provenance:
        click.echo(f"no provenance: {WITHOUT[file.suffix]}")
        return
    click.echo("provenance")
    for line in tree_lines(provenance) if full else _short(provenance):
        click.echo(f"  {_readable(line)}")


def _parsed(file: Path, stamp: str) -> dict[str, Any]:
    """The provenance; empty where this kind of file has none."""
    if not stamp:
        if file.suffix in WITHOUT:
            return {}
        raise LfmcError(f"{file}: carries no provenance, so lfmc did not write it")
    try:
        provenance = json.loads(stamp)
    except (ValueError, RecursionError):
        provenance = None
    if not isinstance(provenance, dict) or not provenance:
        raise LfmcError(f"{file}: its provenance stamp is damaged")
    return provenance


def _short(provenance: dict[str, Any]) -> Iterator[str]:
    """The main lines of a provenance, as far as it has them."""
    commit = str(provenance.get("commit") or "unknown, of an installed package")[:40]
    modified = ", modified" if provenance.get("dirty") else ""
    yield f"lfmc {provenance.get('lfmc', '?')}, commit {commit}{modified}"
    yield f"command: {provenance.get('command', '?')}"
    ranks = provenance.get("parallel", {})
    number = ranks.get("ranks", 1) if isinstance(ranks, dict) else 1
    several = f", {number} ranks" if number != 1 else ""
    yield f"made on {provenance.get('host', '?')} at {provenance.get('utc', '?')}{several}"
    inputs = provenance.get("inputs")
    if isinstance(inputs, dict) and inputs:
        named = f": {next(iter(inputs))}" if len(inputs) == 1 else ""
        yield f"from {len(inputs)} file{'s' if len(inputs) > 1 else ''}{named}"
    yield "settings, packages, checksums of inputs: --full"


def _readable(line: str) -> str:
    """A line for a terminal, whatever the file holds."""
    return printable(line if len(line) <= WIDEST else f"{line[:WIDEST]} ...")
