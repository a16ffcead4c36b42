"""Chains at several couplings on one lattice, joined to expectation values between them.

A configuration that was sampled at any of the couplings j counts at the coupling g with

    w_g = exp(-S_g) / sum_j N_j exp(f_j - S_j),    f_j = -log sum_n exp(-S_j(n)) / D(n),

with D the denominator and N_j the lengths of the chains (Ferrenberg and Swendsen, Phys. Rev. Lett.
63 (1989) 1195; without bins: Shirts and Chodera, J. Chem. Phys. 129 (2008) 124105). Groups of
replicas are the blocks of the jackknife: a block is left out of every chain at once, and the f_j
follow by one Newton step and to first order in it, so that no autocorrelation time enters.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp

from lfmc.analysis.action_changes import action_change
from lfmc.analysis.reweighting import SMALLEST_ESS
from lfmc.chains import Chain
from lfmc.errors import LfmcError
from lfmc.theories.base import Floats, Theory

BLOCKS = 32
STEPS = 100  # of Newton, of which a handful is needed
CLOSE = 1e-10  # relative residual at which they end


class Curves(NamedTuple):
    """Expectation values against a coupling.

    Attributes:
        at: values of the coupling, (G,).
        means: expectation values, of all blocks, then without each in turn, (1 + K, G, C).
        ess: effective configurations, in units of the mean length of a chain, (G,).
    """

    at: Floats
    means: Floats
    ess: Floats


class _Samples(NamedTuple):
    """Configurations of all chains with the weights exp(-S_j) up to a factor of each, (n, J)."""

    weight: Floats
    shift: Floats
    block: Floats
    lengths: Floats


def joined(chains: Sequence[Chain], coupling: str, at: Floats, columns: Sequence[Floats]) -> Curves:
    """Means of quantities between the couplings of chains.

    Args:
        chains: of one lattice, every one at another value of `coupling`.
        at: values of it, (G,).
        columns: of each chain, what is averaged, (replicas, saved configurations, C).

    Raises:
        LfmcError: chains so far apart that between them fewer than 0.05 of one count; couplings
            that enter otherwise than linearly.
    """
    theories = [_theory(chain) for chain in chains]
    samples = _samples(chains, theories)
    free = _free_energies(samples)
    share = samples.weight * (samples.lengths * np.exp(free))
    denominator = share.sum(1)
    share /= denominator[:, None]
    values = np.concatenate([c.reshape(-1, c.shape[-1]) for c in columns])
    values = np.concatenate([values, np.ones((len(values), 1))], axis=1)
    own = np.concatenate(
        [
            _changes(chain, theory, [_at(theory, coupling, float(g)) for g in at])
            for chain, theory in zip(chains, theories, strict=True)
        ]
    )
    blocks = int(samples.block.max()) + 1
    sums = np.empty((blocks, len(at), values.shape[1]))
    # d sums / d f_j, with which sums without a block follow its f_j.
    slopes = np.empty((*sums.shape, len(free)))
    squares = np.zeros(len(at))
    for k in range(blocks):
        here = samples.block == k
        weight = np.exp(samples.shift[here, None] - own[here]) / denominator[here, None]
        sums[k] = weight.T @ values[here]
        for j in range(len(free)):
            slopes[k, ..., j] = -weight.T @ (values[here] * share[here, j, None])
        squares += (weight * weight).sum(0)
    total = sums.sum(0)
    shifts = _without_each(samples, share)
    rest = total - sums + np.einsum("kgcj,kj->kgc", slopes.sum(0) - slopes, shifts)
    every = np.concatenate([total[None], rest])
    ess = total[:, -1] ** 2 / squares / samples.lengths.mean()
    poor = int(np.argmin(ess))
    if ess[poor] < SMALLEST_ESS:
        raise LfmcError(
            f"{chains[0].sampler}, L = {chains[0].shape[0]}: at {coupling} = {at[poor]:g} only "
            f"{ess[poor]:.2g} of a chain's configurations count; scan {coupling} in smaller steps"
        )
    return Curves(np.asarray(at), every[..., :-1] / every[..., -1:], ess)


def errors(values: Floats) -> Floats:
    """Jackknife errors of a quantity from (1 + K, ...): its value, then those without a block."""
    without = values[1:]
    count = len(without)
    spread = ((without - without.mean(0)) ** 2).sum(0)
    return np.asarray(np.sqrt((count - 1) / count * spread))


def _theory(chain: Chain) -> Theory:
    theory = chain.theory
    if not isinstance(theory, Theory):
        raise LfmcError(f"{chain.ensemble['name']}: its action has no couplings")
    return theory


def _at(theory: Theory, coupling: str, value: float) -> Theory:
    changed: dict[str, Any] = {coupling: value}
    return replace(theory, **changed)


def _changes(chain: Chain, theory: Theory, targets: Sequence[Theory]) -> Floats:
    """S of each target less the chain's own, of saved configurations, (n, targets)."""
    saved = chain.saved
    changes = [action_change(theory, target, saved).ravel() for target in targets]
    return np.stack(changes, axis=1)


def _samples(chains: Sequence[Chain], theories: Sequence[Theory]) -> _Samples:
    changes, blocks, lengths = [], [], []
    for chain, theory in zip(chains, theories, strict=True):
        replicas, length = next(iter(chain.saved.values())).shape
        number = min(BLOCKS, replicas)
        changes.append(_changes(chain, theory, theories))
        blocks.append(np.repeat(np.arange(replicas) * number // replicas, length))
        lengths.append(replicas * length)
    whole = np.concatenate(changes)
    shift = whole.min(1)
    return _Samples(
        np.exp(shift[:, None] - whole), shift, np.concatenate(blocks), np.array(lengths, float)
    )


def _free_energies(samples: _Samples) -> Floats:
    """f_j with f_0 = 0, by Newton steps, halved where the residual grows."""
    log_weight = np.log(np.maximum(samples.weight, 1e-300))
    log_lengths = np.log(samples.lengths)
    free = np.zeros(len(samples.lengths))
    for _ in range(STEPS):
        denominator = logsumexp(log_weight + log_lengths + free, axis=1)
        share = np.exp(log_weight + log_lengths + free - denominator[:, None])
        residual = share.sum(0) - samples.lengths
        if np.abs(residual).max() < CLOSE * samples.lengths.sum():
            return free
        if np.abs(residual).max() > 0.2 * samples.lengths.min():  # far away: the safe iteration
            free = free - np.log(share.sum(0) / samples.lengths)
        else:
            free = free - _solved(_curvature(share), residual)
        free = free - free[0]
    raise LfmcError("the chains of a scan have too little in common; scan in smaller steps")


def _without_each(samples: _Samples, share: Floats) -> Floats:
    """The change of f_j without each block in turn, (K, J)."""
    sums, curvature = share.sum(0), _curvature(share)
    found = []
    for block in range(int(samples.block.max()) + 1):
        own = share[samples.block == block]
        lengths = samples.lengths * (1 - len(own) / len(share))
        found.append(-_solved(curvature - _curvature(own), sums - own.sum(0) - lengths))
    return np.array(found)


def _curvature(share: Floats) -> Floats:
    """Derivative of the sums of shares with respect to f, (J, J)."""
    return np.asarray(np.diag(share.sum(0)) - share.T @ share)


def _solved(curvature: Floats, residual: Floats) -> Floats:
    """The Newton step; f_0 stays, since a common constant means nothing."""
    step = np.zeros(len(residual))
    if len(residual) > 1:
        step[1:] = np.linalg.solve(curvature[1:, 1:], residual[1:])
    return step
