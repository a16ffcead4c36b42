"""The hierarchy of a multi-scale flow: every second site, again and again; Gaussians between."""

from typing import NamedTuple

import numpy as np

from lfmc.flows.variational import variational_variance
from lfmc.lattice import FloatArray, IntArray, Shape, coordinates, parity, separation, volume
from lfmc.theories.scalar import Scalar


class Level(NamedTuple):
    """One lattice of the hierarchy, in its own flat site order.

    Attributes:
        shape: extents.
        sites: its sites on the full lattice, (n,).
        coarse: those of its sites that the next coarser level has already, (c,); none at the top.
        new: the others, (n - c,).
        groups: the new sites by colour, as positions in `sites`; one couples at a time.
        mean: Gaussian conditional mean of the new sites given the coarse ones, (n - c, c).
        root: symmetric root of their conditional covariance, (n - c, n - c).
    """

    shape: Shape
    sites: IntArray
    coarse: IntArray
    new: IntArray
    groups: tuple[IntArray, ...]
    mean: FloatArray
    root: FloatArray


def levels(action: Scalar) -> list[Level]:
    """From the coarsest lattice, with an odd extent, to the full one.

    The Gaussians are conditionals of the variational Gaussian of the action, so that without
    couplings the hierarchy samples just that.
    """
    stride = 1
    while all(n // stride % 2 == 0 for n in action.shape):
        stride *= 2
    covariance = _covariance(action)
    found: list[Level] = []
    while stride >= 1:
        shape = tuple(n // stride for n in action.shape)
        x = coordinates(shape)
        sites = np.ravel_multi_index(tuple((x * stride).T), action.shape)
        old = (x % 2 == 0).all(1) & bool(found)
        coarse, new = np.flatnonzero(old), np.flatnonzero(~old)
        groups = tuple(np.flatnonzero(~old & (parity(shape) == colour)) for colour in (0, 1))
        mean, root = _conditional(covariance, sites[new], sites[coarse])
        filled = tuple(group for group in groups if len(group))
        found.append(Level(shape, sites, coarse, new, filled, mean, root))
        stride //= 2
    return found


def _covariance(action: Scalar) -> FloatArray:
    """Of the variational Gaussian, (volume, volume)."""
    shape = action.shape
    two_point = np.fft.ifftn(variational_variance(action).reshape(shape)).real.ravel()
    everywhere = np.arange(volume(shape))
    return np.asarray(two_point[separation(shape, everywhere, everywhere).T])


def _conditional(
    covariance: FloatArray, new: IntArray, coarse: IntArray
) -> tuple[FloatArray, FloatArray]:
    across = covariance[np.ix_(new, coarse)]
    solved = np.linalg.solve(covariance[np.ix_(coarse, coarse)], across.T)
    mean = np.asarray(solved.T, dtype=np.float64)
    values, vectors = np.linalg.eigh(covariance[np.ix_(new, new)] - mean @ across.T)
    root: FloatArray = (vectors * np.sqrt(values)) @ vectors.T
    return mean, root
