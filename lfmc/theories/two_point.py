"""The two-point function of a scalar field and what follows from it (arXiv:1904.12072, eq. 22-28).

Nothing is subtracted: what a theory without the symmetry phi -> -phi has of <phi>^2 comes off where
expectation values are known (`lfmc.analysis.observables`).
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lfmc.lattice import Shape, coordinates, neighbours, separation_orbits, volume

Floats = NDArray[np.floating]

MOST_GATHERED = 256  # sites up to which neighbours are looked up in their table
MOST_DENSE = 512  # sites up to which orbits are averaged by a dense product


def averages(phi: Floats, shape: Shape) -> dict[str, Floats]:
    """Averages over the lattice of each configuration, (batch, sites) -> (batch,) each.

    m = 1/V sum phi (signed), phi2 = 1/V sum phi^2, phi4 = 1/V sum phi^4 and
    E = 1/(V d) sum_x sum_mu phi_x phi_{x+mu}.
    """
    square = phi * phi
    hop = forward_sum(phi, shape)
    return {
        "m": phi.mean(1),
        "phi2": square.mean(1),
        "phi4": (square * square).mean(1),
        "E": (phi * hop).mean(1) / len(shape),
    }


def forward_sum(phi: Floats, shape: Shape) -> Floats:
    """Sum over mu of phi at x+mu, (..., sites) -> (..., sites).

    Large lattices are shifted, to the bits that the table of neighbours gives: a gather is slow.
    """
    if volume(shape) <= MOST_GATHERED:
        forward = neighbours(shape)[:, 0::2]
        total: Floats = sum(phi[..., forward[:, mu]] for mu in range(len(shape)))  # type: ignore[assignment]
        return total
    grid = phi.reshape(*phi.shape[:-1], *shape)
    found = np.zeros_like(grid)
    for axis in range(-len(shape), 0):
        to, of = (np.moveaxis(a, axis, 0) for a in (found, grid))
        to[:-1] += of[1:]
        to[-1:] += of[:1]
    return found.reshape(phi.shape)


def two_point(phi: Floats, shape: Shape) -> Floats:
    """G(x) = 1/V sum_y phi(y) phi(y+x), averaged over each orbit of x: (batch, orbits).

    Orbits and their order are those of `lattice.separation_orbits`.
    """
    axes = tuple(range(1, len(shape) + 1))
    mode = np.fft.rfftn(phi.reshape(-1, *shape), axes=axes)
    power = mode.real**2 + mode.imag**2
    full = np.fft.irfftn(power, s=shape, axes=axes).reshape(len(phi), -1)
    return full @ _orbit_average(shape) / volume(shape)


@lru_cache(maxsize=8)
def _orbit_average(shape: Shape) -> Any:
    """The matrix (sites, orbits) that averages over orbits: sparse where a dense one is slow."""
    orbits, sites = separation_orbits(shape), volume(shape)
    weight = 1 / orbits.size[orbits.label]
    if sites > MOST_DENSE:
        from scipy.sparse import csr_array  # its import takes as long as all else of some commands

        size = (sites, len(orbits.size))
        return csr_array((weight, (np.arange(sites), orbits.label)), shape=size)
    dense = np.zeros((sites, len(orbits.size)))
    dense[np.arange(sites), orbits.label] = weight
    return dense


def susceptibility(two_point_orbits: Floats, shape: Shape) -> Floats:
    """chi2 = sum_x G(x), (..., orbits) -> (...)."""
    return two_point_orbits @ separation_orbits(shape).size


def ising_energy(two_point_orbits: Floats, shape: Shape) -> Floats:
    """E = 1/d sum_mu G(mu), (..., orbits) -> (...)."""
    label = separation_orbits(shape).label[neighbours(shape)[0, 0::2]]
    return two_point_orbits[..., label].mean(-1)


def zero_momentum_correlator(two_point_orbits: Floats, shape: Shape) -> Floats:
    """G~(p=0, t) = 1/L^(d-1) sum_x G(x, t), (..., orbits) -> (..., T) with T = shape[0].

    Every axis as long as axis 0 serves as time (orbits average over them); t <-> T-t symmetric.
    """
    return two_point_orbits @ slice_weights(shape).T


def slice_weights(shape: Shape) -> Floats:
    """Weights (T, orbits) with G~(0, t) = sum_orbit weights[t, orbit] G(orbit)."""
    orbits = separation_orbits(shape)
    weights = np.zeros((shape[0], len(orbits.size)))
    np.add.at(weights, (coordinates(shape)[:, 0], orbits.label), shape[0] / volume(shape))
    return weights
