"""`lfmc.sample`: an exact chain from a model, by independence Metropolis."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from lfmc.api.arguments import numbers_of, seed_of, whole
from lfmc.api.chain import Chain
from lfmc.api.model import Model
from lfmc.api.surroundings import counted, own_torch
from lfmc.chains import Chain as Record
from lfmc.chains import proposals_of_updates
from lfmc.clock import CPU, cpu_seconds
from lfmc.device import choose_device
from lfmc.errors import LfmcError
from lfmc.flows.exactness import Drawing
from lfmc.lattice import FloatArray, IntArray
from lfmc.proposals.accept import FlowChain, independence_chains
from lfmc.proposals.anneal import Annealing, annealing
from lfmc.proposals.generate import Drawn, drawing, drawn_block
from lfmc.proposals.symmetrise import random_signs
from lfmc.streams import generator
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import ensemble_of
from lfmc.theories.foreign import Foreign, measurable

BLOCK = 4096  # proposals of one random stream, as the configuration's default


def sample(
    model: Model,
    configurations: int,
    *,
    seed: int,
    replicas: int = 10,
    burn_in: int = 100,
    keep_fields: int = 1000,
    anneal: Any = 1,
    symmetrise: bool = False,
    device: str = "cpu",
    progress: bool = True,
) -> Chain:
    """Propose from the model, accept with min(1, w'/w), w = p/q, in float64 and log space.

    The chain has p as its stationary distribution whatever the model. With the name and the seed
    of a run, and its other settings, it is the chain of the workflow bit by bit.

    Args:
        model: of `lfmc.train`, `lfmc.load` or `lfmc.as_model`.
        configurations: of all replicas together, rounded up to a multiple of them.
        seed: of proposals and acceptance.
        replicas: independent chains, each over its share of the proposals.
        burn_in: updates of each replica that are left out at its start.
        keep_fields: whole fields of the chain that are kept; their proposals are drawn
            again, which 0 avoids.
        anneal: steps by which proposals are annealed, "auto" or 1, bare proposals
            (`propose.anneal` of the configuration).
        symmetrise: give each proposal a random sign, for flows whose density is not even
            (`propose.symmetrise`); the action must be even.
        device: "cpu", "cuda", or "auto": a GPU if there is one.
        progress: a bar on a terminal, lines in a log.

    Raises:
        LfmcError: arguments that do not fit, or a proposal whose weight is not finite.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> model = lfmc.train(theory, target=0.7, seed=1, progress=False)
        >>> chain = lfmc.sample(model, 20_000, seed=2, progress=False)
        >>> chain.replicas, chain.updates, chain.sampler
        (10, 2000, 'flow-70')
        >>> abs(chain.acceptance - 0.7) < 0.05
        True
    """
    seed, replicas = seed_of(seed), whole("replicas", replicas, 1, 10**6)
    each = -(-whole("configurations", configurations, 1, 10**9) // replicas)
    burn_in = whole("burn_in", burn_in, 0, 10**6)
    kept = min(whole("keep_fields", keep_fields, 0, 10**9), each * replicas)
    count = replicas * (each + burn_in)
    if each + burn_in < 2:
        raise LfmcError("one proposal per replica makes no chain; give more configurations")
    shape, label = model.theory.shape, f"sample {model.name}"
    where = choose_device(device)
    with own_torch(), counted(label, progress, "proposals") as report:
        here = _on(model, where)
        random = generator(seed, "propose", model.name, model.sampler, "anneal")
        steps = anneal if anneal == "auto" else whole("anneal", anneal, 1, 1000)
        if symmetrise:
            _require_even(model.theory, steps)
        moves = annealing(here.flow, steps, random)
        draw = drawing(here.flow, symmetrise)
        blocks = partial(_blocks, here, seed, count, report, moves, draw, symmetrise)
        began = cpu_seconds()
        log_weight, scalars, correlators = _weights(blocks, measurable(model.theory))
        streams = partial(generator, seed, "accept", model.name, model.sampler)
        states = independence_chains(log_weight, replicas, burn_in, streams)
        seconds = cpu_seconds() - began
        proposal = proposals_of_updates(states.index, states.multiplicity, replicas)
        j = np.arange(kept)
        replica, update = j % replicas, ((2 * j + 1) * each) // max(2 * kept, 1)
        fields = _fields(blocks, proposal[replica, update], model.flow.numbers)
    record = Record(
        ensemble=described(model.theory, model.name),
        sampler=model.sampler,
        shape=shape,
        scalars={name: values[proposal] for name, values in scalars.items()},
        two_point=correlators[proposal],
        save_every=1,
        acceptance=states.acceptance,
        forces_per_update=0,
        seconds=seconds,
        extra=_extra(states),
        attributes={"clock": CPU, "seed": seed, "burn_in": burn_in},
    )
    return Chain(model.theory, record, fields, replica, update, log_weight)


def _on(model: Model, device: torch.device) -> Model:
    """The model itself where it is there already, else a copy on the device."""
    at = next(model.flow.parameters(), torch.empty(0)).device
    return model if at == device else replace(model, flow=deepcopy(model.flow).to(device))


def described(theory: Any, name: str) -> dict[str, Any]:
    """The ensemble of a chain's header; one that `lfmc` does not know has a kind."""
    if isinstance(theory, Theory):
        return ensemble_of(theory, name).model_dump(mode="json")
    return {"name": name, "shape": list(theory.shape), "kind": type(theory).__name__}


def _blocks(
    model: Model,
    seed: int,
    count: int,
    report: Callable[[int, int], None],
    annealed: Annealing | None,
    draw: Drawing,
    symmetrise: bool,
    wanted: Any = None,
) -> Iterator[tuple[int, Drawn]]:
    """The blocks of `count` proposals, each with its first proposal; only those `wanted`."""
    for index in range(-(-count // BLOCK)) if wanted is None else wanted:
        first = int(index) * BLOCK
        report(first, count)
        random = generator(seed, "propose", model.name, model.sampler, int(index))
        names = (model.name, model.sampler, int(index))
        moves = None if annealed is None else partial(_annealed, annealed, seed, names)
        signs = random_signs(seed, names, BLOCK) if symmetrise else None
        count_here = min(BLOCK, count - first)
        made = drawn_block(
            draw, model.flow.base, model.theory, random, BLOCK, count_here, moves, signs
        )
        bad = np.flatnonzero(~np.isfinite(made.log_q + made.action + made.work))
        if len(bad):
            at = bad[0]
            raise LfmcError(
                f"proposal {first + at}: log q = {made.log_q[at]}, S = {made.action[at]}; the "
                "model is broken, train again"
            )
        yield first, made


def _require_even(theory: Any, anneal: Any) -> None:
    """Refuse random signs where they are not exact.

    Raises:
        LfmcError: an action that is not even, or annealed proposals.
    """
    phi = np.random.default_rng(0).standard_normal((16, numbers_of(theory)))
    if not np.allclose(theory.evaluate(phi), theory.evaluate(-phi), 1e-9, 1e-9):
        raise LfmcError("symmetrise: the action is not even, S(-phi) differs from S(phi)")
    if anneal != 1:
        raise LfmcError("symmetrise: annealed proposals have no q(-phi); leave one out")


def _annealed(
    annealed: Annealing, seed: int, names: tuple[str | int, ...], chunk: int, z: FloatArray
) -> tuple[FloatArray, FloatArray]:
    return annealed(z, generator(seed, "propose", *names, chunk))


def _weights(
    blocks: Callable[..., Iterator[tuple[int, Drawn]]], theory: Theory | Foreign
) -> tuple[FloatArray, dict[str, Any], Any]:
    log_weight, correlators = [], []
    seen: dict[str, list[Any]] = {name: [] for name in theory.scalars}
    for _, made in blocks():
        log_weight.append(made.work)
        correlators.append(theory.correlators(made.fields).astype(np.float32))
        for name in theory.scalars:
            seen[name].append(made.scalars[name])
    scalars = {name: np.concatenate(values) for name, values in seen.items()}
    return np.concatenate(log_weight), scalars, np.concatenate(correlators)


def _fields(
    blocks: Callable[..., Iterator[tuple[int, Drawn]]], proposals: IntArray, numbers: int
) -> FloatArray:
    """Return whole fields of some proposals, which are drawn again."""
    fields = np.empty((len(proposals), numbers))
    for first, made in blocks(wanted=np.unique(proposals // BLOCK)) if len(proposals) else ():
        here = (proposals >= first) & (proposals < first + BLOCK)
        fields[here] = made.fields[proposals[here] - first]
    return fields


def _extra(states: FlowChain) -> dict[str, Any]:
    return {name: getattr(states, name) for name in ("index", "multiplicity", "replica")}
