"""Integrated autocorrelation times against L in updates, the unit in which samplers differ.

Saving every tenth update hides most of the critical slowing down of hmc (tau falls to 1/2).
"""

from matplotlib.figure import Figure

from lfmc.figures.rundata import RunData
from lfmc.figures.tau_int import caption_unit, draw_unit, samplers
from lfmc.figures.units import updates


def draw(run: RunData) -> Figure:
    """Three panels as in tau_int."""
    return draw_unit(run, "update")


def caption(run: RunData) -> str:
    table = run.table("acceptance")
    rates = [
        f"{name} {rows.acceptance.min():.2f}-{rows.acceptance.max():.2f}"
        for name in samplers(run, "update")
        if len(rows := table[table.sampler == name])
    ]
    return caption_unit(run, "update") + (
        f" Unit: updates ({updates(run)}). Acceptance: {', '.join(rates)}.{run.without_imported()}"
    )
