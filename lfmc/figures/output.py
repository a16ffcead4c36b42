"""A figure's files: PDF and PNG with provenance in their metadata, and the caption."""

import json
from pathlib import Path

from lfmc import store
from lfmc.config import stage_settings
from lfmc.errors import LfmcError
from lfmc.figures.registry import room
from lfmc.figures.rundata import RunData
from lfmc.figures.style import look
from lfmc.provenance import stamp
from lfmc.seal import EMPTY

HASHED_BYTES = 2**26


def plot(name: str, run: RunData) -> list[Path]:
    """Draw a figure into results/figures/NAME.pdf, .png and .txt (its caption).

    Raises:
        LfmcError: unknown figure, or an input that is missing or damaged.
    """
    module = room(name)
    with look():
        figure = module.draw(run)
        caption = module.caption(run) + run.not_reached()
        mark = _stamp(name, run)
        folder = run.results / "figures"
        pdf, png, txt = (folder / f"{name}.{suffix}" for suffix in ("pdf", "png", "txt"))
        metadata = {"Title": f"lfmc {name}", "Subject": caption, "Keywords": mark}
        store.atomically(pdf, lambda path: figure.savefig(path, format="pdf", metadata=metadata))
        metadata = {
            "Title": f"lfmc {name}",
            "Description": caption,
            "provenance": mark.replace(EMPTY, ""),
        }
        store.atomically(png, lambda path: figure.savefig(path, format="png", metadata=metadata))
        store.write_text(txt, caption + "\n")
    return [pdf, png, txt]


def _stamp(name: str, run: RunData) -> str:
    """Small inputs by the hash of their bytes, gigabytes of chain by their own stamp."""
    small = [p for p in run.inputs if p.stat().st_size <= HASHED_BYTES]
    settings = stage_settings(run.config, "plot") | {
        "figure": name,
        "large_inputs": {str(p): _own_stamp(p) for p in run.inputs if p not in small},
    }
    return stamp(settings, tuple(small))


def _own_stamp(path: Path) -> dict[str, str]:
    with store.open_hdf5(path) as file:
        text = str(file.attrs.get("provenance", "{}"))
    try:
        own = json.loads(text)
    except ValueError:
        raise LfmcError(f"{path}: its provenance stamp is damaged") from None
    return {key: own.get(key, "") for key in ("utc", "commit", "host")}
