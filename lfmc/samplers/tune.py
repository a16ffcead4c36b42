"""Step sizes and widths that reach a wanted acceptance: a recorded stage of its own.

Stochastic approximation (Robbins and Monro, Ann. Math. Stat. 22 (1951) 400) of the logarithm of the
step, in batches of many chains; the last value is then measured with its error. The number of
updates is fixed beforehand, so the result depends on the seed alone.
"""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from lfmc.clock import cpu_seconds
from lfmc.config import Config, settings_hash, stage_settings
from lfmc.config.sampler_section import SamplerSection
from lfmc.errors import LfmcError
from lfmc.samplers.kind import sampler_kind
from lfmc.samplers.state import Info, State, cold_start, require_finite
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import theory_of

log = logging.getLogger(__name__)

CHAINS = 64
ITERATIONS = 24
BATCH = 200
MEASURED = 5000
UNTUNED = 0.5  # half-width, or length, of updates before anything is tuned

Sample = Callable[[State, float, int], tuple[State, Info]]


def tune(config: Config, ensemble: str) -> dict[str, Any]:
    """Tuned parameters of all classical samplers that exist for an ensemble's theory.

    Returns:
        hmc.trajectory_length, local.delta, cluster.delta ... (`SamplerSection.tuned`), each with
        acceptance, acceptance_error, target, iterations, updates (per chain) and seconds (CPU);
        seconds of all; settings.

    Raises:
        LfmcError: an acceptance that cannot be reached.
    """
    theory = theory_of(config.ensemble(ensemble))
    found: dict[str, Any] = {}
    # HMC last: the order of the entries is that of the file.
    names = config.samplers.tunes(theory.samplers)
    for name in sorted(names, key=lambda name: name == "hmc"):
        found[name] = tuned(config, ensemble, theory, name)
    settings = stage_settings(config, "tune", ensemble)
    if "hmc" in found:
        found["hmc"]["steps"] = config.samplers.hmc.steps
    found["seconds"] = sum(one["seconds"] for one in found.values())
    found["settings"] = settings
    found["settings_hash"] = settings_hash(settings)
    return found


def tuned(config: Config, ensemble: str, theory: Theory, name: str) -> dict[str, Any]:
    """The entry of `tune` of one sampler."""
    settings = config.samplers.section(name)
    sample = stepping(settings, theory, name)
    state = cold_start(theory, config.seed, range(CHAINS), "tune", ensemble, name)
    kind = sampler_kind(name, settings, theory)
    state = opened(state, config, theory, max(300 // kind.fewer, 1))
    sample(state, 0.1, 1)  # compiles: not a cost of the sampler
    began = cpu_seconds()
    if kind.trained:
        entry = kind.trained(settings, theory, state)
        return entry | {"seconds": cpu_seconds() - began}
    step, record = approach(sample, state, settings.acceptance, name, kind.fewer)
    entry = {settings.tuned: step, **record}
    if kind.completed:
        entry |= kind.completed(settings, theory, step, state)
    return entry | {"seconds": cpu_seconds() - began}


def stepping(settings: SamplerSection, theory: Theory, name: str) -> Sample:
    """A sampler as a function of its tuned parameter."""
    kind = sampler_kind(name, settings, theory)

    def sample(state: State, step: float, updates: int) -> tuple[State, Info]:
        return kind.sample(state, theory, kind.parameters(settings, step), updates, updates)

    return sample


def opened(state: State, config: Config, theory: Theory, updates: int) -> State:
    """Chains after some updates of `Theory.opening`, before anything is tuned."""
    name = theory.opening
    return stepping(config.samplers.section(name), theory, name)(state, UNTUNED, updates)[0]


def approach(
    sample: Sample, state: State, target: float, name: str, fewer: int = 1
) -> tuple[float, dict[str, float | int]]:
    """The step at which `sample` accepts `target`, and how well that was measured.

    From small steps upwards, so that the acceptance is met first where it is monotonic. `fewer`
    divides the numbers of updates.
    """
    batch, measured = max(BATCH // fewer, 1), max(MEASURED // fewer, 1)
    log_step, mean = np.log(0.25), []
    for i in range(ITERATIONS):
        state, info = sample(state, float(np.exp(log_step)), batch)
        gain = 2.0 / (1 + max(0, i - 8))
        log_step += np.clip(gain * (info.accepted.mean() - target), -0.25, 0.25)
        if i >= ITERATIONS // 2:
            mean.append(log_step)
    step = float(np.exp(np.mean(mean)))
    state, info = sample(state, step, measured)
    require_finite(state, name)
    by_chain = info.accepted.mean(1)
    acceptance = float(by_chain.mean())
    error = float(by_chain.std(ddof=1) / len(by_chain) ** 0.5)
    if acceptance > target + 0.03 + 5 * error:
        # Where the leapfrog becomes unstable, the acceptance falls from there to nothing at once.
        log.warning(
            "tune: %s accepts %.3f at step %.4g where %g was wanted: larger steps accept nothing",
            name, acceptance, step, target,
        )  # fmt: skip
    elif acceptance < target - 0.03 - 5 * error:
        raise LfmcError(
            f"tune: {name} accepts {acceptance:.3f} at step {step:.4g} where {target} was wanted; "
            f"give a target that it can reach, or other steps"
        )
    return step, {
        "acceptance": acceptance,
        "acceptance_error": error,
        "target": target,
        "iterations": ITERATIONS,
        "updates": ITERATIONS * batch + measured,
    }
