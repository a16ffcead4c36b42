"""Hybrid chain: one proposal of a flow, then some updates of another sampler; both are exact.

The proposal is independence Metropolis (arXiv:1904.12072 eq. 3-4) with the log weight of the
current field, log w = -S - log q, whose log q comes from the inverse of the flow, since the updates
in between have changed the field. Both steps leave p invariant, and so does their product. The
updates end the long runs of rejections: log w is mostly a short-ranged quantity, so they lead away
from a configuration of large weight; the proposals move the slow modes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lfmc.kernels.lanes import LANES, aligned
from lfmc.lattice import FloatArray
from lfmc.samplers.kind import Sample, SamplerKind
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


class Proposals(NamedTuple):
    """What a hybrid chain needs of a flow.

    Attributes:
        numbers, uniform: of the base variables of one field: their number, and whether they are
            uniform in [0, 1) instead of normal.
        draw: base variables (batch, numbers) -> fields and log q.
        log_q: fields -> log q, by the inverse of the same map.
        batched: whether the bits of a field do not depend on its batch.
    """

    numbers: int
    uniform: bool
    draw: Callable[[FloatArray], tuple[FloatArray, FloatArray]]
    log_q: Callable[[FloatArray], FloatArray]
    batched: bool


class Inner(NamedTuple):
    """The sampler of the updates between proposals, and its parameters."""

    name: str
    sample: Sample
    parameters: Any


class HybridParameters(NamedTuple):
    """kernel: sampler between proposals; between: its updates; of_kernel: its parameters.

    model: sha256 of the flow's file.
    """

    kernel: str
    between: int
    of_kernel: dict[str, Any]
    model: str


def hybrid_kind(proposals: Proposals, inner: Inner) -> SamplerKind:
    """The sampler for a flow and a kernel, ready to run."""
    return SamplerKind(partial(sample_hybrid, proposals, inner), lambda settings, value: settings)


def sample_hybrid(
    proposals: Proposals,
    inner: Inner,
    state: State,
    theory: Theory,
    parameters: HybridParameters,
    updates: int,
    save_every: int,
) -> tuple[State, Info]:
    """Advance every chain; accepted: of the proposals; extra: log weight after each update.

    Raises:
        LfmcError: a log weight that is not finite.
    """
    blocks, numbers, lanes = state.phi.shape
    chains, between = blocks * lanes, parameters.between
    now = State(state.phi, state.streams.copy(), chains)
    phi, size = chains_first(now.phi, chains), chains if proposals.batched else LANES
    log_weight = log_weights("hybrid", theory, phi, in_batches(proposals.log_q, size, phi))
    scalars = {name: np.empty((chains, updates)) for name in theory.scalars}
    saved = np.empty((chains, updates // save_every, numbers))
    accepted, weights = np.empty((chains, updates)), np.empty((chains, updates))
    for k in range(updates):
        base, log_u = _random(proposals, now.streams)
        drawn = in_batches(proposals.draw, size, base)
        offered = log_weights("hybrid", theory, drawn[:, :-1], drawn[:, -1])
        accept = log_u < offered - log_weight
        start = started_from(now, np.where(accept[:, None], drawn[:, :-1], phi))
        now, seen = inner.sample(start, theory, inner.parameters, between, between)
        phi = seen.saved[:, 0]
        log_weight = log_weights("hybrid", theory, phi, in_batches(proposals.log_q, size, phi))
        accepted[:, k], weights[:, k] = accept, log_weight
        for name, series in seen.scalars.items():
            scalars[name][:, k] = series[:, -1]
        if (k + 1) % save_every == 0:
            saved[:, k // save_every] = phi
    read = slice(0, state.chains)
    records = {name: series[read] for name, series in scalars.items()}
    done = Info(records, saved[read], accepted[read], {"log_weight": weights[read]})
    return now._replace(chains=state.chains), done


def _random(proposals: Proposals, streams: NDArray[np.uint64]) -> tuple[FloatArray, FloatArray]:
    """Base variables (chains, numbers) and log of uniforms (chains,), from the chains' streams."""
    blocks = len(streams)
    base, uniforms = aligned((blocks, proposals.numbers, LANES)), aligned((blocks, 1, LANES))
    if proposals.uniform:
        draw_uniforms(base, streams)
    else:
        draw_normals(base, streams, 1.0)
    draw_uniforms(uniforms, streams)
    count = blocks * LANES
    with np.errstate(divide="ignore"):
        return chains_first(base, count), np.log(chains_first(uniforms, count)[:, 0])
