"""The Schwinger model where it is known: dense operators, free fermions, and a 2 x 2 lattice."""

import math

import numpy as np

from lfmc.theories.schwinger import Schwinger

SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]]])


def dense(phi, shape, kappa, boundary=-1.0):
    """D of one configuration (2V,), site by site from its definition, (2V, 2V)."""
    l0, l1 = shape
    volume = l0 * l1
    d = np.zeros((volume, 2, volume, 2), dtype=complex)
    link = phi.reshape(l0, l1, 2)
    one = np.eye(2)
    for x in range(l0):
        for y in range(l1):
            here = x * l1 + y
            d[here, :, here, :] += one
            for mu, (u, v) in enumerate((((x + 1) % l0, y), (x, (y + 1) % l1))):
                there = u * l1 + v
                phase = np.exp(1j * link[x, y, mu])
                if mu == 0 and x == l0 - 1:
                    phase *= boundary
                d[here, :, there, :] -= kappa * (one - SIGMA[mu]) * phase
                d[there, :, here, :] -= kappa * (one + SIGMA[mu]) * phase.conjugate()
    return d.reshape(2 * volume, 2 * volume)


def free_log_determinant(shape, kappa, antiperiodic=True):
    """log det D of links 1: the product over momenta of a matrix of two components."""
    shift = 0.5 if antiperiodic else 0.0
    p0 = 2 * math.pi * (np.arange(shape[0])[:, None] + shift) / shape[0]
    p1 = 2 * math.pi * np.arange(shape[1]) / shape[1]
    mass = 1 - 2 * kappa * (np.cos(p0) + np.cos(p1))
    kinetic = 4 * kappa**2 * (np.sin(p0) ** 2 + np.sin(p1) ** 2)
    return float(np.log(mass**2 + kinetic).sum())


def links_of_two(points):
    """Links of 2 x 2 sites on a grid of the five angles that no gauge fixes, (points^5, 8)."""
    angle = 2 * math.pi * np.arange(points) / points
    free = np.stack(np.meshgrid(*[angle] * 5, indexing="ij"), -1).reshape(-1, 5)
    phi = np.zeros((len(free), 8))
    # The links 0 -> 2, 0 -> 1 and 2 -> 3 between sites reach all four of them.
    phi[:, [2, 3, 4, 6, 7]] = free
    return phi


def exact_on_two(beta, kappa, points=10, weight=None):
    """log Z, plaquette, condensate and log_det on 2 x 2, by the trapezoidal rule.

    Args:
        weight: another -S of links, (batch, 8) -> (batch,), for negative controls.
    """
    theory, phi = Schwinger((2, 2), beta, kappa), links_of_two(points)
    log_p = -theory.evaluate(phi) if weight is None else weight(phi)
    p = np.exp(log_p - log_p.max())
    seen = theory.measure(phi)
    found = {name: float((p @ seen[name]) / p.sum()) for name in ("plaquette", "condensate")}
    found["log_det"] = float((p @ seen["log_det"]) / p.sum())
    found["log_Z"] = float(np.log(p.mean()) + log_p.max() + 8 * math.log(2 * math.pi))
    return found
