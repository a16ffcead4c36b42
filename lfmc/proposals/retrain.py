"""Chains of further models of an ensemble, in memory, for the dependence of tau_int on training.

Two models with the same acceptance have different errors, and tau_int of an observable depends on
them. The scatter over models belongs to the error of tau_int when lattices are compared. A single
chain does not show it, however long it is.
"""

from pathlib import Path

import numpy as np
from torch import Tensor

from lfmc.chains import Chain, proposals_of_updates
from lfmc.config import Config
from lfmc.flows.build import trained_flow
from lfmc.lattice import FloatArray
from lfmc.mpi.ranks import Ranks
from lfmc.proposals.accept import flow_chain
from lfmc.proposals.generate import (
    ProposalTask,
    annealing_of,
    drawing,
    make_block,
    zero_mode_of,
)


def short_proposals(
    config: Config, ensemble: str, sampler: str, parameters: dict[str, Tensor], mpi: Ranks
) -> dict[str, np.ndarray]:
    """Return the proposals of a model with given parameters on rank 0; nothing on the others.

    Args:
        config: of `Config.retraining`: seed and number of configurations are its own.
        mpi: ranks that share the blocks.
    """
    flow = trained_flow(config.ensemble(ensemble), config.flow, parameters)
    task = ProposalTask(
        config,
        ensemble,
        sampler,
        flow,
        drawing(flow, config.propose.symmetrise),
        Path(),
        "",
        config.proposals,
    )
    task = task._replace(annealing=annealing_of(config, ensemble, sampler, flow))
    task = task._replace(zero_mode=zero_mode_of(flow, config.propose.zero_mode))
    blocks = mpi.gather([make_block(task, index) for index in mpi.share(task.blocks)])
    names = blocks[0] if blocks else ()
    return {name: np.concatenate([block[name] for block in blocks]) for name in names}


def short_chain(
    config: Config, ensemble: str, sampler: str, joined: dict[str, np.ndarray]
) -> tuple[Chain, FloatArray]:
    """Return the chain of these proposals, and their log weights."""
    chosen = config.ensemble(ensemble)
    log_weight = joined.get("log_weight", -joined["S"] - joined["log_q"])
    states = flow_chain(config, ensemble, sampler, log_weight)
    proposal = proposals_of_updates(states.index, states.multiplicity, config.accept.replicas)
    chain = Chain(
        ensemble=chosen.model_dump(mode="json"),
        sampler=sampler,
        shape=chosen.sites,
        scalars={
            name.removeprefix("scalars/"): values[proposal]
            for name, values in joined.items()
            if name.startswith("scalars/")
        },
        two_point=joined["two_point"][proposal],
        save_every=1,
        acceptance=states.acceptance,
        forces_per_update=0,
        seconds=float("nan"),
        extra={name: getattr(states, name) for name in ("index", "multiplicity", "replica")},
        attributes={},
    )
    return chain, log_weight
