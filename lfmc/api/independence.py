"""`lfmc.sample`: an exact chain from a model, by independence Metropolis."""

from functools import partial
from typing import Any

import numpy as np

from lfmc.api.arguments import seed_of, whole
from lfmc.api.blocks import BLOCK, Blocks, Moves, blocks_of, recorded
from lfmc.api.chain import Chain
from lfmc.api.model import Model, require_model
from lfmc.api.surroundings import counted, own_torch
from lfmc.chains import Chain as Record
from lfmc.chains import proposals_of_updates
from lfmc.clock import CPU, cpu_seconds
from lfmc.device import choose_device
from lfmc.errors import LfmcError
from lfmc.lattice import FloatArray, IntArray
from lfmc.proposals.accept import FlowChain, independence_chains
from lfmc.streams import generator
from lfmc.theories.base import Theory
from lfmc.theories.ensembles import ensemble_of
from lfmc.theories.foreign import measurable


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
    require_model(model, "sample")
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
        blocks = blocks_of(model, seed, count, Moves(anneal, symmetrise), where, report)
        began = cpu_seconds()
        log_weight, scalars, correlators, _ = recorded(blocks, measurable(model.theory))
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


def described(theory: Any, name: str) -> dict[str, Any]:
    """The ensemble of a chain's header; one that `lfmc` does not know has a kind."""
    if isinstance(theory, Theory):
        return ensemble_of(theory, name).model_dump(mode="json")
    return {"name": name, "shape": list(theory.shape), "kind": type(theory).__name__}


def _fields(blocks: Blocks, proposals: IntArray, numbers: int) -> FloatArray:
    """Return whole fields of some proposals, which are drawn again."""
    fields = np.empty((len(proposals), numbers))
    for first, made in blocks(wanted=np.unique(proposals // BLOCK)) if len(proposals) else ():
        here = (proposals >= first) & (proposals < first + BLOCK)
        fields[here] = made.fields[proposals[here] - first]
    return fields


def _extra(states: FlowChain) -> dict[str, Any]:
    return {name: getattr(states, name) for name in ("index", "multiplicity", "replica")}
