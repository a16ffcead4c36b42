"""O(N) models: unit vectors on the sites of a lattice, from Ising (N = 1) on."""

from lfmc.theories.spheres.theory import Spheres

THEORY = Spheres

__all__ = ["THEORY", "Spheres"]
