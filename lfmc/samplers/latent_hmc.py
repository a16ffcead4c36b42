"""Hybrid Monte Carlo in the base normals of a flow.

The field phi(z) of base normals z has the density N(z) w(z) in z, log w = -S - log q. With momenta
p ~ N(0, 1) the energy is

    H = z^2/2 + p^2/2 - log w(z).

Without log w a trajectory rotates (z, p) by an angle, exactly. The kicks p -> p + e d log w/dz come
at the nodes of the Gauss-Legendre rule on the angle, with e the angle times their weights: in first
order of log w the error falls with twice their number as its power (McLachlan, BIT 35 (1995) 258;
Laskar and Robutel, Celest. Mech. 80 (2001) 39), and a good flow has a small log w. Nodes and
weights are symmetric, so the map is reversible, and it preserves volume, whatever the kicks are.
The end is accepted with min(1, exp(-dH)). Angles are uniform in pi/4 ... 3 pi/4: at pi/2 the
normals would be new ones if the flow were exact.

Of a flow that knows part of the conditional law, the kicks are those of the reduced variables; the
other base normals are drawn anew, which leaves N(z) invariant and so needs no further term.

A chain is its base normals, multiples of GRID: the inverse of the flow finds them again in a field,
whose rounding is far smaller, so that a chain continues from its fields with the same bits.
"""

from collections.abc import Callable
from functools import partial
from math import pi
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.kernels.lanes import LANES, aligned
from lfmc.lattice import FloatArray
from lfmc.samplers.kind import SamplerKind
from lfmc.samplers.log_weights import in_batches, log_weights
from lfmc.samplers.state import (
    Info,
    State,
    chains_first,
    draw_normals,
    draw_uniforms,
    started_from,
)
from lfmc.theories.base import Theory

MEAN_ANGLE, WINDOW = 0.5 * pi, 0.5
GRID = 2.0**-32

Gradient = Callable[[FloatArray], FloatArray]


class LatentMap(NamedTuple):
    """What latent HMC needs of a flow.

    Attributes:
        numbers: base normals of one field; moved: those of the reduced variables, the first ones.
        draw: base normals (batch, numbers) -> fields and log q.
        normals: fields -> base normals (batch, numbers), by the inverse of the same map.
        gradient: base normals (batch, moved) -> d log w / dz of these.
        batched: whether the bits of a field do not depend on its batch.
    """

    numbers: int
    moved: int
    draw: Callable[[FloatArray], tuple[FloatArray, FloatArray]]
    normals: Callable[[FloatArray], FloatArray]
    gradient: Gradient
    batched: bool


class LatentParameters(NamedTuple):
    """steps: kicks of a trajectory; model: sha256 of the flow's file."""

    steps: int
    model: str

    @property
    def forces_per_update(self) -> int:
        return self.steps


def latent_kind(latent: LatentMap) -> SamplerKind:
    """The sampler for a flow, ready to run."""
    return SamplerKind(
        partial(sample_latent, latent),
        lambda settings, value: settings,
        forces=lambda parameters: parameters.forces_per_update,
    )


def sample_latent(
    latent: LatentMap,
    state: State,
    theory: Theory,
    parameters: LatentParameters,
    updates: int,
    save_every: int,
) -> tuple[State, Info]:
    """Advance every chain by `updates` trajectories; extra: dH, and log weight after each update.

    A dH that is not finite is rejected and recorded as infinity.

    Raises:
        LfmcError: a log weight of a chain's field that is not finite.
    """
    blocks, numbers, lanes = state.phi.shape
    chains, moved = blocks * lanes, latent.moved
    size = chains if latent.batched else LANES
    gradient, draw = (partial(in_batches, f, size) for f in (latent.gradient, latent.draw))
    streams = state.streams.copy()
    z = _on_grid(in_batches(latent.normals, size, chains_first(state.phi, chains)))
    drawn = draw(z)
    phi = drawn[:, :-1]
    log_weight = log_weights("latent-hmc", theory, drawn[:, :-1], drawn[:, -1])
    scalars = {name: np.empty((chains, updates)) for name in theory.scalars}
    saved = np.empty((chains, updates // save_every, numbers))
    accepted, weights = np.empty((chains, updates)), np.empty((chains, updates))
    changes = np.empty((chains, updates))
    for k in range(updates):
        normals, angle, log_u = _random(latent, streams)
        p = normals[:, :moved].copy()
        with np.errstate(over="ignore", invalid="ignore"):
            normals[:, :moved], last = trajectory(
                gradient, z[:, :moved], p, angle, parameters.steps
            )
            normals = _on_grid(normals)
            drawn = draw(normals)
            offered = -np.asarray(theory.evaluate(drawn[:, :-1])) - drawn[:, -1]
            change = _energy(normals[:, :moved], last) - _energy(z[:, :moved], p)
            change = change - (offered - log_weight)
        change = np.where(np.isfinite(change), change, np.inf)
        accept = log_u < -change
        z, phi = (np.where(accept[:, None], *pair) for pair in ((normals, z), (drawn[:, :-1], phi)))
        log_weight = np.where(accept, offered, log_weight)
        accepted[:, k], changes[:, k], weights[:, k] = accept, change, log_weight
        for name, values in theory.measure(phi).items():
            scalars[name][:, k] = values
        if (k + 1) % save_every == 0:
            saved[:, k // save_every] = phi
    read = slice(0, state.chains)
    done = Info(
        {name: series[read] for name, series in scalars.items()},
        saved[read],
        accepted[read],
        {"dH": changes[read], "log_weight": weights[read]},
    )
    now = started_from(State(state.phi, streams, state.chains), phi)
    return now, done


def trajectory(
    gradient: Gradient, z: FloatArray, p: FloatArray, angle: FloatArray, steps: int
) -> tuple[FloatArray, FloatArray]:
    """Normals and momenta (batch, moved) after a trajectory of so many kicks.

    Args:
        angle: of each, (batch,), in radians; a negative one leads back.
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    nodes, done = 0.5 * (1 + nodes), 0.0
    for node, weight in zip(nodes, 0.5 * weights, strict=True):
        z, p = _rotated(z, p, (node - done) * angle)
        p = p + (weight * angle)[:, None] * gradient(z)
        done = node
    return _rotated(z, p, (1 - done) * angle)


def _rotated(z: FloatArray, p: FloatArray, angle: FloatArray) -> tuple[FloatArray, FloatArray]:
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    return cosine * z + sine * p, cosine * p - sine * z


def _on_grid(z: FloatArray) -> FloatArray:
    return np.rint(z * (1 / GRID)) * GRID


def _energy(z: FloatArray, p: FloatArray) -> FloatArray:
    energy: FloatArray = 0.5 * ((z * z).sum(1) + (p * p).sum(1))
    return energy


def _random(
    latent: LatentMap, streams: NDArray[np.uint64]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Momenta and the other base normals (chains, numbers), angles, and log of uniforms."""
    blocks = len(streams)
    count = blocks * LANES
    normals, uniforms = aligned((blocks, latent.numbers, LANES)), aligned((blocks, 2, LANES))
    draw_normals(normals, streams, 1.0)
    draw_uniforms(uniforms, streams)
    one, two = chains_first(uniforms, count).T
    with np.errstate(divide="ignore"):
        log_u = np.log(two)
    return chains_first(normals, count), MEAN_ANGLE * (1 + WINDOW * (2 * one - 1)), log_u
