"""How many updates of the kernel a hybrid chain makes from one proposal to the next.

The rule: of 1, 2, 4 ... 64, the number k with the smallest product of tau_int of the theory's
slowest observable, from a short run of 32 chains, and of the cost of one step, c_flow + k c_kernel.
The costs are those by which runs are divided (`SamplerSection.cost`): fixed numbers and no times,
so that the choice, and with it the bits of the chain, follow from the seed. Larger k are not tried
after two in a row that are no improvement.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from lfmc.analysis.gamma_method import integrated_time
from lfmc.analysis.unresolved import Unresolved
from lfmc.config import Config
from lfmc.kernels.lanes import LANES
from lfmc.proposals.model_chains import with_number
from lfmc.samplers.method import Method
from lfmc.samplers.state import State, cold_start
from lfmc.samplers.thermalise import thermalise
from lfmc.theories.base import Theory

CANDIDATES = (1, 2, 4, 8, 16, 32, 64)
UPDATES = 500
WORSE = 2


class Tried(NamedTuple):
    """One number of updates: tau_int in steps of the chain, its error, and tau_int times cost."""

    between: int
    tau: float
    error: float
    cost: float


def cost_of_step(config: Config, chosen: Method, between: int) -> float:
    """Cost of a proposal and its updates, in that of one update of a local sampler of cost 1."""
    kernel = config.samplers.section(chosen.parameters.kernel)
    forces = chosen.parameters.of_kernel.get("steps", 0) + 1
    return config.samplers.hybrid.cost + between * forces * kernel.cost


def chosen_updates(
    config: Config, ensemble: str, theory: Theory, chosen: Method
) -> tuple[int, list[Tried]]:
    """The number of updates between proposals, and what was tried.

    Args:
        ensemble: name in the random streams.
        chosen: the hybrid sampler, see `lfmc.proposals.hybrid.hybrid_method`.
    """
    streams = (config.seed, range(LANES), "tune", ensemble, "hybrid")
    state = thermalise(cold_start(theory, *streams), theory, with_number(chosen, CANDIDATES[2]))
    tried: list[Tried] = []
    for between in CANDIDATES:
        found = pilot(with_number(chosen, between), theory, state, UPDATES)
        state, cost = found.state, found.tau * cost_of_step(config, chosen, between)
        tried.append(Tried(between, found.tau, found.error, cost))
        best = min(tried, key=lambda one: one.cost)
        if len(tried) - 1 - tried.index(best) >= WORSE:
            break
    return best.between, tried


class Pilot(NamedTuple):
    """A short run: its end, tau_int in updates with its error, and the acceptance."""

    state: State
    tau: float
    error: float
    acceptance: float


def pilot(chosen: Method, theory: Theory, state: State, updates: int) -> Pilot:
    """A short run; a tau_int that it does not resolve is the larger of its bound and half of it."""
    state, info = chosen.advance(state, theory, updates, updates)
    accepted = float(info.accepted.mean())
    try:
        tau = integrated_time(theory.slow_series(info.scalars))
    except Unresolved as error:
        return Pilot(state, max(error.bound, updates / 2), float("inf"), accepted)
    return Pilot(state, tau.value, tau.error, accepted)


def record_of(tried: Sequence[Any]) -> list[dict[str, Any]]:
    """What was tried, for a file; an unresolved tau_int has no error."""
    rows = [one._asdict() for one in tried]
    return [{k: v if v != float("inf") else None for k, v in row.items()} for row in rows]
