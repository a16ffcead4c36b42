"""Kernels of U(1) gauge theory in two dimensions, chosen by the type of its couplings.

Fields of a block are (2V, LANES), link (x, mu) in row 2x + mu; `near` is `lattice.links.staples`.
"""

from math import pi
from typing import NamedTuple

import numpy as np

from lfmc.kernels.angles import nearest
from lfmc.kernels.lanes import LANES, broadcast, inlined, load, select, store
from lfmc.kernels.mathematics import sincos_turns, size
from lfmc.kernels.theory import kernels_of

TURN = 1.0 / (2.0 * pi)
WHOLE = 1e-9  # how far from a whole number a charge may be


class U1Couplings(NamedTuple):
    """beta of S = -beta sum cos P."""

    beta: float


@inlined
def plaquette_turns(phi, near, x):
    """P(x) / 2 pi, not wrapped."""
    ahead = load(phi, 2 * x) + load(phi, near[2 * x, 0])
    return (ahead - load(phi, near[2 * x, 1]) - load(phi, near[2 * x, 2])) * TURN


@inlined
def sine_below(sines, near, x):
    """sin of the plaquette that shares link (x, 0) with that of x."""
    return load(sines, near[2 * x, 3] >> 1)


@inlined
def sine_left(sines, near, x):
    """sin of the plaquette that shares link (x, 1) with that of x."""
    return load(sines, near[2 * x + 1, 0] >> 1)


@inlined
def staple_sums(phi, near, link):
    """(A, B) of a link of angle th, whose plaquettes are th + A and -th + B."""
    a = load(phi, near[link, 0]) - load(phi, near[link, 1]) - load(phi, near[link, 2])
    b = load(phi, near[link, 3]) + load(phi, near[link, 4]) - load(phi, near[link, 5])
    return a, b


@inlined
def _slope(value, phi, near, x, couplings):
    a, b = staple_sums(phi, near, x)
    one, _ = sincos_turns((value + a) * TURN)
    two, _ = sincos_turns((b - value) * TURN)
    return couplings[0] * (one - two)


@inlined
def _site_change(old, step, phi, near, x, couplings):
    a, b = staple_sums(phi, near, x)
    new = old + step
    _, before = sincos_turns((old + a) * TURN)
    _, before_too = sincos_turns((b - old) * TURN)
    _, after = sincos_turns((new + a) * TURN)
    _, after_too = sincos_turns((b - new) * TURN)
    return couplings[0] * ((before - after) + (before_too - after_too))


@inlined
def _action_change(new, old, near, couplings):
    return (-0.5 * couplings[0] * near.shape[0]) * (new[0] - old[0])


@inlined
def _measure(phi, near, couplings):
    sites = near.shape[0] >> 1
    sines = np.empty((sites, LANES))
    cosines = broadcast(0.0)
    charge = broadcast(0.0)
    force2 = broadcast(0.0)
    for x in range(sites):
        turns = plaquette_turns(phi, near, x)
        sine, cosine = sincos_turns(turns)
        store(sines, x, sine)
        cosines = cosines + cosine
        charge = charge + (turns - nearest(turns))
    for x in range(sites):
        own = load(sines, x)
        one, two = own - sine_below(sines, near, x), own - sine_left(sines, near, x)
        force2 = force2 + (one * one + two * two)
    whole = nearest(charge)
    charge = select(size(charge - whole) < WHOLE, whole, np.nan)
    return cosines * (1.0 / sites), force2 * (0.5 / sites), charge


kernels_of(
    U1Couplings,
    slope=_slope,
    site_change=_site_change,
    action_change=_action_change,
    measure=_measure,
)
