"""The Wilson-Dirac operator of U(1) links in two dimensions, reduced to the even sites.

    D(x, y) = delta_xy - kappa sum_mu [ (1 - gamma_mu) U_mu(x) delta_(x+mu, y)
                                        + (1 + gamma_mu) U_mu(y)^* delta_(x-mu, y) ],

U = exp(i th), gamma_0 = sigma_1, gamma_1 = sigma_2, gamma_5 = sigma_3. Axis 0 is the time: fermions
are antiperiodic along it, links from its last to its first slice have a factor -1. From D^+ =
gamma_5 D gamma_5 follows that det D is real. D connects sites of different parity only, so that

    det D = det M,   tr D^-1 = 2 tr M^-1,   M = 1 - kappa^2 H_eo H_oe

with M on the V components of the even sites (DeGrand and Rossi, Comput. Phys. Commun. 60 (1990)
211). H_eo H_oe is the sum of `paths` of two hops, whose spin matrices are `SPIN`.
"""

import sys
from functools import lru_cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from lfmc.lattice import Shape, neighbours, parity
from lfmc.lattice.sites import IntArray, coordinates
from lfmc.theories.base import Floats

GAMMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]]])
# Hops +0, +1, -0, -1; a hop and its reverse differ by 2 modulo 4, and their product vanishes.
HOP = np.concatenate([np.eye(2) - GAMMA, np.eye(2) + GAMMA])
SPIN = np.einsum("ast,btu->absu", HOP, HOP)  # of two hops, a before b
AT_ONCE = 2**22  # complex numbers in the matrices of a part of a batch


class Path(NamedTuple):
    """Two hops a, b from every even site; the columns have one entry per even site.

    Attributes:
        a, b: numbers of the hops; of_a, of_b: their links; end: place of the last site among
            the even ones.
    """

    a: int
    b: int
    of_a: IntArray
    of_b: IntArray
    end: IntArray


@lru_cache
def time_signs(shape: Shape) -> Floats:
    """-1 for links that lead from the last to the first slice of the time, else 1, (2V,)."""
    sign = np.ones((len(coordinates(shape)), 2))
    sign[coordinates(shape)[:, 0] == shape[0] - 1, 0] = -1.0
    return sign.ravel()


@lru_cache
def places(shape: Shape) -> IntArray:
    """Place of every site among those of its parity, (V,)."""
    found = np.empty(len(parity(shape)), dtype=np.int64)
    for colour in (0, 1):
        own = parity(shape) == colour
        found[own] = np.arange(own.sum())
    return found


@lru_cache
def paths(shape: Shape) -> tuple[Path, ...]:
    """The twelve kinds of two hops of even sites that do not lead back at once."""
    near = neighbours(shape)
    start = np.flatnonzero(parity(shape) == 0)

    def hop(x: IntArray, a: int) -> tuple[IntArray, IntArray]:
        """(sites after the hop, links of the hop)."""
        mu, back = a % 2, a // 2
        y = near[x, 2 * mu + back]
        return y, 2 * (y if back else x) + mu

    found = []
    for a in range(4):
        y, of_a = hop(start, a)
        for b in (b for b in range(4) if b != (a + 2) % 4):
            z, of_b = hop(y, b)
            found.append(Path(a, b, of_a, of_b, places(shape)[z]))
    return tuple(found)


def even_matrix(phi: Any, shape: Shape, kappa: float) -> Any:
    """M of links, numpy or torch, (batch, 2V) -> complex (batch, V, V); row 2 i + s of site i."""
    library, n = _library(phi), len(places(shape))
    link = _links(phi, shape)
    m = library.zeros((len(phi), n, n), dtype=library.complex128)
    if library is not np:
        m = m.to(phi.device)
    m[:, np.arange(n), np.arange(n)] += 1.0
    rows = 2 * np.arange(n // 2)
    for path in paths(shape):
        value = -(kappa**2) * _hop(link, path.a, path.of_a) * _hop(link, path.b, path.of_b)
        for s in range(2):
            for t in range(2):
                m[:, rows + s, 2 * path.end + t] += complex(SPIN[path.a, path.b, s, t]) * value
    return m


def log_determinant(phi: Any, shape: Shape, kappa: float) -> Any:
    """log |det D|, numpy or torch, (..., 2V) -> (...), by the library's LU factorisation."""
    rows, library = phi.reshape(-1, phi.shape[-1]), _library(phi)
    parts = [library.linalg.slogdet(even_matrix(part, shape, kappa))[1] for part in _parts(rows)]
    return library.concatenate(parts).reshape(phi.shape[:-1])


def determinant_gradient(phi: Any, shape: Shape, kappa: float) -> Any:
    """d log |det D| / d th = Re tr(M^-1 dM / d th), (..., 2V) -> (..., 2V)."""
    rows, library = phi.reshape(-1, phi.shape[-1]), _library(phi)
    parts = [_gradient(part, shape, kappa, library) for part in _parts(rows)]
    return library.concatenate(parts).reshape(phi.shape)


def _gradient(phi: Any, shape: Shape, kappa: float, library: ModuleType) -> Any:
    inverse = library.linalg.inv(even_matrix(phi, shape, kappa))
    link, found = _links(phi, shape), library.zeros_like(phi)
    rows = 2 * np.arange(inverse.shape[-1] // 2)
    for path in paths(shape):
        weight = 0.0
        for s in range(2):
            for t in range(2):
                element = inverse[:, 2 * path.end + t, rows + s]
                weight = weight + complex(SPIN[path.a, path.b, s, t]) * element
        value = _hop(link, path.a, path.of_a) * _hop(link, path.b, path.of_b)
        change = (kappa**2) * (weight * value).imag  # of Re(i ...) for a hop along the link
        found[:, path.of_a] += (1 - 2 * (path.a // 2)) * change
        found[:, path.of_b] += (1 - 2 * (path.b // 2)) * change
    return found


def _links(phi: Any, shape: Shape) -> Any:
    """exp(i th) with the sign of the boundary, complex."""
    library = _library(phi)
    sign: Any = time_signs(shape)
    if library is not np:
        sign = library.from_numpy(sign).to(phi.device)
    return sign * library.exp(1j * phi)


def _hop(link: Any, a: int, of: IntArray) -> Any:
    """Phases of hops along the links `of`."""
    return link[:, of] if a < 2 else link[:, of].conj()


def _parts(rows: Any) -> list[Any]:
    """Parts of a batch whose matrices fit into memory."""
    size = max(1, AT_ONCE // (rows.shape[1] // 2) ** 2)
    return [rows[begin : begin + size] for begin in range(0, max(len(rows), 1), size)]


def _library(x: Any) -> ModuleType:
    """numpy, or torch of tensors."""
    return sys.modules["torch"] if type(x).__module__.partition(".")[0] == "torch" else np
