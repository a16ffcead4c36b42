"""The folder of everything that is written: a path that shells, Snakemake and Make leave alone."""

import os.path
import re
from pathlib import Path


def results_folder(given: str) -> str:
    """The path as it is used: `~/` expanded, without `./`, `//` and a slash at its end.

    Raises:
        ValueError: an empty path, or one with characters that are not of file names everywhere.
    """
    text = os.path.expanduser(given) if given == "~" or given.startswith("~/") else given
    path = os.path.normpath(text) if text else ""
    bad = re.search(r"[^\w.+=@, /-]", path)
    if bad:
        raise ValueError(
            f"{bad[0]!r} is not for the name of this folder: letters, digits, spaces and / . _ - + "
            "= @ , are"
        )
    parts = path.split("/")
    if path == "/" or parts[-1] in ("", ".", "..") or len(path) > 200:
        raise ValueError("name a folder of its own, e.g. results, of at most 200 characters")
    if any(part != part.strip() or part.startswith("-") for part in parts):
        raise ValueError("no folder may begin with '-' or a space, nor end with one")
    return path


def not_a_folder(path: str) -> str:
    """What keeps a results folder from being made, now: something in its way; empty if nothing."""
    for place in (Path(path), *Path(path).parents):
        try:
            if place.is_dir():
                return ""
            if place.exists() or place.is_symlink():
                return f"results: {place} is there and no folder"
        except OSError as error:
            return f"results: {place}: {error.strerror}"
    return ""
