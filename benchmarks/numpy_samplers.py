"""Plain vectorised NumPy versions of two samplers: what one writes in an afternoon.

Fields are (chains, L, L); periodic neighbours by `np.roll`. Checkerboard Metropolis and leapfrog
HMC that moves the momentum first, in float64.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Fields = NDArray[np.float64]


class Theory(NamedTuple):
    """S = sum_x [(4 + m2) phi^2 + lam phi^4 - 2 sum_mu phi phi_mu], two dimensions."""

    m2: float
    lam: float


def neighbours(phi: Fields) -> Fields:
    """Sum of the four neighbours of every site."""
    return np.roll(phi, 1, 1) + np.roll(phi, -1, 1) + np.roll(phi, 1, 2) + np.roll(phi, -1, 2)


def action(phi: Fields, theory: Theory) -> NDArray[np.float64]:
    """S of each field, (chains,)."""
    square = phi * phi
    density = (4 + theory.m2) * square + theory.lam * square * square - phi * neighbours(phi)
    return density.sum((1, 2))


def force(phi: Fields, theory: Theory) -> Fields:
    """-dS/dphi."""
    return 2 * neighbours(phi) - phi * (2 * (4 + theory.m2) + 4 * theory.lam * phi * phi)


def metropolis(
    phi: Fields, theory: Theory, delta: float, sweeps: int, random: np.random.Generator
) -> Fields:
    """Sweeps over both colours of the checkerboard; uniform proposals of half-width delta."""
    extent = phi.shape[1]
    colour = np.indices((extent, extent)).sum(0) % 2
    for _ in range(sweeps):
        for parity in (0, 1):
            new = phi + random.uniform(-delta, delta, phi.shape)
            before, after = phi * phi, new * new
            change = (after - before) * (4 + theory.m2 + theory.lam * (after + before))
            change -= 2 * neighbours(phi) * (new - phi)
            accept = random.random(phi.shape) < np.exp(-np.maximum(change, 0))
            phi = np.where(accept & (colour == parity), new, phi)
    return phi


def hmc(
    phi: Fields,
    theory: Theory,
    length: float,
    steps: int,
    updates: int,
    random: np.random.Generator,
) -> tuple[Fields, NDArray[np.float64]]:
    """(fields, dH of every trajectory (updates, chains)); steps + 1 forces a trajectory."""
    step, changes = length / steps, []
    for _ in range(updates):
        p = random.standard_normal(phi.shape)
        start = 0.5 * (p * p).sum((1, 2)) + action(phi, theory)
        new = phi
        p = p + 0.5 * step * force(new, theory)
        for k in range(steps):
            new = new + step * p
            p = p + (step if k < steps - 1 else 0.5 * step) * force(new, theory)
        change = 0.5 * (p * p).sum((1, 2)) + action(new, theory) - start
        accept = random.random(len(phi)) < np.exp(-np.maximum(change, 0))
        phi = np.where(accept[:, None, None], new, phi)
        changes.append(change)
    return phi, np.array(changes)
