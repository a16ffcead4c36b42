"""Every sampler of a theory, as a run would have it: exact statements, and one another."""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np

from lfmc.classical import WITH_DH
from lfmc.config import Config
from lfmc.config.problems import validated
from lfmc.config.sampler_sections import Samplers, tuned_samplers
from lfmc.conformance.check import SIGMAS, Check, sigmas
from lfmc.samplers.creutz import creutz_factor
from lfmc.samplers.kind import sampler_kind
from lfmc.samplers.method import method
from lfmc.samplers.state import Info, cold_start
from lfmc.samplers.thermalise import thermalise
from lfmc.samplers.tune import tuned
from lfmc.theories.base import Floats, Means, Theory
from lfmc.theories.ensembles import ensemble_of

CHAINS, UPDATES, SAVE_EVERY = 128, 2000, 10
SHORTEST = 100  # thermalisation of samplers whose updates are expensive


class Estimate(NamedTuple):
    """A value with the error that independent chains give it."""

    value: float
    error: float

    def off(self, exact: float) -> float:
        """Deviation from an exact value in errors."""
        return abs(self.value - exact) / max(self.error, 1e-15)


def sampler_checks(theory: Theory, seed: int) -> Iterator[Check]:
    """<exp(-dH)> = 1, the theory's identities and exact values, and agreement of all samplers."""
    found, where = {}, f"on {'x'.join(map(str, theory.shape))}"
    for sampler in theory.samplers:
        info = _sampled(theory, sampler, seed)
        if sampler in WITH_DH:
            creutz = creutz_factor(info.extra["dH"]).mean(1)
            yield Check(f"{sampler}: <exp(-dH)> = 1 {where}", sigmas(creutz, 1.0), SIGMAS)
        found[sampler] = estimates(theory, info)
        for identity in theory.identities:
            name, exact = identity.observable, identity.value
            off = found[sampler][name].off(exact)
            yield Check(f"{sampler}: {name} {where}", off, SIGMAS, f"exact {exact:.8g}")
    for one, two in combinations(found, 2):
        for name in theory.compared:
            a, b = found[one][name], found[two][name]
            off = Estimate(a.value, float(np.hypot(a.error, b.error))).off(b.value)
            yield Check(f"{name}: {one} and {two} {where}", off, SIGMAS)


def _sampled(theory: Theory, sampler: str, seed: int) -> Info:
    fewer = sampler_kind(sampler, Samplers().section(sampler), theory).fewer
    section = {} if fewer == 1 else {"thermalisation": SHORTEST}
    raw = {
        "seed": seed,
        "ensembles": [ensemble_of(theory, "check").model_dump(mode="json", exclude={"L", "d"})],
        "samplers": {sampler: section},
        "flow": {"targets": []},
    }
    config = validated(Config, raw, sampler)
    needed = tuned_samplers(sorted({theory.opening, sampler}))
    ready = method(
        config, sampler, theory, {one: tuned(config, "check", theory, one) for one in needed}
    )
    state = cold_start(theory, seed, range(CHAINS), "check", theory.kind, sampler)
    _, info = ready.advance(thermalise(state, theory, ready), theory, UPDATES // fewer, SAVE_EVERY)
    return info


def estimates(theory: Theory, info: Info) -> dict[str, Estimate]:
    """Observables with jackknife errors over whole chains."""
    scalars: dict[str, Floats] = {k: v.astype(np.float64) for k, v in info.scalars.items()}
    averages = {k: v.mean(1) for k, v in theory.averaged(scalars).items()}
    correlators = np.array([theory.correlators(fields).mean(0) for fields in info.saved])
    means = Means({k: v.mean(0) for k, v in averages.items()}, correlators.mean(0))
    whole = theory.observables(means)
    without = theory.observables(
        Means({k: _left_out(v) for k, v in averages.items()}, _left_out(correlators))
    )
    n = len(correlators)
    return {
        name: Estimate(float(whole[name]), float(np.std(without[name]) * (n - 1) ** 0.5))
        for name in whole
    }


def _left_out(values: Floats) -> Floats:
    """Means over all chains but one, for each of them."""
    return np.asarray((values.sum(0) - values) / (len(values) - 1))
