"""log q of every architecture against the automatic Jacobian of its map, after some training."""

from pathlib import Path

import click
import torch

from benchmarks.plan import Plan, configuration
from benchmarks.table import Table
from benchmarks.training import train_once
from lfmc.flows.build import trained_flow
from lfmc.flows.exactness import log_q_error
from lfmc.proposals.generate import drawing

BARS = {"continuous": 1e-3}
BAR = 1e-9


def measure(folder: Path, plan: Plan) -> None:
    """exactness.csv: largest |log q - Jacobian|, and |log q drawn - log q of the field|."""
    table = Table(folder, "exactness", ("architecture", "L"))
    for architecture in plan.architectures:
        for extent in plan.exact_extents:
            if table.has(architecture, extent):
                continue
            config = configuration(architecture, extent, 1904, (0.99,))
            run = train_once(config, plan.exact_seconds)
            flow = trained_flow(config.ensembles[0], config.flow, run.weights)
            error = log_q_error(flow, plan.jacobians, draw=drawing(flow))
            z = torch.randn(
                64, flow.sites, generator=torch.Generator().manual_seed(1), dtype=torch.float64
            )
            phi, log_q = flow(z)
            inverse = float((flow.log_q(phi) - log_q).abs().max())
            bar = BARS.get(architecture, BAR)
            table.add(
                {
                    "architecture": architecture,
                    "L": extent,
                    "acceptance": run.checks[-1]["acceptance_q"] if run.checks else 0.0,
                    "samples": plan.jacobians,
                    "log_q_error": error,
                    "inverse_error": inverse,
                    "bar": bar,
                }
            )
            click.echo(f"{architecture} L={extent}: log q off its Jacobian by {error:.1e}")
