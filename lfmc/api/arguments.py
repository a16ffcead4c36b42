"""Arguments as users give them, checked: whole numbers, seeds, theories and fields."""

import operator
from math import prod
from typing import Any

import numpy as np

from lfmc.config.sections import Ensemble
from lfmc.errors import LfmcError
from lfmc.exchange.fields import require_unit
from lfmc.lattice import FloatArray
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import ensemble_of


def whole(name: str, value: Any, low: int, high: int = 10**12) -> int:
    """A whole number of a range.

    Raises:
        LfmcError: another value; names the argument and the range.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or not low <= number <= high:
        raise LfmcError(f"{name} = {value!r}; give a whole number from {low} to {high}")
    return number


def seed_of(value: Any) -> int:
    """A seed: 0 <= seed < 2^63."""
    return whole("seed", value, 0, 2**63 - 1)


def shape_of(theory: Any) -> tuple[int, ...]:
    """Extents of a theory's lattice.

    Raises:
        LfmcError: an object without a shape or without evaluate.
    """
    shape = getattr(theory, "shape", None)
    if not callable(getattr(theory, "evaluate", None)) or not isinstance(shape, tuple) or not shape:
        raise LfmcError(
            f"{type(theory).__name__} is no theory: it needs shape, a tuple of extents, and "
            "evaluate(phi), (..., sites) -> (...); e.g. lfmc.Phi4((8, 8), m2=-4.0, lam=6.008)"
        )
    return tuple(whole("an extent of shape", n, 1) for n in shape)


def numbers_of(theory: Any) -> int:
    """Numbers of one field of a theory; of one that `lfmc` does not know: one per site.

    Raises:
        LfmcError: as `shape_of`.
    """
    shape = shape_of(theory)
    return theory.numbers if isinstance(theory, Theory) else prod(shape)


def require_theory(theory: Any) -> None:
    """Evaluate a theory on two fields, as NumPy arrays and as torch tensors.

    Raises:
        LfmcError: it cannot, or S has another shape, or depends on the batch.
    """
    import torch

    sites = numbers_of(theory)
    phi = np.random.Generator(np.random.Philox(0)).standard_normal((2, sites))
    name = type(theory).__name__
    try:
        s, by_torch = theory.evaluate(phi), theory.evaluate(torch.tensor(phi))
        alone = theory.evaluate(phi[:1])
        values = np.array([np.asarray(s), by_torch.numpy(), [alone[0], s[1]]], dtype=np.float64)
    except Exception as error:
        raise LfmcError(
            f"{name}.evaluate must take NumPy arrays and torch tensors, (batch, {sites}) -> "
            f"(batch,): {type(error).__name__}: {error}"
        ) from error
    if values.shape != (3, 2) or not np.isfinite(values).all():
        raise LfmcError(f"{name}.evaluate gives {values.tolist()} for two fields of normals")
    if not np.allclose(values, values[0], 1e-9, 1e-9):
        raise LfmcError(
            f"{name}.evaluate differs between NumPy, torch and a batch of one: {values.tolist()}"
        )


def settings_of(theory: Any, name: str, what: str) -> Ensemble:
    """The settings of a theory that `lfmc` knows.

    Args:
        name: of the random streams.
        what: needs such a theory, for the message.

    Raises:
        LfmcError: another theory, or a lattice or couplings that are not allowed.
    """
    shape_of(theory)
    if not isinstance(theory, Theory):
        raise LfmcError(
            f"{what} needs a theory of lfmc, e.g. lfmc.Phi4 or a subclass of lfmc.Scalar, not "
            f"{type(theory).__name__}"
        )
    return ensemble_of(theory, name)


def _shape_of_field(theory: Any) -> tuple[int, ...]:
    """Axes of a field that is not flat: those of the lattice, then those of a site."""
    shape = shape_of(theory)
    each = numbers_of(theory) // prod(shape)
    return shape if each == 1 else (*shape, each)


def fields_of(theory: Any, phi: Any, what: str = "phi") -> FloatArray:
    """Fields as float64, (batch, sites), from (..., sites) or (..., *shape), array or tensor.

    Raises:
        LfmcError: another shape, a number that is not finite, or vectors that are not of unit
            length where those of the theory are.
    """
    shape, sites = _shape_of_field(theory), numbers_of(theory)
    if hasattr(phi, "detach"):
        phi = phi.detach().cpu().numpy()
    try:
        fields = np.asarray(phi, dtype=np.float64)
    except (TypeError, ValueError):
        raise LfmcError(f"{what} is not an array of real numbers") from None
    if fields.shape[-len(shape) :] == shape:
        fields = fields.reshape(*fields.shape[: -len(shape)], sites)
    if fields.ndim == 0 or fields.shape[-1] != sites:
        raise LfmcError(
            f"{what} has the shape {fields.shape}; expected (..., {sites}) or "
            f"(..., {', '.join(map(str, shape))})"
        )
    flat = fields.reshape(-1, sites)
    bad = np.flatnonzero(~np.isfinite(flat).all(1))
    if len(bad):
        raise LfmcError(f"{what}: field {bad[0]} is not finite ({len(bad)} of {len(flat)})")
    if isinstance(theory, Theory):
        require_unit(what, flat, theory)
    return flat


def batch_of(theory: Any, phi: Any) -> tuple[int, ...]:
    """The axes of fields that `fields_of` accepts which count fields, (...)."""
    shape, given = (
        _shape_of_field(theory),
        tuple(phi.shape if hasattr(phi, "shape") else np.shape(phi)),
    )
    return given[: -len(shape)] if given[-len(shape) :] == shape else given[:-1]
