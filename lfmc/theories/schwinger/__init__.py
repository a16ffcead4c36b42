"""Two-flavour Schwinger model: U(1) in two dimensions with dynamical Wilson fermions."""

from lfmc.theories.schwinger.theory import Schwinger

THEORY = Schwinger

__all__ = ["THEORY", "Schwinger"]
