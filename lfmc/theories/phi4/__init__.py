"""Scalar phi^4 theory: the theory of arXiv:1904.12072."""

from lfmc.theories.phi4.theory import Phi4

THEORY = Phi4

__all__ = ["THEORY", "Phi4"]
