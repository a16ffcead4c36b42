"""How far the default flow goes on one core: ladders of warm starts to more sites and layers.

A rung starts from the weights of the rung before (`heatbath.transfer`): of another lattice, or of
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
from lfmc.config.flow_sections import HeatbathSettings
from lfmc.config.training_sections import NaturalSettings
from lfmc.flows.base import Flow
from lfmc.flows.heatbath.flow import HeatbathFlow
from lfmc.flows.heatbath.transfer import transferred
from lfmc.store import atomically
from lfmc.theories.phi4 import Phi4
from lfmc.training.acceptance import acceptance_from_model, effective_sample_size
from lfmc.training.fisher import score_sums
from lfmc.training.natural import NaturalGradient, precision
from lfmc.training.step import model_log_weight

SEED = 1904
EVERY = 5


class Climb(NamedTuple):
    """Where a ladder stands: the flow, CPU seconds of its steps so far."""

    flow: Flow
    seconds: float


def measure(folder: Path, plan: Plan) -> None:
    """frontier.csv, a row for every fifth step and for the last one of a rung.

    Ladders take an hour, so every rung leaves its weights in `ladders/`, and the next starts there.

    Raises:
        click.ClickException: if they are gone.
    """
    torch.set_num_threads(1)
    table = Table(folder, "frontier", ("ladder", "L", "layers", "samples", "damping"))
    for name, rungs in plan.frontier.items():
        below: tuple[Path, Rung] | None = None
        for number, rung in enumerate(rungs):
            kept = folder / "ladders" / f"{name.replace(' ', '')}-{number}.pt"
            if not table.has(name, rung.L, rung.layers, rung.samples, rung.damping):
                start = _standing(*below) if below else None
                climb, rows = _train(start, rung, plan.frontier_samples)
                content = {"weights": climb.flow.state_dict(), "seconds": climb.seconds}
                atomically(kept, partial(torch.save, content))
                table.add(*({"ladder": name, **row} for row in rows))
            below = kept, rung


def _standing(kept: Path, rung: Rung) -> Climb:
    if not kept.exists():
        raise click.ClickException(
            f"{kept} is gone, from which the ladder goes on; delete its rows of frontier.csv"
        )
    content = torch.load(kept, weights_only=True)
    flow = _flow(rung)
    flow.load_state_dict(content["weights"])
    return Climb(flow, content["seconds"])


def _flow(rung: Rung) -> Flow:
    action = Phi4((rung.L, rung.L), -4.0, COUPLINGS[rung.L])
    return HeatbathFlow(action, HeatbathSettings(layers=rung.layers)).to(precision(rung.damping))


def _train(climb: Climb | None, rung: Rung, samples: int) -> tuple[Climb, list[dict[str, Any]]]:
    flow, seconds = _flow(rung), 0.0
    if climb is not None:
        flow.load_state_dict(transferred(climb.flow, flow))
        seconds = climb.seconds
    settings = NaturalSettings(
        samples=rung.samples, largest_samples=rung.samples, damping=rung.damping
    )
    optimiser = NaturalGradient(flow, settings, SEED, partial(score_sums, flow))
    rows: list[dict[str, Any]] = []
    for step in range(rung.steps + 1):
        if step % EVERY == 0 or step == rung.steps:
            rows.append(
                {**rung._asdict(), "step": step, "seconds": seconds, **_seen(flow, samples)}
            )
            click.echo(" ".join(f"{k}={v:.6g}" for k, v in rows[-1].items()))
        if step < rung.steps:
            began = process_time()
            optimiser.advance(step)
            seconds += process_time() - began
    return Climb(flow, seconds), rows


def _seen(flow: Flow, samples: int) -> dict[str, float]:
    log_weight = model_log_weight(flow, samples, torch.Generator().manual_seed(SEED)).numpy()
    acceptance = acceptance_from_model(log_weight)
    return {
        "acceptance_q": acceptance.value,
        "acceptance_q_error": acceptance.error,
        "ess": effective_sample_size(log_weight),
        "log_weight_variance": float(log_weight.var()),
        "checked": samples,
    }
