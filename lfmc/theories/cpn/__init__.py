"""CP^(N-1) models: complex unit vectors up to a phase, in two dimensions."""

from lfmc.theories.cpn.theory import CPN

THEORY = CPN

__all__ = ["CPN", "THEORY"]
