"""Discs of a lattice as rows of their own: every chain of a block has its own place.

Kernels of discs then read the same rows for all chains, whatever the place.
"""

import numpy as np

from lfmc.kernels.lanes import LANES, inlined


@inlined
def _place(core, i, j, extents):
    """Flat index of a place about a core."""
    first, second = core // extents[1] + i, core % extents[1] + j
    first = first - extents[0] * (first >= extents[0]) + extents[0] * (first < 0)
    second = second - extents[1] * (second >= extents[1]) + extents[1] * (second < 0)
    return first * extents[1] + second


@inlined
def read_disc(field, bonds, work, s, cores, extents, places, joins, rows):
    """Vectors and s of the disc of every chain into work rows."""
    lattice = np.empty(LANES, np.int64)
    for k in range(places.shape[0]):
        for lane in range(LANES):
            lattice[lane] = _place(cores[lane], places[k, 0], places[k, 1], extents)
        for a in range(rows):
            for lane in range(LANES):
                work[rows * k + a, lane] = field[rows * lattice[lane] + a, lane]
    for b in range(joins.shape[0]):
        for lane in range(LANES):
            x = _place(cores[lane], joins[b, 0], joins[b, 1], extents)
            link = 2 * (2 * x + joins[b, 2])
            s[2 * b, lane], s[2 * b + 1, lane] = bonds[link, lane], bonds[link + 1, lane]


@inlined
def write_disc(field, bonds, work, s, cores, extents, places, joins, moved, rows, accepted):
    """Those of the reflected places back, of the chains that accept."""
    for lane in range(LANES):
        if accepted[0, lane] == 0.0:
            continue
        for k in range(moved):
            x = _place(cores[lane], places[k, 0], places[k, 1], extents)
            for a in range(rows):
                field[rows * x + a, lane] = work[rows * k + a, lane]
        for b in range(joins.shape[0]):
            x = _place(cores[lane], joins[b, 0], joins[b, 1], extents)
            link = 2 * (2 * x + joins[b, 2])
            bonds[link, lane], bonds[link + 1, lane] = s[2 * b, lane], s[2 * b + 1, lane]


@inlined
def read_fluxes(flux, inside, cores, extents, plaquettes):
    """Phases of the plaquettes of the disc of every chain into work rows."""
    for k in range(plaquettes.shape[0]):
        for lane in range(LANES):
            x = _place(cores[lane], plaquettes[k, 0], plaquettes[k, 1], extents)
            inside[k, lane] = flux[x, lane]


@inlined
def write_fluxes(flux, inside, cores, extents, plaquettes, accepted):
    """The phases back, of the chains that accept."""
    for k in range(plaquettes.shape[0]):
        for lane in range(LANES):
            if accepted[0, lane] != 0.0:
                x = _place(cores[lane], plaquettes[k, 0], plaquettes[k, 1], extents)
                flux[x, lane] = inside[k, lane]
