"""Fields as theories take them: arrays or tensors, flat, (..., numbers)."""

from typing import Any

from lfmc.errors import LfmcError


def require_flat(phi: Any, numbers: int, kind: str) -> None:
    """Refuse anything else: further numbers would be left out unnoticed.

    Raises:
        LfmcError: no array or tensor, a last axis of another length, or no real numbers.
    """
    given = getattr(phi, "shape", None)
    if given is None:
        raise LfmcError(f"{kind}: {type(phi).__name__} is no array or tensor of fields")
    if not given or given[-1] != numbers:
        raise LfmcError(f"{kind}: fields of shape {tuple(given)}; flat ones are (..., {numbers})")
    # Names serve both libraries, and torch stays unloaded: float64, torch.float64, int64 ...
    if not str(phi.dtype).removeprefix("torch.").startswith(("float", "bfloat", "int", "uint")):
        raise LfmcError(f"{kind}: fields of {phi.dtype}; give real numbers, float64")
