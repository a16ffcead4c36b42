"""Independent samples of p for the stop rule: the theory's own, or from a short classical run."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lfmc.config.sampler_sections import Samplers, SamplerSection
from lfmc.flows.variational import variational_variance
from lfmc.samplers.kind import sampler_kind
from lfmc.samplers.state import State, cold_start, fields
from lfmc.samplers.tune import UNTUNED, approach, stepping
from lfmc.streams import generator
from lfmc.theories.base import Theory
from lfmc.theories.scalar import Scalar
from lfmc.training.exchange import Advance, Exchange

CHAINS = 128
THERMALISATION = 400
SHORTEST = 100  # thermalisation of samplers whose updates are expensive
SPACING = 10
SEGMENT = 16  # fields of every chain between two copies: the samplers' records take memory twice
# One cluster of an update per so many sites: of 128 x 128 a single one flips 5 %, and a cold start
# would take 2400 updates to reach <chi2>.
SITES_PER_CLUSTER = 1024
SETTINGS = Samplers()  # the defaults: HMC of 10 steps and random length, at acceptance 0.7


def compile_target(theory: Theory) -> None:
    """Compile the kernels of `target_fields`, whose time does not count as training."""
    if theory.independent_fields(1, 0) is not None:
        return
    state = cold_start(theory, 0, range(1), "check", "")
    for name in dict.fromkeys((theory.opening, _source(theory))):
        state, _ = stepping(SETTINGS.section(name), theory, name)(state, 0.1, 1)
    other = theory.companion
    if other is not None:
        _advance(other, other.opening, UNTUNED)(cold_start(other, 0, range(1), "check", ""), 1)


def target_fields(
    theory: Theory,
    count: int,
    seed: int,
    ensemble: str,
    *names: str,
    dtype: DTypeLike = np.float64,
) -> NDArray[Any]:
    """Return fields of p, (count, numbers) of `dtype`, SPACING updates apart (several tau_int).

    They are the theory's own if it can draw them (`Theory.independent_fields`), else they come from
    cluster updates if the theory has them, from HMC of tuned length of other scalar theories, and
    else from `Theory.opening`, with exchanges where it has a `companion`. `names` are further ones
    of the random streams.
    """
    own = theory.independent_fields(
        count, int(generator(seed, "check", ensemble, *names).integers(2**62))
    )
    if own is not None:
        return np.ascontiguousarray(own, dtype=dtype)
    name, width = _source(theory), UNTUNED
    if isinstance(theory, Scalar):
        width = 1.2 * float(np.sqrt(variational_variance(theory).mean()))
    state = cold_start(theory, seed, range(CHAINS), "check", ensemble, *names)
    each = -(-count // CHAINS)
    settings, value = _settings(name, theory), width
    kind = sampler_kind(name, settings, theory)
    updates = max(THERMALISATION // kind.fewer, SHORTEST)
    if name == "hmc":
        opening = stepping(SETTINGS.section(theory.opening), theory, theory.opening)
        state, _ = opening(state, width, updates)
        sample, wanted = stepping(settings, theory, name), settings.acceptance
        value, _ = approach(sample, state, wanted, name, kind.fewer)
    other = theory.companion
    if other is not None:
        advance = _advance(other, other.opening, UNTUNED)
        beside = Exchange(theory, other, advance, CHAINS, seed, ensemble, *names)
        exchanged = _exchanged(beside, state, _advance(theory, name, value), count, updates)
        return np.asarray(exchanged, dtype=dtype)
    parameters = kind.parameters(settings, value)
    state, _ = kind.sample(state, theory, parameters, updates, updates)
    # Neighbours in the list come from different chains, so blocks of it are unbiased samples.
    found = np.empty((each, CHAINS, theory.numbers), dtype)
    for first in range(0, each, SEGMENT):
        part = found[first : first + SEGMENT]
        state, info = kind.sample(state, theory, parameters, len(part) * SPACING, SPACING)
        part[:] = info.saved.swapaxes(0, 1)
    return found.reshape(each * CHAINS, -1)[:count]


def _advance(theory: Theory, name: str, value: float) -> Advance:
    """Updates of a sampler with the default settings."""
    sample = stepping(SETTINGS.section(name), theory, name)
    return lambda state, updates: sample(state, value, updates)[0]


def _exchanged(
    beside: Exchange, state: State, advance: Advance, count: int, updates: int
) -> NDArray[np.float64]:
    """Fields of p from chains that exchange theirs with those of a companion."""
    beside.state = beside.advance(beside.state, THERMALISATION)
    state = beside.run(state, advance, updates)
    found = []
    for _ in range(-(-count // CHAINS)):
        state = beside.run(state, advance, SPACING)
        found.append(fields(state))
    return np.concatenate(found)[:count]


def _settings(name: str, theory: Theory) -> SamplerSection:
    section = SETTINGS.section(name)
    clusters = max(1, theory.numbers // SITES_PER_CLUSTER)
    return section.model_copy(update={"clusters": clusters}) if name == "cluster" else section


def _source(theory: Theory) -> str:
    """The sampler that makes fields of p: of scalar theories cluster or HMC, else the opening."""
    if "cluster" in theory.samplers:
        return "cluster"
    return "hmc" if isinstance(theory, Scalar) else theory.opening
