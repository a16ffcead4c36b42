"""From a cold start to equilibrium, checked rather than assumed.

HMC from a hot start can leave chains that never accept: the acceptance still looks fine while
observables are several per cent off. So every sampler starts from small Gaussian fields, opens with
Metropolis sweeps, runs its own updates, and then every chain must have moved, <exp(-dH)> must be 1
and the third and fourth quarter of the thermalisation must agree.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lfmc.errors import LfmcError
from lfmc.samplers.creutz import creutz_factor
from lfmc.samplers.method import Method
from lfmc.samplers.state import Info, State, require_finite
from lfmc.theories.base import Theory

# Means over at least LANES = 32 chains, hence Student's t with 31 or more degrees of freedom: seven
# standard errors are passed by chance once in 1e7 checks.
SIGMAS = 7.0


def thermalise(
    state: State, theory: Theory, method: Method, pause: Callable[[], None] = lambda: None
) -> State:
    """Updates of `Theory.opening`, then the sampler's own, then the checks.

    Args:
        pause: called before each of the three parts; may raise to leave it all.

    Raises:
        LfmcError: a chain that never moved, <exp(-dH)> off 1, a drift, or a field that is not
            finite; the message says what to change.
    """
    everyone = state._replace(chains=state.phi.shape[0] * state.phi.shape[2])
    n = method.thermalisation
    pause()
    opening, updates = method.opening, max(n, 100)
    everyone, _ = opening.sample(everyone, theory, opening.parameters, updates, n + 100)
    pause()
    everyone, _ = method.advance(everyone, theory, n - n // 2, n + 1)
    pause()
    everyone, info = method.advance(everyone, theory, n // 2, n + 1)
    require_finite(everyone, method.name)
    check(info, method.name, theory)
    return everyone._replace(chains=state.chains)


def check(info: Info, name: str, theory: Theory) -> None:
    """Raise LfmcError unless every chain moved and the two halves of `info` agree."""
    updates = info.accepted.shape[1]
    if updates < 2:
        return
    acceptance = info.accepted.mean(1)
    never = int((acceptance == 0).sum())
    chance = (
        len(acceptance) * (1 - acceptance[acceptance > 0].mean()) ** updates
        if never < len(acceptance)
        else 0.0
    )
    if never and chance < 1e-6:
        raise LfmcError(
            f"{name}: {never} of {len(acceptance)} chains never accepted in {updates} updates of "
            "thermalisation; tune again, or raise thermalisation or steps"
        )
    if "dH" in info.extra:
        weight = creutz_factor(info.extra["dH"], name).mean(1)
        off = _sigmas(weight - 1)
        if off > SIGMAS:
            raise LfmcError(
                f"{name}: <exp(-dH)> = {weight.mean():.4f} is {off:.1f} sigma off 1 after "
                "thermalisation; raise thermalisation or steps"
            )
    half = updates // 2
    watched = {key: info.scalars[key] for key in theory.scalars if key in theory.compared}
    for label, value in {**watched, theory.slowest: theory.slow_series(info.scalars)}.items():
        off = _sigmas(value[:, -half:].mean(1) - value[:, :half].mean(1))
        if off > SIGMAS:
            raise LfmcError(
                f"{name}: {label} still drifts by {off:.1f} sigma in the second half of the "
                f"thermalisation; raise samplers.{name}.thermalisation"
            )


def _sigmas(by_chain: NDArray) -> float:
    """Mean over chains in units of its standard error."""
    error = by_chain.std(ddof=1) / len(by_chain) ** 0.5
    mean = abs(by_chain.mean())
    return float(mean / error) if error > 0 else (0.0 if mean == 0 else np.inf)
