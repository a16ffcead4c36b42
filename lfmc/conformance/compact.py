"""A theory of angles, links or unit vectors against itself: action, symmetries, scalars, samplers.

Tangents to the space of fields come from `Theory.start`, which must leave a field as it is: fields
a small step to either side of it differ along the space.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from lfmc.conformance.check import ROUNDING, Check, worst
from lfmc.conformance.samplers import sampler_checks
from lfmc.errors import LfmcError
from lfmc.kernels.lanes import LANES, kernel
from lfmc.kernels.theory import measure
from lfmc.kernels.tuples import store_each
from lfmc.lattice import FloatArray, volume
from lfmc.samplers.state import cold_start, fields
from lfmc.theories.base import Theory

SHAPES, RING = ((4, 4), (4, 6)), (4,)
STEP = 1e-5


def compact_checks(theory: Theory, seed: int = 1) -> Iterator[Check]:
    """Everything that samplers and flows assume of a theory whose fields are no real numbers.

    Args:
        theory: of any field; the lattice is replaced by small ones in two dimensions.
        seed: of fields and chains.
    """
    for shape in SHAPES:
        yield from action_checks(replace(theory, shape=shape), seed)
    yield from sampler_checks(replace(theory, shape=SHAPES[0]), seed)
    ring = _on_ring(theory)
    if ring is not None:
        yield from sampler_checks(ring, seed)


def _on_ring(theory: Theory) -> Theory | None:
    """The theory in one dimension, where more is known exactly, if it exists there."""
    try:
        return replace(theory, shape=RING)
    except LfmcError:
        return None


def action_checks(theory: Theory, seed: int) -> Iterator[Check]:
    """Gradient, batches, translations, numpy against torch, arrays against kernels."""
    where = f"on {'x'.join(map(str, theory.shape))}"
    phi = fields(cold_start(theory, seed, range(LANES), "check", theory.kind, width=1.0))
    energy, scale = theory.evaluate(phi), float(np.abs(theory.evaluate(phi)).max())
    up, down = (_beside(theory, phi, step, seed) for step in (STEP, -STEP))
    if np.abs(up - down).max() > 0:  # signs have no tangent
        along = (theory.gradient(phi) * (up - down)).sum(1)
        change = theory.evaluate(up) - theory.evaluate(down)
        off = worst(along, change)
        yield Check(f"gradient, finite differences {where}", off, 1e-5)
    alone = np.concatenate([theory.evaluate(one[None]) for one in phi])
    yield Check(f"S alone and in a batch {where}", worst(alone, energy, scale), ROUNDING)
    for axis in range(len(theory.shape)):
        per_site = theory.numbers // volume(theory.shape)
        moved = np.roll(phi.reshape(len(phi), *theory.shape, per_site), 1, axis=1 + axis)
        off = worst(theory.evaluate(moved.reshape(phi.shape)), energy, scale)
        yield Check(f"translation along axis {axis} {where}", off, ROUNDING)
    tensors = theory.evaluate(torch.from_numpy(phi)).numpy()
    yield Check(f"torch and numpy {where}", worst(tensors, energy, scale), ROUNDING)
    seen = np.empty((len(theory.scalars), LANES))
    _answers(np.ascontiguousarray(phi.T), theory.geometry(), theory.couplings(), seen)
    for row, name in zip(seen, theory.scalars, strict=True):
        wanted = theory.measure(phi)[name]
        yield Check(f"kernel measure: {name} {where}", worst(row, wanted, 1.0), 1e-9)


def _beside(theory: Theory, phi: FloatArray, step: float, seed: int) -> FloatArray:
    direction = np.random.default_rng(seed).standard_normal(phi.shape)
    return np.asarray(theory.start((phi + step * direction).T[None])[0].T)


@kernel
def _answers(block, near, couplings, seen):
    store_each(seen, 0, measure(block, near, couplings))
