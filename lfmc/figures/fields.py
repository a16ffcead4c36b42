"""Example fields of prior, flow and two classical samplers side by side (arXiv:1904.12072).

The flow's column shows raw proposals, the prior's the standard normals they were made of.
"""

from typing import NamedTuple

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lfmc.config.sections import Ensemble
from lfmc.figures.panels import title
from lfmc.figures.registry import field_sources
from lfmc.figures.rundata import RunData
from lfmc.figures.style import DOUBLE, sampler_mark
from lfmc.lattice import volume

WORDS = {
    "hmc": "HMC",
    "local": "local Metropolis",
    "cluster": "cluster updates",
    "hmc-tuned": "tuned HMC",
    "hybrid": "hybrid",
    "latent-hmc": "latent HMC",
}


class Example(NamedTuple):
    """One configuration, its two leading axes; None where the run has none, and why."""

    column: str
    slab: NDArray[np.floating] | None
    reason: str = "not stored"


def draw(run: RunData) -> Figure:
    """One ensemble per row, one sampler per column, one colour scale throughout."""
    rows = {e.name: examples(run, e) for e in run.config.ensembles}
    limit = colour_limit([x for row in rows.values() for x in row])
    columns = len(next(iter(rows.values())))
    figure = Figure(figsize=(DOUBLE * 0.2 * max(columns, 2), 0.35 + 1.16 * len(rows)))
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for ensemble, line in zip(run.config.ensembles, axes, strict=True):
        for ax, example in zip(line, rows[ensemble.name], strict=True):
            ax.set_xticks([])
            ax.set_yticks([])
            if example.slab is None:
                ax.set_axis_off()
                ax.text(0.5, 0.5, example.reason, ha="center", va="center", transform=ax.transAxes)
                continue
            ax.imshow(example.slab, cmap="RdBu_r", vmin=-limit, vmax=limit, origin="lower")
        line[0].set_axis_on()
        line[0].set_ylabel(title(ensemble).replace(": ", "\n"))
    for ax, example in zip(axes[0], next(iter(rows.values())), strict=True):
        ax.set_title(example.column)
    image = ScalarMappable(Normalize(-limit, limit), "RdBu_r")
    bar = figure.colorbar(image, ax=axes, extend="both", aspect=40, pad=0.02, fraction=0.04)
    bar.set_label(r"$\phi(x)$ (lattice units)")
    return figure


def caption(run: RunData) -> str:
    rows = [examples(run, e) for e in run.config.ensembles]
    lost = any(x.slab is None and x.reason == "not stored" for row in rows for x in row[:1])
    slabs = any(e.d > 2 for e in run.config.ensembles)
    limit = colour_limit([x for row in rows for x in row])
    sentences = [
        f"Single configurations (n = 1 per panel, no average, hence no errors): {_sources(run)}; "
        f"ensembles {', '.join(run.config.ensemble_names)}.",
        f"One colour scale, clipped at |phi| = {limit:.2f}.",
    ]
    if lost:
        sentences.append("Prior samples were not stored for every model and are omitted.")
    if slabs:
        sentences.append("Lattices of more than two dimensions: the plane x_3 = ... = 0.")
    return " ".join(sentences)


def examples(run: RunData, ensemble: Ensemble) -> list[Example]:
    """The last stored configuration of each source."""
    shown: list[Example] = []
    for flow in shown_flow(run):
        seen = run.reached(ensemble.name, flow)
        proposals = run.fields("propose", ensemble.name, flow) if seen else {}
        for name, key in (("prior", "prior"), (sampler_mark(flow).label, "phi")):
            reason = "not stored" if seen else "not reached"
            shown.append(Example(name, slab(proposals.get(key), ensemble.sites), reason))
    for name in field_sources(run.config):
        label, runs = sampler_mark(name).label, run.runs(ensemble.name, name)
        stage = run.config.chain_stage(name)
        place = (stage, ensemble.name, "" if stage == name else name)
        fields = run.fields(*place)["phi"] if runs else None
        reason = "not stored" if runs else "does not run"
        shown.append(Example(label, slab(fields, ensemble.sites), reason))
    return shown


def _sources(run: RunData) -> str:
    """The columns in words."""
    words = [WORDS.get(name, name) for name in field_sources(run.config)]
    for flow in shown_flow(run):
        made = f"the proposal of the {sampler_mark(flow).label} model that the map makes of it"
        words = ["a sample of the prior, N(0, 1) a site", made, *words]
    return " and ".join([", ".join(words[:-1]), *words[-1:]] if words[1:] else words)


def shown_flow(run: RunData) -> tuple[str, ...]:
    """The flow of the highest target that most ensembles have reached; empty without flows."""
    names, flows = run.config.ensemble_names, run.config.flow_names
    if not flows:
        return ()
    best = max(reversed(flows), key=lambda flow: sum(run.reached(e, flow) for e in names))
    return (best,)


def slab(
    fields: NDArray[np.floating] | None, shape: tuple[int, ...]
) -> NDArray[np.floating] | None:
    """The last of (fields, volume) on the axes 0 and 1, at 0 on all others; 1D as one row."""
    if fields is None or fields.ndim != 2 or fields.shape[1] != volume(shape) or not len(fields):
        return None
    whole = np.asarray(fields[-1], dtype=float).reshape(shape)
    if len(shape) == 1:
        return whole[None, :]
    return whole.reshape(*shape[:2], -1)[:, :, 0]


def colour_limit(shown: list[Example]) -> float:
    """The 99.5th percentile of |phi| in all samplers but the prior, which may be far wider."""
    values = [np.abs(x.slab).ravel() for x in shown if x.slab is not None and x.column != "prior"]
    return float(np.quantile(np.concatenate(values), 0.995))
