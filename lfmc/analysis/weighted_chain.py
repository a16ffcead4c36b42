"""Estimates by weights against the chain of the same proposals.

The chain is a weighting of the proposals too: proposal i counts with the number of updates that the
chain stayed in it. Both means are functions of the same proposals, so that much of their errors is
common. The error of the difference is a joint jackknife over blocks, which are left out of both.
A block holds at least 20 tau_int of the chain, as its weights imply it, and its longest stay.
"""

from math import ceil
from typing import Any, NamedTuple

import numpy as np

from lfmc.analysis.bins import FEWEST_BINS, PAPER_BIN, TAUS_PER_BIN
from lfmc.analysis.jackknife import jackknife
from lfmc.analysis.unresolved import Unresolved
from lfmc.analysis.weighted import Proposals, block_edges, in_double, sums
from lfmc.analysis.weights import time_of_weights
from lfmc.theories.base import Floats, Means


class Difference(NamedTuple):
    """An observable by weights and of the chain.

    Attributes:
        chain: mean of the chain.
        difference: by weights minus that.
        error: of the difference.
        blocks: behind the error.
    """

    chain: float
    difference: float
    error: float
    blocks: int


def visits(states: Any, count: int) -> Floats:
    """Updates that a chain stayed in each of `count` proposals, (N,).

    Args:
        states: index and multiplicity of `lfmc.proposals.accept`.
    """
    found = np.zeros(count)
    np.add.at(found, states["index"], states["multiplicity"])
    return found


def differences(
    proposals: Proposals, stays: Floats, theory: Any, names: tuple[str, ...]
) -> dict[str, Difference]:
    """Observables by weights minus those of the chain.

    Args:
        stays: of `visits`.
        names: observables, of `Theory.observables`.

    Raises:
        Unresolved: fewer than 10 blocks of 20 tau_int.
    """
    log_weight = np.asarray(proposals.log_weight, dtype=np.float64)
    count = len(log_weight)
    averaged = theory.averaged(in_double(proposals.scalars))
    edges = block_edges(count)
    tau = time_of_weights(log_weight)
    need = max(PAPER_BIN, ceil(TAUS_PER_BIN * tau), int(stays.max()))
    blocks = min(len(edges) - 1, count // need)
    if blocks < FEWEST_BINS:
        raise Unresolved(
            f"{count} proposals make {blocks} blocks of {need}; {FEWEST_BINS} are needed",
            f"{blocks} blocks, {FEWEST_BINS} are needed",
        )
    weight = np.exp(log_weight - log_weight.max())
    parts = sums(edges, (weight, stays), averaged, proposals.correlators)
    known_means = proposals.regression("proposals")
    if known_means:
        both_weights = (weight, averaged, proposals.correlators)
        parts[0] = known_means.corrected(edges, parts[0], *both_weights)
    starts = np.arange(blocks) * (len(edges) - 1) // blocks
    joint = np.add.reduceat(np.concatenate(parts, axis=1), starts, axis=0)
    each = parts[0].shape[1]

    def both(mean: Floats) -> Floats:
        one, two = (_observables(mean[..., k : k + each]) for k in (0, each))
        return np.concatenate([two, one - two], axis=-1)

    def _observables(mean: Floats) -> Floats:
        mean = mean[..., 1:] / mean[..., :1]
        scalars: dict[str, Floats] = {name: mean[..., k] for k, name in enumerate(averaged)}
        found = theory.observables(Means(scalars, mean[..., len(averaged) :]))
        return np.stack([found[name] for name in names], axis=-1)

    value, error = jackknife(joint, np.ones(blocks, dtype=np.int64), both)
    k = len(names)
    return {
        name: Difference(float(value[i]), float(value[k + i]), float(error[k + i]), blocks)
        for i, name in enumerate(names)
    }
