"""The model whose total cost is least: of its training, and of its proposals.

Costs are counted in proposals, not on a clock, so that the choice has the same bits everywhere:
a training sample costs as much as TRAINING_SAMPLE proposals, everything that belongs to it
included. Proposals for an independent value (`flow.training.best_by`):

    chain      2 tau_int of an observable which knows nothing of log w, E_p[1/a] - 1/2 with a(w) the
               probability to leave a field of weight w
    weights    1/ESS
    controls   1/ESS - 1 + UNEXPLAINED, for an observable that control variates follow

Where few samples have most of the weight, they say little about it, and it is that of a normal
log w of the same variance.
"""

from typing import Any

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import ndtr

from lfmc.config.training_sections import BestBy
from lfmc.lattice import FloatArray
from lfmc.training.acceptance import effective_sample_size
from lfmc.training.optimiser import Parameters
from lfmc.weights import leaving_probability

# CPU time of a training sample over that of a proposal of the default flow, with regressions,
# checks and decisions: 140 at L = 6, 90 at L = 10, 61 at 20, 24 at 32, 18 at 44. On large lattices
# it falls with the number of sites, on which regressions do not depend.
TRAINING_SAMPLE, SITES = 100, 14 * 14
# What the prior, the site tables and the action cost of a proposal, in layers: twelve layers take
# 2.0 to 2.2 times the time of four, L = 20 to 64.
FURTHER_LAYERS = 3.3
# The same by weights, where the prior need not be fitted: of a step with its check, of the
# regression at L = 14, and of a sample. A step of 1024 samples takes as long as 9900, 8500 and 6000
# proposals at L = 14, 20 and 32, and a sample of a step of 8192 at L = 32 as two.
STEP, REGRESSION, SAMPLE = 3000, 5000, 2
UNEXPLAINED = 0.03  # of Var(chi2), by control variates, L = 14 to 32
PATIENCE = 5  # checks without a lower cost that end the search
FEW = 4  # the same by weights, where costs have little noise; undone steps do not count
RESOLVED = 0.3  # ESS from which on the weights of a check tell tau_int to a few per cent
LARGEST_VARIANCE = 50.0


def implied_tau(log_weight: FloatArray) -> float:
    """tau_int in proposals from log weights of samples of a model, (n,)."""
    weight = np.exp(log_weight - log_weight.max())
    stay = 1 / leaving_probability(log_weight, np.sort(log_weight)) - 0.5
    return float(weight @ stay / weight.sum())


def normal_tau(variance: float) -> float:
    """The same for a normal log w of this variance, N(variance/2, variance) over p."""
    width = np.sqrt(variance)
    node, share = hermegauss(128)
    # 1/a grows as w, so that fields about w = exp(variance) above the mean count most.
    t = node + width
    tilt = np.exp(-width * node - variance / 2)
    x = variance / 2 + width * t
    leave = ndtr(-t - width) + np.exp(-x) * ndtr(t)
    return float(share @ (tilt / leave) / share.sum() - 0.5)


def chain_tau(log_weight: FloatArray) -> float:
    """tau_int in proposals: that of the weights, or of their variance where ESS < RESOLVED."""
    weight = np.exp(log_weight - log_weight.max())
    if weight.sum() ** 2 >= RESOLVED * len(weight) * (weight @ weight):
        return implied_tau(log_weight)
    return normal_tau(min(float(log_weight.var()), LARGEST_VARIANCE))


def inverse_ess(log_weight: FloatArray) -> float:
    """1/ESS: of the weights, or of a normal log w of their variance where ESS < RESOLVED."""
    ess = effective_sample_size(log_weight)
    if ess >= RESOLVED:
        return 1 / ess
    return float(np.exp(min(float(log_weight.var()), LARGEST_VARIANCE)))


def proposals_per_value(log_weight: FloatArray, by: BestBy) -> float:
    """Proposals for an independent value by a chain, by weights, or with control variates."""
    if by == "chain":
        return 2 * chain_tau(log_weight)
    return inverse_ess(log_weight) - (1 - UNEXPLAINED if by == "controls" else 0.0)


def training_cost(steps: int, samples: int, sites: int, by: BestBy = "chain") -> float:
    """Proposals that a training of so many steps and samples costs on a lattice."""
    smaller = min(1.0, SITES / sites)
    if by == "chain":
        return TRAINING_SAMPLE * samples * smaller
    return (STEP + REGRESSION * smaller) * steps + SAMPLE * samples


def cost(spent: float, log_weight: FloatArray, shared_by: int, by: BestBy = "chain") -> float:
    """Proposals that a model costs.

    Args:
        spent: proposals that its training has cost.
        shared_by: independent values that share it.
    """
    return spent + proposals_per_value(log_weight, by) * shared_by


def proposal_cost(layers: int) -> float:
    """CPU time of a proposal of the default flow over that of four layers."""
    return (FURTHER_LAYERS + layers) / (FURTHER_LAYERS + 4)


def cheapest(
    candidates: list[tuple[Parameters, FloatArray]],
    spent: float,
    shared_by: int,
    by: BestBy = "chain",
) -> dict[str, Any]:
    """Of models with log weights of their samples: cost and model; see `cost`."""
    costs = [cost(spent, log_weight, shared_by, by) for _, log_weight in candidates]
    least = min(costs)
    return {"cost": least, "model": candidates[costs.index(least)][0]}


def cheaper(
    best: dict[str, Any], candidate: dict[str, Any], counted: bool = True
) -> dict[str, Any]:
    """The one of lower cost; checks without a lower cost are counted."""
    if not best or candidate["cost"] < best["cost"]:
        return candidate | {"since": 0}
    return best | {"since": best["since"] + counted}


def exhausted(best: dict[str, Any], spent: float, by: BestBy = "chain") -> bool:
    """Whether no later model can be cheaper, or none has been for PATIENCE checks (FEW)."""
    patience = PATIENCE if by == "chain" else FEW
    return bool(best) and (best["since"] >= patience or spent >= best["cost"])
