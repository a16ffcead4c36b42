"""What a theory answers inside kernels, against what it says of arrays."""

from collections.abc import Iterator

import numpy as np

from lfmc.conformance.check import ROUNDING, Check, random_fields, worst
from lfmc.kernels.lanes import LANES, broadcast, kernel, load, store
from lfmc.kernels.theory import action_change, measure, site_change, slope
from lfmc.kernels.tuples import store_each
from lfmc.samplers.hmc import HmcParameters, leapfrog
from lfmc.samplers.local import LocalParameters, sample_local
from lfmc.samplers.state import cold_start
from lfmc.theories.scalar import Scalar


def kernel_checks(theory: Scalar, seed: int) -> Iterator[Check]:
    """Slope, scalars, and changes of S, lane by lane; and a trajectory there and back."""
    phi = random_fields(theory, seed, LANES)
    block = np.ascontiguousarray(phi.T)
    step = 0.1 * theory.largest_field()
    names, couplings, near = theory.scalars, theory.couplings(), theory.geometry()
    slopes, seen = np.empty_like(block), np.empty((len(names), LANES))
    changes = np.empty((2, LANES))
    _answers(block, near, couplings, step, slopes, seen, changes)
    yield Check("kernel slope", worst(slopes.T, theory.gradient(phi)), ROUNDING)
    for row, name in zip(seen, names, strict=True):
        yield Check(f"kernel measure: {name}", worst(row, theory.measure(phi)[name]), ROUNDING)
    moved = phi.copy()
    moved[:, 0] += step
    change = theory.evaluate(moved) - theory.evaluate(phi)
    scale = np.abs(theory.evaluate(phi)).max()
    yield Check("kernel change of one site", worst(changes[0], change, scale), ROUNDING)
    yield Check("kernel change of the action", worst(changes[1], change, scale), ROUNDING)
    yield _reversible(theory, seed)


@kernel
def _answers(block, near, couplings, step, slopes, seen, changes):
    for x in range(near.shape[0]):
        store(slopes, x, slope(load(block, x), block, near, x, couplings))
    old = measure(block, near, couplings)
    store_each(seen, 0, old)
    value = load(block, 0)
    store(changes, 0, site_change(value, broadcast(step), block, near, 0, couplings))
    store(block, 0, value + broadcast(step))
    store(changes, 1, action_change(measure(block, near, couplings), old, near, couplings))


def _reversible(theory: Scalar, seed: int) -> Check:
    state = cold_start(theory, seed, range(LANES), "check", theory.kind)
    state, _ = sample_local(state, theory, LocalParameters(0.5), 100, 100)
    momenta = np.random.default_rng(seed).standard_normal(state.phi.shape)
    parameters = HmcParameters(0.5, 10)
    end, p = leapfrog(state.phi, momenta, theory, parameters)
    back, _ = leapfrog(end, -p, theory, parameters)
    return Check("leapfrog there and back", worst(back, state.phi), 1e-9)
