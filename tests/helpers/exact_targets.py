"""Targets that are known exactly, shared by the tests of all samplers."""

from functools import lru_cache

import numpy as np


def sigmas(by_chain, exact):
    """Deviation of the mean over independent chains, in its own standard errors."""
    error = by_chain.std(0, ddof=1) / len(by_chain) ** 0.5
    return abs(by_chain.mean(0) - exact) / error


def quadrature(action, points=37, edge=2.3):
    """Exact phi2, phi4, E and chi2 of a 2x2 lattice, by the trapezoidal rule on four fields."""
    total = _integrals(action, points, edge)
    return {k: v / total["Z"] for k, v in total.items()}


def log_partition(action, points=37, edge=2.3):
    """Exact log Z of a 2x2 lattice, likewise."""
    return np.log(_integrals(action, points, edge)["Z"]) + 4 * np.log(2 * edge / (points - 1))


@lru_cache
def _integrals(action, points, edge):
    """Sums of weights, and of observables times weights, over a grid of four fields."""
    x = np.linspace(-edge, edge, points)
    total = dict.fromkeys(("Z", "phi2", "phi4", "E", "chi2"), 0.0)
    b, c, d = np.meshgrid(x, x, x, indexing="ij")
    for a in x:
        phi = np.stack([np.full(b.size, a), b.ravel(), c.ravel(), d.ravel()], axis=-1)
        weight = np.exp(-action.evaluate(phi))
        # on 2x2 every neighbour counts twice: sum_mu phi_x phi_{x+mu} over sites
        bonds = 2 * (phi[:, 0] + phi[:, 3]) * (phi[:, 1] + phi[:, 2])
        total["Z"] += weight.sum()
        total["phi2"] += (weight * (phi**2).mean(1)).sum()
        total["phi4"] += (weight * (phi**4).mean(1)).sum()
        total["E"] += (weight * bonds).sum() / 8
        total["chi2"] += (weight * phi.sum(1) ** 2 / 4).sum()
    return total


@lru_cache
def ring_quadrature(action, points=161, edge=3.0):
    """Exact phi2, phi4, E and chi2 of a ring, by powers of the transfer matrix."""
    (sites,) = action.shape
    x = np.linspace(-edge, edge, points)
    half = 0.5 * (action.quadratic * x**2 + action.lam * x**4)
    transfer = np.exp(2 * action.hopping * np.outer(x, x) - half[:, None] - half)
    powers = [np.linalg.matrix_power(transfer, n) for n in range(sites + 1)]
    norm = np.trace(powers[sites])
    two_point = [np.einsum("i,ij,j,ji", x, powers[sites - n], x, powers[n]) for n in range(sites)]
    weight = np.diag(powers[sites])
    return {
        "phi2": (weight * x**2).sum() / norm,
        "phi4": (weight * x**4).sum() / norm,
        "E": two_point[1] / norm,
        "chi2": sum(two_point) / norm,
    }
