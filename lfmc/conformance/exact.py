"""Exact expectation values on small lattices, by transfer matrices.

A state is one column of the lattice: one site in one dimension, two sites on a lattice L x 2. With
the column's potential V(s) = sum_i U(s_i) - 2h sum_i s_i s_{i+1} the transfer matrix is

    T(s, s') = exp( 2h sum_i s_i s'_i - V(s)/2 - V(s')/2 ),      Z = tr T^L,

on Gauss-Legendre nodes, whose error falls faster than any power of their number.
"""

from itertools import product

import numpy as np

from lfmc.errors import LfmcError
from lfmc.lattice import FloatArray
from lfmc.theories.confinement import GRID, potential_on_grid
from lfmc.theories.scalar import Scalar

NODES = {1: 240, 2: 48}  # per site, by the width of a column
FALLS = (40.0, 60.0, 90.0)


def exact_averages(theory: Scalar) -> dict[str, float]:
    """log Z and expectation values of m, phi2, U, virial, E, and chi2 = V <m^2>.

    Grids of several widths are tried: a wide one cuts nothing off, a narrow one is finer. The one
    that fulfils the Schwinger-Dyson identity best is taken, and `sd_error` says how well.

    Args:
        theory: on a ring of L sites, or on L x 2.

    Raises:
        LfmcError: another lattice.
    """
    return min((_on_grid(theory, fall) for fall in FALLS), key=lambda found: found["sd_error"])


def _on_grid(theory: Scalar, fall: float) -> dict[str, float]:
    length, *rest = theory.shape
    width = rest[0] if rest else 1
    if len(rest) > 1 or width not in NODES:
        raise LfmcError(f"shape {list(theory.shape)}: exact on L sites and on L x 2 only")
    edge = _edge(theory, fall)
    x, weight = np.polynomial.legendre.leggauss(NODES[width])
    x, weight = edge * x, edge * weight
    states = np.array(list(product(x, repeat=width)))
    measure = np.array(list(product(weight, repeat=width))).prod(1)
    constants = theory.constants()
    bonds = (states * np.roll(states, -1, 1)).sum(1) if width > 1 else np.zeros(len(states))
    own = theory.potential(states, *constants).sum(1) - 2 * theory.hopping * bonds
    exponent = 2 * theory.hopping * states @ states.T - 0.5 * (own[:, None] + own)
    top = exponent.max()
    transfer = np.exp(exponent - top) * np.sqrt(measure[:, None] * measure)
    powers = [np.eye(len(states)), transfer]
    while len(powers) <= length - 1:
        powers.append(powers[-1] @ transfer)

    def correlator(distance: int, a: FloatArray) -> float:
        """<a_0 a_r> of columns; tr(A T^r A T^(L-r)) = a^T (T^r o T^(L-r)) a."""
        if distance == 0:
            return float(density @ a**2)
        return float(a @ (powers[distance] * powers[length - distance]) @ a / norm)

    half = length // 2
    density = (powers[half] * powers[length - half]).sum(1)  # the diagonal of T^L
    norm = float(density.sum())
    density = density / norm
    correlation = [correlator(r, states.sum(1)) for r in range(length)]
    next_to = [correlator(1, states[:, i]) for i in range(width)]
    dimension = len(theory.shape)
    bond = np.mean(next_to) + density @ bonds / width
    energy, virial = bond / dimension, density @ (states * theory.slope(states, *constants)).mean(1)
    return {
        "log_Z": float(length * top + np.log(norm)),
        "m": float(density @ states.mean(1)),
        "phi2": float(density @ (states**2).mean(1)),
        "U": float(density @ theory.potential(states, *constants).mean(1)),
        "virial": float(virial),
        "E": float(energy),
        "chi2": float(sum(correlation) / width),
        "sd_error": abs(float(virial - 4 * dimension * theory.hopping * energy) - 1),
    }


def _edge(theory: Scalar, fall: float) -> float:
    """Where exp(-S) of a uniform field, of all sites together, has fallen by exp(-fall)."""
    hop = 2 * len(theory.shape) * theory.hopping
    density = potential_on_grid(theory) - hop * GRID * GRID
    inside = np.flatnonzero(theory.numbers * (density - density.min()) < fall)
    return float(np.abs(GRID[[inside[0] - 1, inside[-1] + 1]]).max())


def finite_differences(theory: Scalar, phi: FloatArray, step: float = 1e-5) -> FloatArray:
    """Central differences of S in every number, (batch, numbers)."""
    found = np.empty_like(phi)
    for k in range(phi.shape[1]):
        up, down = phi.copy(), phi.copy()
        up[:, k] += step
        down[:, k] -= step
        found[:, k] = (theory.evaluate(up) - theory.evaluate(down)) / (2 * step)
    return found
