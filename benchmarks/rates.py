"""Configurations per second of every architecture on one core: drawn, inverted, trained on."""

from pathlib import Path

import click
import torch

from benchmarks.clock import rate
from benchmarks.plan import Plan, configuration
from benchmarks.table import Table
from benchmarks.training import train_once
from lfmc.config import Config
from lfmc.flows.build import build_flow
from lfmc.proposals.drawn import CHUNK
from lfmc.proposals.generate import drawing
from lfmc.theories.ensembles import theory_of


def flow_rates(config: Config, repeats: int) -> dict[str, float]:
    """Configurations per CPU second.

    A flow gives a field and its log q in one pass, so there is no cheaper pass without log q;
    `forward` is the torch flow's in float32, as training by Adam uses it. Proposals are made by
    compiled kernels where the flow has them, by the torch flow in float64 where not.
    """
    torch.set_num_threads(1)
    torch.manual_seed(1904)
    action = theory_of(config.ensembles[0])
    flow = build_flow(action, config.flow.model).requires_grad_(False)
    z = torch.randn(CHUNK, flow.sites, dtype=torch.float64)
    phi, normals, draw = flow(z).phi, z.numpy(), drawing(flow)
    single = build_flow(action, config.flow.model).float().requires_grad_(False)
    return {
        "forward, float32": rate(lambda: single(z.float()), CHUNK, repeats),
        "the same with log q, float64": rate(lambda: flow(z), CHUNK, repeats),
        "proposals with log q, float64": rate(lambda: draw(normals), CHUNK, repeats),
        "log q of given fields, float64": rate(lambda: flow.log_q(phi), CHUNK, repeats),
    }


def measure(folder: Path, plan: Plan) -> None:
    """rates.csv, one row a rate."""
    table = Table(folder, "rates", ("architecture", "L"))
    for architecture in plan.architectures:
        for extent in plan.rate_extents:
            if table.has(architecture, extent):
                continue
            config = configuration(architecture, extent, 1904, plan.targets)
            found = flow_rates(config, plan.repeats)
            hard = configuration(architecture, extent, 1904, (0.99,))
            trained = train_once(hard, plan.exact_seconds / 4).samples_per_second
            found["training, its checks included"] = trained
            mark = {"architecture": architecture, "L": extent}
            table.add(*({**mark, "quantity": k, "per_second": v} for k, v in found.items()))
            click.echo(
                f"{architecture} L={extent}: " + ", ".join(f"{v:.3g}/s" for v in found.values())
            )
