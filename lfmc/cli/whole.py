"""`lfmc verify` of a whole results folder: every file against its checksum."""

import json
from collections.abc import Iterator
from pathlib import Path

from lfmc.errors import LfmcError
from lfmc.figures.metadata import read_provenance, require_whole_png
from lfmc.seal import Broken, file_digest, require_whole
from lfmc.store import open_hdf5
from lfmc.table_files import require_whole_table

KINDS = {".h5", ".csv", ".json", ".safetensors", ".png", ".pdf", ".txt", ".md", ".tex", ".html"}
OTHERS = ("work", "logs", "benchmarks")  # progress, and what Snakemake writes
NAMED = 5  # damaged files in a message; the rest are counted


def check_results(results: Path) -> tuple[int, int]:
    """Return the number of complete files, and of files without a checksum.

    Raises:
        LfmcError: no such folder, or damaged files, each with its reason.
    """
    if not results.is_dir():
        raise LfmcError(f"{results}: no such folder")
    whole, without, broken = 0, 0, []
    for path in result_files(results):
        try:
            sealed = _check(path)
        except LfmcError as error:
            broken.append(str(error))
        except OSError as error:
            broken.append(f"{path}: cannot be read ({error.strerror})")
        else:
            whole, without = whole + sealed, without + (not sealed)
    if broken:
        more = f"; and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        total = whole + without + len(broken)
        raise LfmcError(f"{len(broken)} of {total} files: {'; '.join(broken[:NAMED])}{more}")
    return whole, without


def result_files(results: Path) -> Iterator[Path]:
    """Every published file; parts of proposals are checked with the file that joins them."""
    for path in sorted(results.rglob("*")):
        inner = path.relative_to(results)
        hidden = any(part.startswith(".") for part in inner.parts)
        if inner.parts[0] in OTHERS or hidden or path.name.startswith("part-"):
            continue
        if path.suffix in KINDS and path.is_file():
            yield path


def _check(path: Path) -> bool:
    if path.suffix == ".h5":
        sealed = require_whole(path)
        with open_hdf5(path):
            return sealed
    if path.suffix == ".csv":
        return require_whole_table(path)
    if path.suffix == ".png":
        require_whole_png(path)
        return True
    if path.suffix == ".txt":
        return _check_caption(path)
    return require_whole(path)


def _check_caption(path: Path) -> bool:
    """Compare a caption with the stamp of its figure."""
    figure = path.with_suffix(".png")
    try:
        stated = json.loads(read_provenance(figure)).get("settings", {}).get("caption_sha256")
    except (LfmcError, ValueError, AttributeError):  # reported for the figure itself
        stated = None
    if stated is not None and stated != file_digest(path):
        raise Broken(f"{path}: is not the caption of {figure.name}; draw the figure again")
    return stated is not None
