"""`imported`: chains of other programs that take part in a run, sampler -> ensemble -> file.

Such a chain is measured, compared and drawn like that of a sampler. What an update of it was, and
what it cost, is not known.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from lfmc.classical import CLASSICAL
from lfmc.errors import LfmcError, unknown

SUFFIXES = (".npy", ".h5")
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
FLOW = "flow-"  # begins the names of flows


def field_file(given: str) -> str:
    """The path of a file of configurations, `~/` expanded.

    Raises:
        ValueError: another kind of file, or characters that are not of file names everywhere.
    """
    path = os.path.expanduser(given) if given.startswith("~/") else given
    bad = re.search(r"[^\w.+=@, /-]", path)
    if bad:
        raise ValueError(
            f"{bad[0]!r} is not for the name of this file: letters, digits, spaces and / . _ - + = "
            "@ , are"
        )
    if not path.endswith(SUFFIXES) or path != path.strip() or path.startswith("-"):
        raise ValueError(f"{given!r}: name a file of configurations, .npy or .h5")
    return path


SamplerName = Annotated[str, Field(pattern=NAME, max_length=40)]
FieldFile = Annotated[str, Field(max_length=1000), AfterValidator(field_file)]
Imported = dict[SamplerName, Annotated[dict[str, FieldFile], Field(min_length=1)]]


def imported_refused(config: Any) -> Iterator[str]:
    """Names of imported samplers that are those of others, and ensembles that do not exist."""
    seen = {name: name for name in CLASSICAL}
    for name, files in config.imported.items():
        other = seen.setdefault(name.lower(), name)
        if other in CLASSICAL:
            yield f"imported.{name}: {other} is a sampler of lfmc; choose another name"
        elif other != name:
            yield f"imported: {other} and {name} differ in case only; choose another name"
        if name.lower().startswith(FLOW):
            yield f"imported.{name}: {FLOW}... are the flows of lfmc; choose another name"
        names = [e.name for e in config.ensembles]
        for ensemble in files:
            if ensemble not in names:
                yield f"imported.{name}: {unknown('ensemble', ensemble, names)}"


def files_beside(path: Path) -> tuple[Path, ...]:
    """NAME_replica.npy and NAME_update.npy of NAME.npy, if both are there."""
    found = [path.with_name(f"{path.stem}_{name}.npy") for name in ("replica", "update")]
    return tuple(found) if path.suffix == ".npy" and all(p.is_file() for p in found) else ()


def imported_missing(config: Any) -> str:
    """Files of configurations that are not there, now; empty if all are."""
    lost = [
        f"imported.{name}.{ensemble}: {path}: no such file"
        for name, files in config.imported.items()
        for ensemble, path in files.items()
        if not Path(path).is_file()
    ]
    return "; ".join(lost)


def import_settings(config: Any, ensemble: str, sampler: str, file: str = "") -> dict[str, Any]:
    """What an imported chain depends on, but for the contents of its file.

    Args:
        file: of configurations; left out: that of the configuration.

    Raises:
        LfmcError: the configuration names none.
    """
    own = config.imported.get(sampler, {})
    if not file and ensemble not in own:
        raise LfmcError(f"the configuration has no imported.{sampler}.{ensemble}: FILE")
    return {
        "stage": "import",
        "ensemble": config.ensemble(ensemble).model_dump(mode="json"),
        "sampler": sampler,
        "file": file or own[ensemble],
        "keep_fields": config.statistics.keep_fields,
    }
