"""Heat bath of U(1) links in two dimensions, alone or with a move between topological sectors.

The conditional law of a link of angle th, whose plaquettes are th + A and -th + B, is von Mises of
concentration kappa = beta |e^(-iA) + e^(iB)| about the angle of that vector. It is drawn by
rejection from a wrapped Cauchy law (Best and Fisher, Appl. Stat. 28 (1979) 152), whatever whose
width: with z = cos(pi u), f = (1 + r z)/(r + z) and c = kappa (r - f), the angle arccos f of
random sign is accepted if log v < log c + 1 - c. A chain draws words until its own angle is
accepted and no longer, so its numbers do not depend on the chains beside it.

The move adds the flux +-2 pi / V to every plaquette,

    th_0(x, y) -> th_0(x, y) -+ 2 pi y / V,    th_1(x, L_1 - 1) -> th_1(x, L_1 - 1) +- 2 pi x / L_0

which changes Q by one; it is accepted with min(1, exp(-dS)). Links without it keep Q for
exp(O(beta)) sweeps (arXiv:2003.06413).
"""

from typing import Any, NamedTuple

import numpy as np

from lfmc.kernels.angles import angle_of
from lfmc.kernels.generators import draw, one_to_two, symmetric
from lfmc.kernels.lanes import (
    any_lane,
    broadcast,
    inlined,
    kernel,
    load,
    select,
    square_root,
    store,
)
from lfmc.kernels.mathematics import log_positive, sincos_turns, size
from lfmc.kernels.theory import measure
from lfmc.kernels.tuples import select_each, store_each
from lfmc.samplers.kind import SamplerKind
from lfmc.samplers.state import (
    Info,
    State,
    buffers,
    copied,
    info,
    load_streams,
    save_field,
    store_streams,
)
from lfmc.theories.base import Theory
from lfmc.theories.u1.kernels import TURN, plaquette_turns, staple_sums
from lfmc.theories.u1.torus import unit_flux

SMALLEST = 1e-9  # concentration: the law of a smaller one is uniform to that accuracy
NARROW = 1e-3  # below it r = 1 / kappa


class HeatbathParameters(NamedTuple):
    """sweeps over all links, and moves between sectors after them, of one update."""

    sweeps: int
    moves: int = 0


def sample_heatbath(
    state: State, theory: Theory, parameters: HeatbathParameters, updates: int, save_every: int
) -> tuple[State, Info]:
    """Advance every chain; accepted is the fraction of moves, 1 without any."""
    new = copied(state)
    records = buffers(state, theory, updates, save_every)
    couplings: Any = theory.couplings()
    _run(
        *(new.phi, new.streams, theory.geometry(), unit_flux(theory.shape), *parameters),
        *(couplings, *records[:3], save_every),
    )
    return new, info(new, theory, records)


@inlined
def deviation(kappa, state):
    """(sine, cosine) of a von Mises angle about 0 in every lane, and the new stream state."""
    tau = 1.0 + square_root(1.0 + 4.0 * kappa * kappa)
    rho = (tau - square_root(2.0 * tau)) / (2.0 * kappa)
    r = select(kappa < NARROW, 1.0 / kappa, (1.0 + rho * rho) / (2.0 * rho))
    sine, cosine = broadcast(0.0), broadcast(1.0)
    waiting = kappa < np.inf
    while any_lane(waiting):
        u, later = symmetric(state)
        half_sine, half_cosine = sincos_turns(0.25 * u)  # of pi u / 2
        z = half_cosine * half_cosine - half_sine * half_sine
        common = 1.0 / (r + z)
        # 1 - f and 1 + f without cancellation: (r - 1)(1 - z)/(r + z) and (r + 1)(1 + z)/(r + z)
        down = 2.0 * (r - 1.0) * common * half_sine * half_sine
        up = 2.0 * (r + 1.0) * common * half_cosine * half_cosine
        root = square_root(down * up)
        c = kappa * (r * r - 1.0) * common
        word, later = draw(later)
        accept = log_positive(2.0 - one_to_two(word)) < log_positive(c) + (1.0 - c)
        sine = select(waiting, select(u < 0.0, 0.0 - root, root), sine)
        cosine = select(waiting, 0.5 * (up - down), cosine)
        state = select_each(waiting, later, state)
        waiting = select(accept, kappa < 0.0, waiting)
    return sine, cosine, state


@inlined
def _sweep(phi, near, beta, state):
    for link in range(near.shape[0]):
        a, b = staple_sums(phi, near, link)
        sine_a, cosine_a = sincos_turns(a * TURN)
        sine_b, cosine_b = sincos_turns(b * TURN)
        x, y = cosine_a + cosine_b, sine_b - sine_a
        length = square_root(x * x + y * y)
        kappa = beta * length
        kappa = select(kappa < SMALLEST, SMALLEST, kappa)
        sine, cosine, state = deviation(kappa, state)
        # The direction of (x, y) times the unit vector of the deviation, of whatever length.
        store(phi, link, angle_of(y * cosine + x * sine, x * cosine - y * sine))
    return state


@inlined
def _jump(phi, near, flux, beta, state):
    """One move to Q +- 1: (whether it was accepted as 1 or 0, new stream state)."""
    sines, cosines = broadcast(0.0), broadcast(0.0)
    sites = near.shape[0] >> 1
    for x in range(sites):
        sine, cosine = sincos_turns(plaquette_turns(phi, near, x))
        sines, cosines = sines + sine, cosines + cosine
    u, state = symmetric(state)
    sign = select(u < 0.0, broadcast(-1.0), broadcast(1.0))
    step_sine, step_cosine = sincos_turns(sign * (1.0 / sites))
    # sum of cos(P + delta) - cos P
    gain = beta * (cosines * (step_cosine - 1.0) - sines * step_sine)
    word, state = draw(state)
    accept = log_positive(2.0 - one_to_two(word)) < gain
    moved = select(accept, sign, broadcast(0.0))
    for link in range(near.shape[0]):
        store(phi, link, load(phi, link) + flux[link] * moved)
    return size(moved), state


@kernel
def _run(phi, streams, near, flux, sweeps, moves, couplings, scalars, saved, accepted, save_every):
    updates = accepted.shape[1]
    beta = couplings[0]
    for b in range(phi.shape[0]):
        field = phi[b]
        state = load_streams(streams[b])
        for k in range(updates):
            for _ in range(sweeps):
                state = _sweep(field, near, beta, state)
            count = broadcast(0.0)
            for _ in range(moves):
                jumped, state = _jump(field, near, flux, beta, state)
                count = count + jumped
            store(accepted[b], k, count / moves if moves else broadcast(1.0))
            seen = measure(field, near, couplings)
            store_each(scalars[b], k * len(seen), seen)
            if (k + 1) % save_every == 0:
                save_field(saved[b], field, k // save_every)
        store_streams(streams[b], state)


HEATBATH = SamplerKind(sample_heatbath, lambda settings, value: HeatbathParameters(settings.sweeps))
INSTANTON = SamplerKind(
    sample_heatbath,
    lambda settings, value: HeatbathParameters(settings.sweeps, settings.moves),
    decisions=lambda parameters, numbers: parameters.moves,
)
