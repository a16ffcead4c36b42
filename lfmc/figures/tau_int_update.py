"""Integrated autocorrelation times against L in updates, the unit in which samplers differ.

Saving every tenth update hides most of the critical slowing down of hmc (tau falls to 1/2).
"""

from matplotlib.figure import Figure

from lfmc.figures.rundata import RunData
from lfmc.figures.tau_int import caption_unit, draw_unit, samplers


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
    clusters = str(run.config.samplers.cluster.clusters).replace("auto", "V/|C|")
    tuned = "; hmc-tuned: one trajectory" if "hmc-tuned" in run.config.sampler_names else ""
    names = run.config.sampler_names
    hybrid = "; hybrid: one proposal and the updates after it" if "hybrid" in names else ""
    hybrid += "; latent-hmc: one trajectory" if "latent-hmc" in names else ""
    flow = "flow: one proposal; " if run.config.flow_names else ""
    return caption_unit(run, "update") + (
        f" Unit: updates ({flow}hmc: one trajectory of "
        f"{run.config.samplers.hmc.steps} leapfrog steps; local: one sweep; cluster: "
        f"{clusters} cluster and {run.config.samplers.cluster.sweeps} sweep{tuned}{hybrid}). "
        f"Acceptance: {', '.join(rates)}.{run.without_imported()}"
    )
