"""Proposals that are symmetric under phi -> -phi, whatever the flow: a random sign for each.

    q_sym(phi) = (q(phi) + q(-phi)) / 2

is the density of s phi with phi from q and s = +1 or -1 with equal probability. Where the action is
even, a flow that learned one of two wells, or the two unequally, thus proposes both alike, and
independence Metropolis with log w = -S - log q_sym is exact. The second density costs a pass of the
inverse map. A flow whose q is even already gains nothing, and is refused.
"""

import numpy as np
import torch

from lfmc.errors import LfmcError
from lfmc.flows.base import Flow
from lfmc.flows.exactness import Drawing
from lfmc.flows.passes import passes
from lfmc.lattice import FloatArray
from lfmc.streams import generator

SAMPLES = 16
SAME = 1e-7  # difference of log q(phi) and log q(-phi), of its size, below which q is even


def symmetric_drawing(flow: Flow) -> Drawing:
    """The pass base variables -> (phi, log q_sym of phi); the signs are not applied yet.

    Raises:
        LfmcError: q is even.
    """
    found = passes(flow)
    found.compile(draw=True, inverse=True)  # here, outside the loop that SIGTERM ends

    def draw(z: FloatArray) -> tuple[FloatArray, FloatArray]:
        phi, log_q = found.draw(z)
        return phi, _mean(log_q, found.log_q(-phi))

    phi, log_q = found.draw(flow.base.draw(np.random.default_rng(0), SAMPLES))
    difference = np.abs(found.log_q(-phi) - log_q) / (1 + np.abs(log_q))
    if difference.max() < SAME:
        raise LfmcError(
            "propose.symmetrise: log q of this flow is the same at phi and -phi already; leave it "
            "out"
        )
    return draw


def symmetric_log_q(flow: Flow, phi: FloatArray) -> FloatArray:
    """log q_sym of given fields (batch, numbers) by the inverse map of the torch flow."""
    with torch.no_grad():
        one, other = (flow.log_q(torch.from_numpy(sign * phi)).numpy() for sign in (1.0, -1.0))
    return _mean(one, other)


def random_signs(seed: int, names: tuple[str | int, ...], count: int) -> FloatArray:
    """+1 or -1 for each proposal of a block, (count,), from a stream of their own.

    Args:
        names: ensemble, sampler and block.
    """
    random = generator(seed, "propose", *names, "sign")
    return np.asarray(1.0 - 2.0 * random.integers(0, 2, count), dtype=np.float64)


def _mean(one: FloatArray, other: FloatArray) -> FloatArray:
    """log of the mean of two densities, from their logs."""
    return np.asarray(np.logaddexp(one, other) - np.log(2.0), dtype=np.float64)
