"""The number of steps of trajectories of latent HMC.

The rule: of 1, 2, 3, 4, 6, 8, 12 ... 96, the number n with the smallest product of tau_int of the
theory's slowest observable, from a short run of 32 chains, and of the cost of an update, which is
that of a proposal and n gradients. The costs are fixed numbers and no times, so that the choice,
and with it the bits of the chain, follow from the seed. Larger n are not tried once one that
accepts more than half costs clearly more than the cheapest, or nearly everything is accepted.
"""

from typing import NamedTuple

from lfmc.analysis.hybrid_updates import pilot
from lfmc.config import Config
from lfmc.errors import LfmcError
from lfmc.kernels.lanes import LANES
from lfmc.proposals.model_chains import with_number
from lfmc.samplers.method import Method
from lfmc.samplers.state import State, cold_start
from lfmc.samplers.thermalise import thermalise
from lfmc.theories.base import Theory

PROPOSAL = 100.0  # cost of drawing a field and its action
CANDIDATES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
UPDATES = 100
FIRST = (4, 16, 64)  # steps of the trajectories that lead to equilibrium
WORSE = 1.5  # times the cheapest: where the scan ends
HALF = 0.5  # an acceptance below which the scan goes on: tau_int is not resolved yet
NEARLY_ALL = 0.95  # an acceptance with which more steps do not pay


class TriedSteps(NamedTuple):
    """One number of steps: acceptance, tau_int in updates, its error, and tau_int times cost."""

    steps: int
    acceptance: float
    tau: float
    error: float
    cost: float


def cost_of_update(config: Config, steps: int) -> float:
    """Cost of an update, in that of one update of a local sampler of cost 1."""
    return PROPOSAL + steps * config.samplers.latent_hmc.cost


def chosen_steps(
    config: Config, ensemble: str, theory: Theory, chosen: Method
) -> tuple[int, list[TriedSteps]]:
    """The number of steps, and what was tried.

    Args:
        ensemble: name in the random streams.
        chosen: the sampler, see `lfmc.proposals.latent_hmc.latent_method`.
    """
    streams = (config.seed, range(LANES), "tune", ensemble, "latent-hmc")
    state = _thermalised(cold_start(theory, *streams), theory, chosen)
    tried: list[TriedSteps] = []
    for steps in CANDIDATES:
        found = pilot(with_number(chosen, steps), theory, state, UPDATES)
        state, cost = found.state, found.tau * cost_of_update(config, steps)
        tried.append(TriedSteps(steps, found.acceptance, found.tau, found.error, cost))
        best = min(tried, key=lambda one: one.cost)
        dear = cost > WORSE * best.cost and found.acceptance > HALF
        if dear or found.acceptance > NEARLY_ALL:
            break
    return best.steps, tried


def _thermalised(state: State, theory: Theory, chosen: Method) -> State:
    """Chains in equilibrium, by the fewest steps of FIRST whose chains pass the checks of it."""
    for steps in FIRST[:-1]:
        try:
            return thermalise(state, theory, with_number(chosen, steps))
        except LfmcError:
            continue
    return thermalise(state, theory, with_number(chosen, FIRST[-1]))
