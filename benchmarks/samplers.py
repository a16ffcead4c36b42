"""The compiled samplers against plain NumPy: site updates and site forces per CPU second, gated.

blackjax joins from the peers' environment (`benchmarks.peers`), on the same lattices.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks import numpy_samplers
from benchmarks.clock import rate
from benchmarks.gates import Refused, over_chains, reference_phi2, require_creutz, require_equal
from benchmarks.plan import COUPLINGS, Plan
from benchmarks.table import Table
from lfmc.samplers.cluster import ClusterParameters, sample_cluster
from lfmc.samplers.hmc import HmcParameters, sample_hmc
from lfmc.samplers.local import LocalParameters, sample_local
from lfmc.samplers.state import State, cold_start
from lfmc.theories.phi4 import Phi4

CHAINS = 128
DELTA = 0.5
STEPS = 10
# Length of the trajectory that is accepted about 70 % of the time, by L.
LENGTH = {4: 1.7, 6: 1.635, 8: 1.532, 10: 1.406, 12: 1.289, 14: 1.211, 20: 1.05}


def start(extent: int, settle: int) -> tuple[Phi4, State]:
    """Chains in equilibrium: `settle` updates of cluster and sweep from a cold start."""
    action = Phi4((extent, extent), -4.0, COUPLINGS[extent])
    state = cold_start(action, 1904, range(CHAINS), "check")
    state, _ = sample_cluster(state, action, ClusterParameters(DELTA, 1, 1), settle, settle)
    return action, state


def compiled(extent: int, plan: Plan) -> list[dict[str, Any]]:
    """local, hmc and cluster of this package."""
    action, state = start(extent, plan.gate_updates)
    hmc = HmcParameters(LENGTH[extent], STEPS)
    local, cluster = LocalParameters(DELTA), ClusterParameters(DELTA, 1, 1)
    samplers: dict[str, tuple[Callable, Any, int]] = {
        "local": (sample_local, local, 1),
        "hmc": (sample_hmc, hmc, hmc.forces_per_update),
        "cluster": (sample_cluster, cluster, 1),
    }
    rows = []
    for name, (sample, parameters, work) in samplers.items():
        gate = gate_compiled(f"{name} at L = {extent}", sample, state, action, parameters, plan)

        def updates(sample: Callable = sample, parameters: Any = parameters) -> None:
            sample(state, action, parameters, plan.updates, plan.updates)

        done = rate(updates, CHAINS * plan.updates, plan.repeats)
        rows.append(_row("lfmc", name, extent, done, work, gate))
    return rows


def gate_compiled(
    what: str, sample: Callable, state: State, action: Phi4, parameters: Any, plan: Plan
) -> str:
    """<phi^2> as known, and for HMC <exp(-dH)> = 1; the sentence that says so.

    Raises:
        Refused: one of them is not.
    """
    _, info = sample(state, action, parameters, plan.gate_updates, plan.gate_updates)
    message = ""
    if "dH" in info.extra:
        message = f"<exp(-dH)> = {require_creutz(what, info.extra['dH'].T)}, "
    return message + gate_phi2(what, info.scalars["phi2"].mean(1), action.shape[0])


def gate_phi2(what: str, by_chain: np.ndarray, extent: int) -> str:
    """<phi^2> of chains (chains,) against the reference, where there is one."""
    found = over_chains(by_chain)
    wanted = reference_phi2(extent, COUPLINGS[extent])
    if wanted is not None:
        require_equal(f"{what}: <phi^2>", found, wanted)
    return f"<phi^2> = {found}"


def plain(extent: int, plan: Plan) -> list[dict[str, Any]]:
    """Checkerboard Metropolis and HMC in NumPy."""
    action, state = start(extent, plan.gate_updates)
    theory = numpy_samplers.Theory(action.m2, action.lam)
    phi = np.moveaxis(state.phi, 2, 1).reshape(CHAINS, extent, extent)
    random = np.random.default_rng(1904)
    length = LENGTH[extent]
    few, many = max(plan.updates // 20, 2), max(plan.gate_updates // 20, 20)

    now, sums = phi, np.zeros(CHAINS)
    for _ in range(many):
        now = numpy_samplers.metropolis(now, theory, DELTA, 1, random)
        sums += (now * now).mean((1, 2))
    message = gate_phi2(f"NumPy local at L = {extent}", sums / many, extent)
    done = rate(
        lambda: numpy_samplers.metropolis(phi, theory, DELTA, few, random),
        CHAINS * few,
        plan.repeats,
    )
    rows = [_row("numpy", "local", extent, done, 1, message)]

    _, changes = numpy_samplers.hmc(phi, theory, length, STEPS, many, random)
    creutz = require_creutz(f"NumPy hmc at L = {extent}", changes)
    done = rate(
        lambda: numpy_samplers.hmc(phi, theory, length, STEPS, few, random),
        CHAINS * few,
        plan.repeats,
    )
    rows.append(_row("numpy", "hmc", extent, done, STEPS + 1, f"<exp(-dH)> = {creutz}"))
    return rows


def _row(
    code: str, sampler: str, extent: int, updates: float, work: int, gate: str
) -> dict[str, Any]:
    """Updates of one chain per second, and sites times work (forces or one) of them."""
    rates = {"updates_per_second": updates, "sites_per_second": updates * extent**2 * work}
    return {"code_of": code, "sampler": sampler, "L": extent, **rates, "gate": gate}


def measure(folder: Path, plan: Plan) -> None:
    """samplers.csv, one row a sampler."""
    table = Table(folder, "samplers", ("code_of", "L"))
    for extent in plan.rate_extents:
        for code, contest in (("lfmc", compiled), ("numpy", plain)):
            if table.has(code, extent):
                continue
            try:
                table.add(*contest(extent, plan))
            except Refused as refusal:
                click.echo(f"refused: {refusal}", err=True)
                table.add({"code_of": code, "L": extent, "gate": f"refused: {refusal}"})
            for row in table.rows:
                if (row["code_of"], row["L"]) == (code, extent) and "sampler" in row:
                    click.echo(
                        f"{code} {row['sampler']} L={extent}: {row['sites_per_second']:.3g}/s"
                    )
