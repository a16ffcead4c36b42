"""The accept stage: from proposals to the chain file of a flow.

Layout of accept/ENSEMBLE/SAMPLER.h5 (kind "flow-chain"), C states of R replicas:
    /chain/index         int64 (C,)  proposal of each state
    /chain/multiplicity  int64 (C,)  number of updates that the chain stayed in it
    /chain/replica       int64 (C,)  its replica, ascending
    attributes: those of a chain file (lfmc.chains), longest_rejection_run, burn_in

Replica r uses the r-th of R equal shares of the proposals in their order, beginning with its first
one. `lfmc.chains.read_chain` expands the states to updates.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from lfmc.attributes import number
from lfmc.chains import write_header
from lfmc.clock import WALL, cpu_seconds
from lfmc.config import Config, stage_settings
from lfmc.errors import LfmcError
from lfmc.lattice import FloatArray, IntArray
from lfmc.made_for import require_same
from lfmc.proposals.blocks import layout, require_blocks
from lfmc.provenance import stamp
from lfmc.samplers.independence import independence_chain
from lfmc.store import create_hdf5, open_hdf5
from lfmc.streams import generator
from lfmc.weights import read_log_weights


@dataclass(frozen=True)
class FlowChain:
    """The chains of all replicas as their states, replica after replica.

    Attributes:
        index: proposal of each state, counting all proposals, (states,).
        multiplicity: number of updates that the chain stayed in it, (states,).
        replica: replica of each state, ascending, (states,).
        acceptance: accepted updates over all updates.
        longest_run: largest number of successive rejections.
    """

    index: IntArray
    multiplicity: IntArray
    replica: IntArray
    acceptance: float
    longest_run: int


def flow_chain(config: Config, ensemble: str, sampler: str, log_weight: FloatArray) -> FlowChain:
    """Run the independence chains of all replicas over their shares of the proposals.

    Raises:
        LfmcError: another number of proposals than the configuration's.
    """
    if len(log_weight) != config.proposals:
        raise LfmcError(
            f"{len(log_weight)} proposals of {ensemble} {sampler}, {config.proposals} expected; "
            "run propose again"
        )
    streams = partial(generator, config.seed, "accept", ensemble, sampler)
    return independence_chains(log_weight, config.accept.replicas, config.accept.burn_in, streams)


def independence_chains(
    log_weight: FloatArray,
    replicas: int,
    burn_in: int,
    streams: Callable[[int], np.random.Generator],
) -> FlowChain:
    """Run one chain over each of `replicas` equal shares of the proposals, in their order.

    Args:
        log_weight: log weights of the proposals, (replicas * each,).
        burn_in: updates of each replica that are discarded.
        streams: replica -> its random numbers.

    Raises:
        LfmcError: a weight that is not finite, or nothing left after burn-in.
    """
    each = len(log_weight) // replicas
    chains = []
    for replica in range(replicas):
        first = replica * each
        part = log_weight[first : first + each]
        chain = independence_chain(part, streams(replica).random(each), burn_in)
        chains.append(chain._replace(proposal=chain.proposal + first))
    multiplicity = np.concatenate([c.multiplicity for c in chains])
    return FlowChain(
        index=np.concatenate([c.proposal for c in chains]),
        multiplicity=multiplicity,
        replica=np.repeat(np.arange(replicas), [len(c.proposal) for c in chains]),
        acceptance=sum(c.accepted for c in chains) / int(multiplicity.sum()),
        longest_run=max(c.longest_run for c in chains),
    )


def accept_proposals(
    config: Config, ensemble: str, sampler: str, proposals: Path, output: Path
) -> tuple[float, int]:
    """Write the chain file; return acceptance and longest run of rejections.

    Raises:
        LfmcError: proposals that were made for another configuration, or are damaged.
    """
    with open_hdf5(proposals) as file:
        require_same(proposals, file, config, "propose", ensemble, sampler)
        seconds = number(proposals, file, "seconds", 0)
        known = ("seconds_measure", "seconds_setup")
        times, clock = {n: file.attrs.get(n) for n in known}, file.attrs.get("clock", WALL)
        require_blocks(proposals, file, layout(config))
    log_weight = read_log_weights(proposals)
    began = cpu_seconds()
    chain = flow_chain(config, ensemble, sampler, log_weight)
    seconds += cpu_seconds() - began
    settings = stage_settings(config, "accept", ensemble, sampler)
    with create_hdf5(output, stamp(settings, (proposals,))) as file:
        for name in ("index", "multiplicity", "replica"):
            file[f"chain/{name}"] = getattr(chain, name)
        write_header(
            file,
            config.ensemble(ensemble).model_dump(mode="json"),
            sampler,
            save_every=1,
            acceptance=chain.acceptance,
            forces_per_update=0,
            seconds=seconds,
            settings=settings,
        )
        file.attrs["kind"], file.attrs["clock"] = "flow-chain", clock
        file.attrs.update({name: time for name, time in times.items() if time is not None})
        file.attrs["longest_rejection_run"] = chain.longest_run
        file.attrs["burn_in"] = config.accept.burn_in
    return chain.acceptance, chain.longest_run
