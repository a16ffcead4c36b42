"""`lfmc show` and `lfmc config`: what is in a file, and what a configuration must be."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from lfmc.cli import completion
from lfmc.cli.ending import printable
from lfmc.errors import LfmcError, unknown


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The provenance alone, as JSON.")
def show(file: Path, as_json: bool) -> None:
    """Print where FILE came from and what it holds.

    Reads every kind of file that lfmc writes: HDF5, CSV, JSON, safetensors, PNG, PDF and the
    summary.
    """
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "not a file" if file.exists() else "no such file"
        raise LfmcError(f"{file}: {what}")
    if file.suffix not in READERS:
        raise LfmcError(f"{file}: unknown kind of file; lfmc writes {', '.join(READERS)}")
    stamp, layout = READERS[file.suffix](file)
    if not stamp:
        raise LfmcError(f"{file}: carries no provenance, so lfmc did not write it")
    try:
        provenance = json.loads(stamp)
    except (ValueError, RecursionError):
        provenance = None
    if not isinstance(provenance, dict):
        raise LfmcError(f"{file}: its provenance stamp is damaged")
    if as_json:
        click.echo(json.dumps(provenance, indent=1, sort_keys=True))
        return
    click.echo(f"{file}")
    for line in _lines(provenance):
        click.echo(f"  {_readable(line)}")
    if layout:
        click.echo("contents")
        for line in layout:
            click.echo(f"  {_readable(line)}")


def _lines(tree: dict[str, Any], indent: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict) and value and len(indent) < 2 * DEEPEST:
            yield f"{indent}{key}:"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{key}: {value}"


def _readable(line: str) -> str:
    """A line for a terminal, whatever the file holds."""
    return printable(line if len(line) <= WIDEST else f"{line[:WIDEST]} ...")


def _hdf5(path: Path) -> tuple[str, list[str]]:
    import h5py

    from lfmc.store import open_hdf5

    layout: list[str] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            layout.append(f"/{name}  {item.dtype} {item.shape}")

    with open_hdf5(path, check=False) as file:
        for key, value in file.attrs.items():
            if key != "provenance":
                layout.append(f"{key} = {value}")
        file.visititems(visit)
        return str(file.attrs.get("provenance", "")), layout


def _csv(path: Path) -> tuple[str, list[str]]:
    try:
        with open(path, encoding="utf-8") as stream:
            first = stream.readline()
            columns = stream.readline().strip()
            rows = sum(1 for _ in stream)
    except UnicodeDecodeError:
        raise LfmcError(f"{path}: not a table, for it is not text") from None
    head = "# provenance "
    stamp = first.removeprefix(head).strip() if first.startswith(head) else ""
    return stamp, [f"columns {columns}", f"rows {rows}"]


def _json(path: Path) -> tuple[str, list[str]]:
    from lfmc.store import read_json

    content = read_json(path)
    stamp = content.pop("provenance", "")
    return stamp if isinstance(stamp, str) else json.dumps(stamp), list(_lines(content))


def _safetensors(path: Path) -> tuple[str, list[str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            tensors = [(k, file.get_slice(k)) for k in file.keys()]  # noqa: SIM118 (no mapping)
            shapes = [f"{k}  {t.get_dtype()} {tuple(t.get_shape())}" for k, t in tensors]
    except SafetensorError as error:
        raise LfmcError(f"{path}: not a readable model, perhaps truncated ({error})") from None
    stamp = metadata.pop("provenance", "")
    return stamp, [f"{k} = {v}" for k, v in metadata.items()] + shapes


def _figure(path: Path) -> tuple[str, list[str]]:
    from lfmc.figures.metadata import read_provenance

    return read_provenance(path), []


def _summary(path: Path) -> tuple[str, list[str]]:
    """The provenance is in a comment on the last line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise LfmcError(f"{path}: not a summary, for it is not text") from None
    last = lines[-1] if lines else ""
    for head, tail in (("<!-- provenance ", " -->"), ("% provenance ", "")):
        if last.startswith(head) and last.endswith(tail):
            return last.removeprefix(head).removesuffix(tail), [f"lines {len(lines) - 1}"]
    return "", []


DEEPEST = 20  # levels of a tree that are printed line by line
WIDEST = 1000  # characters of a line

READERS: dict[str, Callable[[Path], tuple[str, list[str]]]] = {
    ".h5": _hdf5,
    ".csv": _csv,
    ".json": _json,
    ".safetensors": _safetensors,
    ".png": _figure,
    ".pdf": _figure,
    ".md": _summary,
    ".tex": _summary,
}


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
