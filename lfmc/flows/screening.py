"""Electric screening of U(1) links in two dimensions: long waves of the plaquettes are damped.

Massless fermions give the photon a mass (Schwinger, Phys. Rev. 128 (1962) 2425): two flavours
contribute -sum_k |P(k)|^2 / (pi k^2) to log |det D|^2 in the continuum. Links of pure gauge theory,
whose plaquettes P are nearly independent, are led there by

    th_mu(x)  ->  th_mu(x) -+ s [ G P(x) - G P(x - nu) ],     G = 1 / k^4 without k = 0,

- for mu = 0 and + for mu = 1, nu the other direction: to the first order this multiplies P(k) by
1 - s / k^2. Links are moved in eight sublattices, direction and parities of both coordinates, one
after another. A moving link is in two plaquettes that no other one of its sublattice shares; of
them only their sum is used, the loop that does not contain the link. So the map is inverted by the
same shifts of the opposite sign, has the Jacobian 1, and is invariant under the gauge group.
"""

from functools import lru_cache
from itertools import product

import numpy as np

from lfmc.lattice import FloatArray, Shape, khat2
from lfmc.theories.u1.decimation import plaquettes_of

SUBLATTICES = tuple(product((0, 1), (0, 1), (0, 1)))  # parity across, parity along, direction


def screened(links: FloatArray, strength: float, inverse: bool = False) -> FloatArray:
    """Links (batch, L0, L1, 2), even extents, after all shifts, or before them; new array."""
    links = links.copy()
    for across, along, mu in reversed(SUBLATTICES) if inverse else SUBLATTICES:
        shift = _shifts(links, across, along, mu)
        sign = (-1.0 if mu == 0 else 1.0) * (-1.0 if inverse else 1.0)
        links[..., mu] += sign * strength * shift
    return links


def _shifts(links: FloatArray, across: int, along: int, mu: int) -> FloatArray:
    """G P(x) - G P(x - nu) at the moving links, 0 elsewhere, (batch, L0, L1)."""
    nu, plaquette = 1 - mu, plaquettes_of(links)
    shape = plaquette.shape[1:]
    moving = _moving(shape, across, along, mu)
    half = 0.5 * np.sin(plaquette + np.roll(plaquette, 1, 1 + nu))
    source = np.where(moving, half, np.sin(plaquette))
    source = np.where(np.roll(moving, -1, nu), np.roll(half, -1, 1 + nu), source)
    potential = np.fft.irfft2(np.fft.rfft2(source) * _propagator(shape), s=shape)
    return np.where(moving, potential - np.roll(potential, 1, 1 + nu), 0.0)


@lru_cache
def _moving(shape: Shape, across: int, along: int, mu: int) -> np.ndarray:
    """Sites whose link mu moves."""
    x = np.indices(shape)
    return np.asarray((x[1 - mu] % 2 == across) & (x[mu] % 2 == along))


@lru_cache
def _propagator(shape: Shape) -> FloatArray:
    """1 / k^4 with k^2 = sum_mu 4 sin^2(k_mu / 2), 0 at k = 0, of real Fourier coefficients."""
    k2 = khat2(shape).reshape(shape)[:, : shape[1] // 2 + 1].copy()
    k2[0, 0] = np.inf
    return np.asarray(k2**-2.0)
