"""A theory against itself: gradient, symmetries, kernels, and exact values on small lattices."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from lfmc.conformance.chains import chain_checks
from lfmc.conformance.check import ROUNDING, Check, random_fields, worst
from lfmc.conformance.exact import finite_differences
from lfmc.conformance.kernels import kernel_checks
from lfmc.errors import LfmcError
from lfmc.theories.scalar import Scalar

SHAPES = ((4,), (4, 6), (2, 4, 2))
RING, PAIR = (4,), (2, 2)


def theory_checks(theory: Scalar, seed: int = 1) -> Iterator[Check]:
    """Everything that samplers and flows assume of a theory, one check after another.

    Args:
        theory: any member of the scalar family; the lattice is replaced by small ones.
        seed: of fields and chains.

    Raises:
        LfmcError: no scalar theory.
    """
    if not isinstance(theory, Scalar):
        raise LfmcError(f"conformance knows scalar theories, not {type(theory).__name__}")
    for shape in SHAPES:
        yield from action_checks(replace(theory, shape=shape), seed)
    yield from kernel_checks(replace(theory, shape=(4, 4)), seed)
    for shape in (RING, PAIR):
        yield from chain_checks(replace(theory, shape=shape), seed)


def action_checks(theory: Scalar, seed: int) -> Iterator[Check]:
    """Gradient, symmetries, batches, numpy against torch."""
    where = f"on {'x'.join(map(str, theory.shape))}"
    phi = random_fields(theory, seed)
    gradient, energy = theory.gradient(phi), theory.evaluate(phi)
    differences = finite_differences(theory, phi)
    scale = np.abs(gradient).max()
    yield Check(f"gradient, finite differences {where}", worst(gradient, differences, scale), 1e-5)
    alone = np.concatenate([theory.evaluate(one[None]) for one in phi])
    yield Check(f"S alone and in a batch {where}", worst(alone, energy), ROUNDING)
    shaped = phi.reshape(-1, *theory.shape)
    moved = np.roll(shaped, 1, axis=1 + len(theory.shape) - 1).reshape(phi.shape)
    yield Check(f"translation {where}", worst(theory.evaluate(moved), energy), ROUNDING)
    turned = shaped[:, ::-1].reshape(phi.shape)
    yield Check(f"reflection {where}", worst(theory.evaluate(turned), energy), ROUNDING)
    if theory.even:
        yield Check(f"phi -> -phi {where}", worst(theory.evaluate(-phi), energy), ROUNDING)
    tensors = theory.evaluate(torch.from_numpy(phi)).numpy()
    yield Check(f"torch and numpy {where}", worst(tensors, energy), ROUNDING)
    means = {name: values.mean() for name, values in theory.measure(phi).items()}
    direct = (phi * gradient).mean()
    yield Check(
        f"Schwinger-Dyson combination {where}",
        worst(np.asarray(theory.schwinger_dyson(means)), np.asarray(direct)),
        ROUNDING,
    )
