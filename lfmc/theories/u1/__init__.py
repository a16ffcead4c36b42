"""U(1) gauge theory in two dimensions, which is solved exactly."""

from lfmc.theories.u1.theory import U1

THEORY = U1

__all__ = ["THEORY", "U1"]
