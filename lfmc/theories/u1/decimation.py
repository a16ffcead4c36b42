"""Lattices of every second line of links, and the way back: links of the finer lattice drawn.

Where lines of axis 1 are merged, link (x, 0) of every odd row is integrated out, the two plaquettes
beside it become one, and so do the links (x, 1) of two successive rows:

    Phi(x, Y) = P(x, 2Y) + P(x, 2Y + 1),    c_0(x, Y) = th_0(x, 2Y),
    c_1(x, Y) = th_1(x, 2Y) + th_1(x, 2Y + 1)

The way back draws P(x, 2Y) given Phi (`marginals`), and th_1(x, 2Y) uniformly, which is a gauge.
The map has unit Jacobian. Lines of axis 0 likewise.
"""

import math

import numpy as np
from scipy.special import ndtr, ndtri

from lfmc.lattice import FloatArray, Shape
from lfmc.theories.u1.marginals import REACH, quantiles

TWO_PI = 2 * math.pi
TAIL = float(ndtr(-REACH))
SMALLEST = 2.0**-54  # uniforms are whole multiples of 2^-53: half of the first of them


def axes(shape: Shape, levels: int) -> tuple[int, ...]:
    """The axis that each level merges, finest first: the longest one that is even, 1 before 0.

    Returns:
        As many as there can be, at most `levels`.
    """
    sides = list(shape)
    chosen: list[int] = []
    while len(chosen) < levels:
        even = [axis for axis in (1, 0) if sides[axis] % 2 == 0]
        if not even:
            break
        axis = max(even, key=lambda axis: sides[axis])
        sides[axis] //= 2
        chosen.append(axis)
    return tuple(chosen)


def coarser(shape: Shape, axis: int) -> tuple[int, int]:
    """The shape with half the lines along an axis."""
    return (shape[0] // 2, shape[1]) if axis == 0 else (shape[0], shape[1] // 2)


def wrap(angle: FloatArray) -> FloatArray:
    """The same angles in [-pi, pi]."""
    return np.asarray(angle - TWO_PI * np.rint(angle / TWO_PI))


def plaquettes_of(links: FloatArray) -> FloatArray:
    """P of links (batch, L0, L1, 2) -> (batch, L0, L1)."""
    zero, one = links[..., 0], links[..., 1]
    return np.asarray(zero + np.roll(one, -1, 1) - np.roll(zero, -1, 2) - one)


def merged(plaquette: FloatArray, axis: int) -> tuple[FloatArray, FloatArray]:
    """(first of two plaquettes, their sum) along an axis, each wrapped; (batch, ...) halved."""
    every = (slice(None),) * (1 + axis)
    first = plaquette[(*every, slice(0, None, 2))]
    return wrap(first), wrap(first + plaquette[(*every, slice(1, None, 2))])


def refined(
    links: FloatArray, axis: int, beta: float, level: int, uniform: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Links of the finer lattice, and the log density of what was drawn.

    Args:
        links: of the lattice after `level` levels, (batch, l0, l1, 2).
        axis: whose lines that level merged.
        uniform: (batch, 2 l0 l1) in [0, 1): for the plaquettes, then for the gauge.

    Returns:
        (batch, L0, L1, 2), and (batch,) without the uniform law of the gauge.
    """
    from lfmc.theories.u1.split_kernels import split

    batch, l0, l1, _ = links.shape
    phi = wrap(plaquettes_of(links))
    z = ndtri(np.maximum(uniform[:, : l0 * l1], SMALLEST))
    d, log_density = np.empty(phi.size), np.empty(phi.size)
    table = quantiles(beta, level)
    split(z.ravel(), phi.ravel(), *table, REACH, TAIL, d, log_density)
    first = 0.5 * phi + d.reshape(phi.shape)
    gauge = TWO_PI * uniform[:, l0 * l1 :].reshape(phi.shape)
    if axis == 1:
        fine = np.empty((batch, l0, 2 * l1, 2))
        zero, one = links[..., 0], links[..., 1]
        fine[:, :, ::2, 0], fine[:, :, ::2, 1] = zero, gauge
        fine[:, :, 1::2, 1] = one - gauge
        fine[:, :, 1::2, 0] = zero + np.roll(gauge, -1, 1) - gauge - first
    else:
        fine = np.empty((batch, 2 * l0, l1, 2))
        zero, one = links[..., 0], links[..., 1]
        fine[:, ::2, :, 1], fine[:, ::2, :, 0] = one, gauge
        fine[:, 1::2, :, 0] = zero - gauge
        fine[:, 1::2, :, 1] = first - gauge + np.roll(gauge, -1, 2) + one
    return wrap(fine), log_density.reshape(batch, -1).sum(1)


def log_refined(plaquette: FloatArray, axis: int, beta: float, level: int) -> FloatArray:
    """The log density of `refined` for given plaquettes of the finer lattice, (batch,)."""
    from lfmc.theories.u1.split_kernels import log_split

    first, phi = merged(plaquette, axis)
    d, log_density = wrap(first - 0.5 * phi), np.empty(phi.size)
    log_split(d.ravel(), phi.ravel(), *quantiles(beta, level), REACH, TAIL, log_density)
    return np.asarray(log_density.reshape(len(phi), -1).sum(1))


def perfect_links(shape: Shape, beta: float, count: int, seed: int) -> FloatArray | None:
    """Independent links of p, (count, 2V): all levels, from one plaquette whose angle is 0.

    None where an extent is no power of two. Exact but for the tables, of 1e-4 per plaquette.
    """
    chosen = axes(shape, 2 * math.ceil(math.log2(max(shape))) + 1)
    sides = [shape]
    for axis in chosen:
        sides.append(coarser(sides[-1], axis))
    if sides[-1] != (1, 1):
        return None
    random = np.random.Generator(np.random.Philox(seed))
    links = wrap(TWO_PI * random.random((count, 1, 1, 2)))
    for level in range(len(chosen), 0, -1):
        uniform = random.random((count, links[0].size))
        links, _ = refined(links, chosen[level - 1], beta, level, uniform)
    return links.reshape(count, -1)


def links_of(plaquette: FloatArray, holonomy: FloatArray, gauge: FloatArray) -> FloatArray:
    """Links with given plaquettes whose sum is a multiple of 2 pi.

    Args:
        plaquette: (batch, L0, L1); holonomy: one angle for each direction, (batch, 2).
        gauge: angle of every site but the first, (batch, L0 L1 - 1).

    Returns:
        (batch, L0, L1, 2), wrapped.
    """
    batch, l0, l1 = plaquette.shape
    links = np.zeros((batch, l0, l1, 2))
    links[:, -1, 0, 0] = holonomy[:, 0]
    sums = np.cumsum(plaquette, axis=2)
    links[:, :, 1:, 0] = links[:, :, :1, 0] - sums[:, :, :-1]
    rows = np.cumsum(sums[:, :-1, -1], axis=1)
    links[:, :, -1, 1] = holonomy[:, 1:]
    links[:, 1:, -1, 1] += rows
    phase = np.concatenate([np.zeros((batch, 1)), gauge], axis=1).reshape(batch, l0, l1)
    for mu in range(2):
        links[..., mu] += phase - np.roll(phase, -1, 1 + mu)
    return wrap(links)
