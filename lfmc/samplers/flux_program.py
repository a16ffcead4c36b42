"""Programs of moves that turn the flux of one plaquette: which bonds turn when, and who follows.

Around a core plaquette lies a disc of plaquettes. The bonds between two of them have angles a of
flux 1 through the core and -1/(P - 1) through each of the P - 1 others, of smallest sum of squares;
all other bonds rest, so nothing outside the disc changes. While the flux is turned from 0 to its
whole in m steps, sites of the disc are reflected, in step k only those of parity k mod 2. A site
takes part in all steps of its parity if its bonds turn fast, else in every second, third ...: near
the core the angles are large and the vectors have much to follow, at the rim little.

A program is its own mirror image: site by site the same from the end, where the angle of a bond is
its whole minus that of the beginning. So the same program with the opposite flux is its inverse.
"""

from functools import lru_cache
from math import ceil, pi, sin
from typing import NamedTuple

import numpy as np

from lfmc.errors import LfmcError
from lfmc.lattice import FloatArray, IntArray, Shape

Place = tuple[int, int]
Bond = tuple[int, int, int]
POWER = 0.7  # of the speed, of which visits are a multiple: 0.5 and 1 cost up to a fifth more
OFFSETS = 5  # seed of the offsets of sites that do not take part in every step


class Program(NamedTuple):
    """A program about a core plaquette whose first corner is at (0, 0).

    Attributes:
        places: (S + R, 2) coordinates of S sites that are reflected, then of their R neighbours.
        near: (S, 4) places beside each reflected one, in the order of `lfmc.lattice.neighbours`.
        links: (S, 4) bonds between them.
        bonds: (B, 3) place and direction of every bond of a reflected site.
        ends: (B, 2) the places that it joins.
        plaquettes: (P, 2) first corners of the disc, the core first.
        visits: (n,) reflected places, in turn.
        turns: (n, 4) angles of the four bonds before each, over 2 pi and for a unit of core flux.
        last: (B,) the same after all visits.
    """

    places: IntArray
    near: IntArray
    links: IntArray
    bonds: IntArray
    ends: IntArray
    plaquettes: IntArray
    visits: IntArray
    turns: FloatArray
    last: FloatArray


def fits(shape: Shape, radius: float) -> bool:
    """Whether all places of a disc are different ones of the lattice."""
    return min(shape) >= 2 * int(radius) + 2


@lru_cache
def program(radius: float, steps: int, density: float, ease: float) -> Program:
    """The program of a disc.

    Args:
        radius: of the centres of plaquettes about that of the core, in lattice units, at least 1.
        steps: m; a site of density 1 is reflected (m +- 1)/2 times.
        density: of the visits of the sites at the core; those of others fall as their speed to the
            power POWER, the speed being the square root of the sum of squares of the angles of
            their bonds; rounded to 1, 1/2, 1/3 ..., as work is lost where visits are irregular.
        ease: e of the schedule u + e sin(2 pi u)/(2 pi): slow halfway, where the core passes pi.

    Raises:
        LfmcError: a disc of one plaquette, or an even number of steps, which is no mirror image.
    """
    if radius < 1 or steps < 3 or steps % 2 == 0:
        raise LfmcError(
            f"flux program: radius {radius:g} must be at least 1, and {steps} steps odd and above 1"
        )
    disc, angles = disc_angles(radius)
    sites = sorted({end for bond in angles for end in _ends(bond)})
    index = {place: i for i, place in enumerate(sites)}
    bonds: dict[Bond, int] = {}
    near, links = [], []
    for x in sites:
        for y, bond in _around(x):
            near.append(index.setdefault(y, len(index)))
            links.append(bonds.setdefault(bond, len(bonds)))
    visits, turns, last = _visits(sites, angles, bonds, steps, density, ease)
    return Program(
        np.array(list(index)),
        np.array(near).reshape(-1, 4),
        np.array(links).reshape(-1, 4),
        np.array(list(bonds)),
        np.array([[index[end] for end in _ends(bond)] for bond in bonds]),
        np.array(disc),
        np.array(visits),
        np.array(turns) / (2 * np.pi),
        last / (2 * np.pi),
    )


def disc_angles(radius: float) -> tuple[list[Place], dict[Bond, float]]:
    """Plaquettes of a disc, the core first, and the angles of the bonds between them."""
    reach = range(-ceil(radius), ceil(radius) + 1)
    disc = [(i, j) for i in reach for j in reach if i * i + j * j <= radius * radius]
    disc.sort(key=lambda p: p[0] ** 2 + p[1] ** 2)
    beside: dict[Bond, list[tuple[int, int]]] = {}
    for p, (i, j) in enumerate(disc):
        edges = (((i, j, 0), 1), ((i + 1, j, 1), 1), ((i, j + 1, 0), -1), ((i, j, 1), -1))
        for bond, sign in edges:
            beside.setdefault(bond, []).append((p, sign))
    inner = [bond for bond, plaquettes in beside.items() if len(plaquettes) == 2]
    curl = np.zeros((len(disc), len(inner)))
    for column, bond in enumerate(inner):
        for p, sign in beside[bond]:
            curl[p, column] = sign
    flux = np.full(len(disc), -1 / (len(disc) - 1))
    flux[0] = 1.0
    return disc, dict(zip(inner, np.linalg.lstsq(curl, flux, rcond=None)[0].tolist(), strict=True))


def _ends(bond: Bond) -> tuple[Place, Place]:
    i, j, mu = bond
    return (i, j), ((i + 1, j) if mu == 0 else (i, j + 1))


def _around(x: Place) -> list[tuple[Place, Bond]]:
    """The four neighbours of a place and the bonds to them."""
    i, j = x
    return [
        ((i + 1, j), (i, j, 0)),
        ((i - 1, j), (i - 1, j, 0)),
        ((i, j + 1), (i, j, 1)),
        ((i, j - 1), (i, j - 1, 1)),
    ]


def _visits(
    sites: list[Place],
    angles: dict[Bond, float],
    bonds: dict[Bond, int],
    steps: int,
    density: float,
    ease: float,
) -> tuple[list[int], list[list[float]], FloatArray]:
    """Visits, turns before each, and those after all, as in `Program`, in radians."""
    speed = [sum(angles.get(b, 0.0) ** 2 for _, b in _around(x)) ** 0.5 for x in sites]
    share = np.minimum(1.0, density * (np.array(speed) / max(speed)) ** POWER)
    share = 1 / np.rint(1 / share)
    offset = np.random.default_rng(OFFSETS).random(len(sites))
    done = np.zeros(len(bonds))
    visits, turns = [], []
    for k in range(steps):
        u = (k + 0.5) / steps
        time = u + ease * sin(2 * pi * u) / (2 * pi)
        away = abs(k - (steps - 1) / 2)  # the same from either end
        due = away * share / 2 + offset + 1  # at least 1; a visit whenever it passes a whole number
        taken = np.trunc(due) != np.trunc(due - share)
        for x, (i, j) in enumerate(sites):
            if (i + j + k) % 2 or not taken[x]:
                continue
            row = []
            for _, bond in _around((i, j)):
                wanted = angles.get(bond, 0.0) * time
                row.append(wanted - done[bonds[bond]] if bond in angles else 0.0)
                done[bonds[bond]] = wanted if bond in angles else 0.0
            visits.append(x)
            turns.append(row)
    last = np.array([angles.get(bond, 0.0) for bond in bonds]) - done
    return visits, turns, last
