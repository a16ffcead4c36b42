"""Chains of further models of an ensemble, in memory: how much does tau_int depend on the training?

Two models trained to the same acceptance have errors in different places, and tau_int of an
observable depends on where they are. The scatter over models belongs to the error of tau_int when
lattices are compared; a single chain, however long, cannot show it.
"""

from pathlib import Path

import numpy as np
from torch import Tensor

from lfmc.accept import replica_chains
from lfmc.action import action_of
from lfmc.chains import Chain
from lfmc.config import Config
from lfmc.flows.build import build_flow
from lfmc.lattice import FloatArray
from lfmc.observables import SCALARS
from lfmc.proposals import Job, make_block


def short_chain(
    config: Config, ensemble: str, sampler: str, weights: dict[str, Tensor]
) -> tuple[Chain, FloatArray]:
    """A chain by a model that is given by its weights, and the log weights of its proposals.

    Args:
        config: of `Config.retraining`: seed and number of configurations are its own.
    """
    chosen = config.ensemble(ensemble)
    flow = build_flow(action_of(chosen), config.flow.model).requires_grad_(False)
    flow.load_state_dict({name: value.double() for name, value in weights.items()})
    task = Job(config, ensemble, sampler, flow, Path(), "", config.proposals)
    blocks = [make_block(task, index) for index in range(task.blocks)]
    joined = {name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]}
    log_w = -joined["S"] - joined["log_q"]
    walks = replica_chains(config, ensemble, sampler, log_w)
    steps = np.stack([np.repeat(walk.proposal, walk.multiplicity) for walk in walks])
    parts = [np.full(len(walk.proposal), r) for r, walk in enumerate(walks)]
    chain = Chain(
        ensemble=chosen.model_dump(mode="json"),
        sampler=sampler,
        shape=chosen.sites,
        scalars={name: joined[f"scalars/{name}"][steps] for name in SCALARS},
        two_point=joined["two_point"][steps],
        save_every=1,
        acceptance=sum(walk.accepted for walk in walks) / steps.size,
        forces_per_update=0,
        seconds=float("nan"),
        extra={
            "index": np.concatenate([walk.proposal for walk in walks]),
            "multiplicity": np.concatenate([walk.multiplicity for walk in walks]),
            "replica": np.concatenate(parts),
        },
        attributes={},
    )
    return chain, log_w
