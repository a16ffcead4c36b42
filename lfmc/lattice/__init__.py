"""Geometry of a periodic hypercubic lattice: sites here, links and plaquettes in `links`."""

from lfmc.lattice.sites import (
    FloatArray,
    IntArray,
    Orbits,
    Shape,
    coordinates,
    khat2,
    neighbours,
    parity,
    point_group,
    require_even,
    sampler_neighbours,
    separation,
    separation_orbits,
    volume,
)

__all__ = [
    "FloatArray",
    "IntArray",
    "Orbits",
    "Shape",
    "coordinates",
    "khat2",
    "neighbours",
    "parity",
    "point_group",
    "require_even",
    "sampler_neighbours",
    "separation",
    "separation_orbits",
    "volume",
]
