"""A figure's files: PDF and PNG with provenance in their metadata, and the caption."""

import hashlib
import json
import textwrap
from pathlib import Path

from matplotlib.figure import Figure

from lfmc import store
from lfmc.config import stage_settings
from lfmc.errors import LfmcError
from lfmc.figures.drawable import drawing
from lfmc.figures.registry import FIGURES, figure_module, figures_of
from lfmc.figures.rundata import RunData
from lfmc.figures.style import COLUMN, look
from lfmc.provenance import stamp
from lfmc.seal import EMPTY

HASHED_BYTES = 2**26


def plot(name: str, run: RunData) -> list[Path]:
    """Draw a figure into results/figures/NAME.pdf, .png and .txt (its caption).

    Raises:
        LfmcError: unknown figure, or an input that is missing or damaged.
        NotDrawable: sound inputs that make no figure.
    """
    module, run = figure_module(name), run.of_figure(name)
    with look(), drawing(name):
        figure = module.draw(run)
        caption = module.caption(run) + run.not_reached() + run.theories()
        return _save(name, figure, caption, run)


def placeholder(name: str, run: RunData, reason: str) -> list[Path]:
    """The files of a figure that cannot be drawn: they say why."""
    text = f"Not drawn: {reason}."
    title = figures_of(run.config).get(name, FIGURES[name]).title
    with look():
        figure = Figure(figsize=(COLUMN, 1.6))
        words = "\n".join(textwrap.wrap(f"{title}. {text}", 52))
        figure.text(0.5, 0.5, words, ha="center", va="center", parse_math=False)
        return _save(name, figure, text, run)


def _save(name: str, figure: Figure, caption: str, run: RunData) -> list[Path]:
    mark = _stamp(name, run, caption + "\n")
    return write_figure(run.results / "figures" / name, figure, f"lfmc {name}", caption, mark)


def write_figure(base: Path, figure: Figure, title: str, caption: str, mark: str) -> list[Path]:
    """The files base.pdf, base.png and base.txt (the caption), with a provenance stamp."""
    pdf, png, txt = (base.with_name(f"{base.name}.{suffix}") for suffix in ("pdf", "png", "txt"))
    metadata = {"Title": title, "Subject": caption, "Keywords": mark}
    store.atomically(pdf, lambda path: figure.savefig(path, format="pdf", metadata=metadata))
    figure.set_layout_engine("none")  # the PNG is laid out as the PDF, in half of the time
    mark = mark.replace(EMPTY, "")  # every chunk of a PNG has a checksum of its own
    metadata = {"Title": title, "Description": caption, "provenance": mark}
    store.atomically(png, lambda path: figure.savefig(path, format="png", metadata=metadata))
    store.write_text(txt, caption + "\n")
    return [pdf, png, txt]


def _stamp(name: str, run: RunData, caption: str) -> str:
    """Small inputs by the hash of their bytes, gigabytes of chain by their own stamp."""
    small = [p for p in run.inputs if p.stat().st_size <= HASHED_BYTES]
    settings = stage_settings(run.config, "plot") | {
        "figure": name,
        "caption_sha256": hashlib.sha256(caption.encode()).hexdigest(),
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
