"""`lfmc.theory`: a theory by the name of its kind."""

from collections.abc import Sequence
from typing import Any

from lfmc.config.kinds import parameters_of, theory_class
from lfmc.errors import LfmcError
from lfmc.theories.base import Theory


def theory(kind: str, shape: Sequence[int], **parameters: float) -> Theory:
    """A theory of any kind that a configuration can name, those of other packages included.

    Args:
        kind: as in a configuration, e.g. "phi4"; an unknown one is refused with all there are.
        shape: extents of the lattice.
        parameters: those of `theory: { kind: ..., ... }` in a configuration.

    Raises:
        LfmcError: an unknown kind, a shape that is no list of extents, or parameters that it does
            not have or allow; names the choices.

    Example:
        >>> lfmc.theory("sine_gordon", (8, 8), beta=1.0, g=0.5, m2=1.0).shape
        (8, 8)
        >>> lfmc.theory("sine_gorden", (8, 8))
        Traceback (most recent call last):
        lfmc.errors.LfmcError: ...sine_gordon...
    """
    if not isinstance(kind, str):
        raise LfmcError(f"kind = {kind!r}; give the name of a theory, e.g. 'phi4'")
    try:
        extents = tuple(shape)
    except TypeError:
        raise LfmcError(f"theory {kind}: shape = {shape!r}; give extents, e.g. (8, 8)") from None
    try:
        section = parameters_of({"kind": kind, **parameters})
    except ValueError as error:
        raise LfmcError(f"theory {kind}: {error}") from None
    values: dict[str, Any] = section.model_dump(exclude={"kind"})
    made: Theory = theory_class(kind)(extents, **values)
    return made
