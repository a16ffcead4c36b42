"""Published values of CP^(N-1) models at single points (M. Hasenbusch, arXiv:1706.04443)."""

from lfmc.lattice import Shape
from lfmc.theories.base import Reference

PAPER = "arXiv:1706.04443"

# (N, L, beta) of the form with auxiliary phases -> values and errors of what the paper calls the
# energy, 2 - 2 E, and of chi, xi (second moment) and chi_top
_POINTS = {
    (21, 26, 0.625): ((0.833348, 9.648, 2.2879, 1.696e-3), (1.0e-5, 2e-3, 6e-4, 9e-6)),
    (21, 32, 0.65): ((0.799334, 12.179, 2.6993, 1.170e-3), (8e-6, 2e-3, 7e-4, 9e-6)),
    (21, 38, 0.675): ((0.768003, 15.429, 3.1814, 8.20e-4), (6e-6, 3e-3, 8e-4, 9e-6)),
    (21, 44, 0.7): ((0.739044, 19.603, 3.744, 5.70e-4), (7e-6, 6e-3, 2e-3, 1.6e-5)),
    (10, 72, 0.8): ((0.6670180, 28.0588, 4.5970, 9.711e-4), (5.4e-6, 5.3e-3, 2.8e-3, 2.2e-6)),
}


def reference_of(kind: str, n: int, beta: float, shape: Shape) -> Reference | None:
    """What is known of a point, or None."""
    extent = shape[0]
    found = _POINTS.get((n, extent, beta))
    if kind != "cpn_auxiliary" or shape != (extent, extent) or not found:
        return None
    published = dict(zip(("E", "chi", "xi", "chi_top"), zip(*found, strict=True), strict=True))
    energy, error = published["E"]
    published["E"] = 1 - energy / 2, error / 2
    return Reference(f"CP({n - 1}), L = {extent}", published, {}, PAPER)
