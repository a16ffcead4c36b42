"""HMC as cheap as it can be: length and number of steps from a scan that is part of the tuning.

The size of a step follows from the acceptance of short trajectories, on which their number depends
little. Then trajectories of 10, 20, 40 ... steps of that size run with the same number of forces,
until they cost clearly more than the cheapest: forces per independent value of the slowest
observable are (steps + 1) 2 tau_int. The minimum of a parabola in the logarithms is taken. Lengths
are random, as in `lfmc.samplers.hmc`, whose kernel this is.
"""

from math import exp
from typing import Any, NamedTuple

import numpy as np

from lfmc.config.sampler_sections import HmcTuned
from lfmc.errors import LfmcError
from lfmc.samplers.hmc import WINDOW, HmcParameters, sample_hmc
from lfmc.samplers.kind import SamplerKind
from lfmc.samplers.state import State, require_finite
from lfmc.samplers.tau_of_means import tau_of_means
from lfmc.theories.base import Theory

FIRST = 10  # steps of the shortest trajectories, whose length is tuned to the acceptance
MOST = 2560  # steps of the longest
WORSE = 1.5  # times the cheapest: where the scan ends
SETTLE = 0.1  # part of the forces of a number of steps that are spent before it is measured


class Scanned(NamedTuple):
    """One number of steps of the scan.

    Attributes:
        steps, length: of the trajectories; acceptance: of them.
        tau: integrated autocorrelation time of the slowest observable, in trajectories.
        forces: gradient evaluations per independent value of it; error: of them.
    """

    steps: int
    length: float
    acceptance: float
    tau: float
    forces: float
    error: float


def scanned(settings: HmcTuned, theory: Theory, length: float, state: State) -> dict[str, Any]:
    """What the scan found: trajectory_length, steps, forces_per_independent, scan.

    Args:
        length: of trajectories of FIRST steps at the wanted acceptance.
        state: chains somewhere; a first pass of the scan's length leads them to equilibrium.
    """
    budget, size = settings.scan_forces, length / FIRST
    state, _ = _run(state, theory, 8 * FIRST, size, budget)
    found: list[Scanned] = []
    steps = FIRST
    while steps <= MOST and budget // (steps + 1) >= 10:
        state, one = _measured(state, theory, steps, size, budget)
        found.append(one)
        if one.forces > WORSE * min(other.forces for other in found):
            break
        steps *= 2
    if not found:
        raise LfmcError(f"samplers.hmc-tuned.scan_forces: {budget} are too few for one trajectory")
    best = cheapest(found)
    state, chosen = _measured(state, theory, best, size, budget)
    return {
        "trajectory_length": chosen.length,
        "steps": chosen.steps,
        "forces_per_independent": chosen.forces,
        "forces_per_independent_error": chosen.error,
        "scan": [one._asdict() for one in (*found, chosen)],
    }


def cheapest(found: list[Scanned]) -> int:
    """Number of steps at the minimum of a parabola, log forces against log steps.

    It is fitted to all of the scan, whose numbers have errors of a fifth; within its ends.
    """
    steps, costs = np.log([one.steps for one in found]), np.log([one.forces for one in found])
    if len(found) < 3:
        return found[int(np.argmin(costs))].steps
    _, slope, curvature = np.polynomial.polynomial.polyfit(steps, costs, 2)
    if not curvature > 0:
        return found[int(np.argmin(costs))].steps
    return round(exp(float(np.clip(-slope / (2 * curvature), steps[0], steps[-1]))))


def _measured(
    state: State, theory: Theory, steps: int, size: float, budget: int
) -> tuple[State, Scanned]:
    state, _ = _run(state, theory, steps, size, int(SETTLE * budget))
    state, info = _run(state, theory, steps, size, budget)
    require_finite(state, "hmc-tuned")
    tau, error = tau_of_means(theory.slow_series(info.scalars))
    each, accepted = 2 * (steps + 1), float(info.accepted.mean())
    return state, Scanned(steps, steps * size, accepted, tau, each * tau, each * error)


def _run(state: State, theory: Theory, steps: int, size: float, budget: int) -> Any:
    trajectories = max(1, budget // (steps + 1))
    parameters = HmcParameters(steps * size, steps, WINDOW)
    return sample_hmc(state, theory, parameters, trajectories, trajectories)


def _short(settings: HmcTuned, length: float) -> HmcParameters:
    return HmcParameters(length, FIRST, WINDOW)


def _recorded(settings: HmcTuned, entry: dict[str, Any]) -> HmcParameters:
    return HmcParameters(float(entry["trajectory_length"]), int(entry["steps"]), WINDOW)


HMC_TUNED = SamplerKind(
    sample_hmc,
    _short,
    forces=lambda parameters: parameters.forces_per_update,
    completed=scanned,
    recorded=_recorded,
)
