"""Configurations that come with the package."""

from pathlib import Path

import lfmc
from lfmc.errors import unknown

FOLDER = Path(lfmc.__file__).parent / "data" / "presets"


def preset_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def preset_file(name: str) -> Path:
    """The file of a preset.

    Raises:
        LfmcError: no such preset, with the choices.
    """
    names = preset_names()
    if name not in names:
        raise unknown("preset", name, names)
    return FOLDER / f"{name}.yaml"
