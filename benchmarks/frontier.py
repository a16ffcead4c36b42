"""How far the default flow goes on one core: ladders of warm starts to more sites and layers.

A rung starts from the weights of the rung before (`lfmc.flows.transfer`): of another lattice, or of
the same with fewer layers, the further ones as the identity. Seconds are CPU seconds of one thread
of all steps since the foot of the ladder; the checks between are this suite's own and do not count.
"""

from functools import partial
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import click
import torch

from benchmarks.plan import COUPLINGS, Plan, Rung
from benchmarks.table import Table
from lfmc.action import Phi4
from lfmc.flow_sections import HeatbathSettings, NaturalSettings
from lfmc.flows.base import Flow
from lfmc.flows.heatbath import HeatbathFlow
from lfmc.flows.transfer import transferred
from lfmc.training.acceptance import acceptance_from_model, effective_sample_size
from lfmc.training.fisher import score_sums
from lfmc.training.natural import NaturalGradient, precision
from lfmc.training.step import log_weights

SEED = 1904
EVERY = 5


class Climb(NamedTuple):
    """Where a ladder stands: the flow, CPU seconds of its steps so far."""

    flow: Flow | None = None
    seconds: float = 0.0


def measure(folder: Path, plan: Plan) -> None:
    """frontier.csv, a row for every fifth step and for the last one of a rung."""
    torch.set_num_threads(1)
    table = Table(folder, "frontier", ("ladder",))
    for name, rungs in plan.frontier.items():
        if table.has(name):
            continue
        rows: list[dict[str, Any]] = []
        climb = Climb()
        for rung in rungs:
            climb = _train(climb, rung, plan.frontier_samples, rows)
        table.add(*({"ladder": name, **row} for row in rows))


def _train(climb: Climb, rung: Rung, samples: int, rows: list[dict[str, Any]]) -> Climb:
    action = Phi4((rung.L, rung.L), -4.0, COUPLINGS[rung.L])
    flow = HeatbathFlow(action, HeatbathSettings(layers=rung.layers))
    if climb.flow is not None:
        flow.load_state_dict(transferred(climb.flow, flow))
    flow = flow.to(precision(rung.damping))
    settings = NaturalSettings(
        samples=rung.samples, largest_samples=rung.samples, damping=rung.damping
    )
    method = NaturalGradient(flow, settings, SEED, partial(score_sums, flow))
    seconds = climb.seconds
    for step in range(rung.steps + 1):
        if step % EVERY == 0 or step == rung.steps:
            rows.append(
                {**rung._asdict(), "step": step, "seconds": seconds, **_seen(flow, samples)}
            )
            click.echo(" ".join(f"{k}={v:.6g}" for k, v in rows[-1].items()))
        if step < rung.steps:
            began = process_time()
            method.advance(step)
            seconds += process_time() - began
    return Climb(flow, seconds)


def _seen(flow: Flow, samples: int) -> dict[str, float]:
    log_w = log_weights(flow, samples, torch.Generator().manual_seed(SEED)).numpy()
    acceptance = acceptance_from_model(log_w)
    return {
        "acceptance_q": acceptance.value,
        "acceptance_q_error": acceptance.error,
        "ess": effective_sample_size(log_w),
        "log_weight_variance": float(log_w.var()),
        "checked": samples,
    }
