"""Annealed proposals: base normals are led from N(z) towards N(z) w(z) before they are mapped.

The path is N(z) w(z)^b, w the importance weight of the field of z, b = 0, 1/n ... 1. Between two
values of b comes a Metropolis move z' = sqrt(1 - f) z + sqrt(f) xi, which leaves N(z) w(z)^b
invariant. The work

    W = sum_k (b_k - b_(k-1)) log w(z_(k-1))

replaces log w: <exp(W) O> / <exp(W)> = <O> (Neal, physics/9803008; Wu, Koehler and Noe,
arXiv:2002.06707), so independence Metropolis with W is exact. n = 1 is a bare proposal.

Uniform base variables are moved as the normals whose distribution function they are.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch
from scipy.special import ndtr, ndtri

from lfmc.clock import cpu_seconds
from lfmc.flows.base import Flow
from lfmc.flows.passes import passes
from lfmc.lattice import FloatArray

PILOT = 512
BATCH = 256
LARGEST_VARIANCE = 1.0
MOST_STEPS = 256
WANTED_ACCEPTANCE = 0.35
SMALLEST_FRACTION = 0.02
SMALLEST = 2.0**-53  # of a uniform base variable and its distance from 1

Weigh = Callable[[FloatArray], FloatArray]


class Annealing(NamedTuple):
    """How the base normals of a flow are annealed.

    Attributes:
        weigh: normals of the reduced variables (batch, numbers) -> their log weights.
        numbers: of them, the first ones of a sample's base variables.
        fractions: f of the move after each step but the last; n - 1 of them.
        seconds: CPU time of the run that chose them.
        uniform: whether base variables are uniform.
    """

    weigh: Weigh
    numbers: int
    fractions: tuple[float, ...]
    seconds: float = 0.0
    uniform: bool = False

    def __call__(self, z: FloatArray, random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Anneal base variables (batch, all numbers).

        Returns:
            The last ones, and W - log w of these, (batch,); NaN where a log weight is not finite.
        """
        x, steps = np.ascontiguousarray(z[:, : self.numbers]), len(self.fractions) + 1
        x = ndtri(np.clip(x, SMALLEST, 1 - SMALLEST)) if self.uniform else x
        log_weight = self.weigh(x)
        work = log_weight / steps
        for k, fraction in enumerate(self.fractions, 1):
            x, log_weight, _ = _move(self.weigh, x, log_weight, fraction, k / steps, random)
            work = work + log_weight / steps
        x = _uniforms(x) if self.uniform else x
        return np.concatenate([x, z[:, self.numbers :]], axis=1), work - log_weight


def annealing(
    flow: Flow,
    steps: int | Literal["auto"],
    random: np.random.Generator,
    fractions: tuple[float, ...] | None = None,
) -> Annealing | None:
    """The annealing of a flow's proposals in so many steps; None for 1.

    auto: of 1, 2, 4 ... 256 steps the first with Var W <= 1 for 512 samples. In the same run f is
    set, step after step, so that about 35 % of the moves are accepted.

    Args:
        fractions: those of such a run, where it need not be repeated.
    """
    if steps == 1:
        return None
    found, numbers = passes(flow), flow.reduced_base.numbers
    uniform = flow.base.law == "uniform"

    def weigh(x: FloatArray) -> FloatArray:
        parts = torch.from_numpy(_uniforms(x) if uniform else x).split(BATCH)
        return np.concatenate([found.model_log_weight(part).numpy() for part in parts])

    began, tried = cpu_seconds(), 1 if steps == "auto" else steps
    while fractions is None:
        chosen, variance = _pilot(weigh, numbers, tried, random)
        if steps != "auto" or variance <= LARGEST_VARIANCE or tried >= MOST_STEPS:
            fractions = chosen
        tried *= 2
    spent = cpu_seconds() - began
    return Annealing(weigh, numbers, fractions, spent, uniform) if fractions else None


def _uniforms(x: FloatArray) -> FloatArray:
    """The distribution function of normals, inside (0, 1)."""
    return np.clip(ndtr(x), SMALLEST, 1 - SMALLEST)


def _pilot(
    weigh: Weigh, numbers: int, steps: int, random: np.random.Generator
) -> tuple[tuple[float, ...], float]:
    """Fractions of the moves, and Var W."""
    x = random.standard_normal((PILOT, numbers))
    log_weight = weigh(x)
    work, fraction, fractions = log_weight / steps, 0.9, []
    for k in range(1, steps):
        fractions.append(fraction)
        x, log_weight, rate = _move(weigh, x, log_weight, fraction, k / steps, random)
        work = work + log_weight / steps
        fraction = float(np.clip(fraction * np.exp(rate - WANTED_ACCEPTANCE), SMALLEST_FRACTION, 1))
    return tuple(fractions), float(work.var())


def _move(
    weigh: Weigh,
    x: FloatArray,
    log_weight: FloatArray,
    fraction: float,
    b: float,
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, float]:
    """One move at b, accepted with min(1, (w'/w)^b): normals, log weights, accepted fraction."""
    noise = random.standard_normal(x.shape)
    other = np.sqrt(1 - fraction) * x + np.sqrt(fraction) * noise
    with np.errstate(divide="ignore"):
        log_u = np.log(random.random(len(x)))
    offered = weigh(other)
    accept = log_u < b * (offered - log_weight)
    x, log_weight = np.where(accept[:, None], other, x), np.where(accept, offered, log_weight)
    return x, log_weight, float(accept.mean())
