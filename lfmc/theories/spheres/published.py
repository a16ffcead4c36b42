"""Published and measured values of O(N) models at single points."""

from lfmc.lattice import Shape
from lfmc.theories.base import Reference

# L -> beta, xi (second moment), chi and chi_top of O(3) on the line L / xi = 4
_LINE = {
    8: (1.05, (2.002, 0.005), (10.34, 0.04), (0.01383, 0.00008)),
    12: (1.187, (2.991, 0.006), (19.46, 0.06), (0.00950, 0.00005)),
    24: (1.375, (5.99, 0.02), (61.3, 0.3), (0.004474, 0.000019)),
}


def reference_of(n: int, beta: float, shape: Shape) -> Reference | None:
    """What is known of a point, or None."""
    extent = shape[0]
    if n != 3 or shape != (extent, extent) or extent not in _LINE or beta != _LINE[extent][0]:
        return None
    _, xi, chi, chi_top = _LINE[extent]
    return Reference(f"O(3), L = {extent}", {}, {"xi": xi, "chi": chi, "chi_top": chi_top})
