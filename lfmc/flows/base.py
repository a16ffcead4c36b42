"""The base of every flow: base normals -> (phi, log q) in one pass, and log q of a given field.

log q is the exact density of the map as computed, in the precision of the parameters: float64
for everything that decides, float32 only while training. No flow sees the batch as a whole, so a
sample's numbers do not depend on the batch it sits in beyond the rounding of a matrix product
(`lfmc.proposals.generate` fixes that too, by fixed chunks).
"""

import math
from abc import abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

from lfmc.errors import LfmcError
from lfmc.flows.density_gradient import WithGradient, gradient_at
from lfmc.flows.scores import Scored
from lfmc.lattice import volume
from lfmc.theories.scalar import Scalar


class Draw(NamedTuple):
    """Samples of a flow.

    Attributes:
        phi: fields, (batch, sites).
        log_q: log of their normalised density, (batch,).
    """

    phi: Tensor
    log_q: Tensor


class Flow(nn.Module):
    """Base of every flow.

    A flow may know part of the target exactly and learn only the rest: training sees the
    `reduced` variables x with their own action, log w being the same up to a constant. A flow
    that learns everything leaves the defaults, x = phi.

    Attributes:
        inverse_tolerance: how far `log_q` of a drawn field may be from the log q it came with, in
            float64: rounding, unless the flow says otherwise.
    """

    inverse_tolerance = 1e-9

    def __init__(self, action: Scalar) -> None:
        super().__init__()
        self.action = action
        self.sites = volume(action.shape)

    @property
    def reduced_sites(self) -> int:
        """Base normals that one reduced sample needs."""
        return self.sites

    @abstractmethod
    def forward(self, z: Tensor) -> Draw:
        """Base normals z (batch, sites) -> fields and log q."""

    @abstractmethod
    def log_q(self, phi: Tensor) -> Tensor:
        """log q of given fields, (batch, sites) -> (batch,), by the inverse map."""

    def reduced(self, z: Tensor) -> Draw:
        """Base normals (batch, reduced_sites) -> reduced samples and their log density."""
        return self(z)

    def reduced_action(self, x: Tensor) -> Tensor:
        """Action of the reduced variables, (batch, reduced_sites) -> (batch,)."""
        return self.action.evaluate(x)

    def reduced_log_q(self, x: Tensor) -> Tensor:
        """log density of given reduced variables, (batch, reduced_sites) -> (batch,)."""
        return self.log_q(x)

    def with_gradient(self, z: Tensor) -> WithGradient:
        """Reduced samples of base normals with d log q / d x, for path gradients.

        Here by automatic differentiation of the inverse, which must not seek roots: a flow of
        couplings carries the gradient forwards instead (`lfmc.flows.density_gradient`).
        """
        x, log_q = self.reduced(z)
        return WithGradient(x, log_q, gradient_at(self.reduced_log_q, x)[1])

    def scores(self, z: Tensor) -> Scored:
        """Reduced samples of base normals with their log weights and scores, for natural gradients.

        Raises:
            LfmcError: the flow has too many parameters for scores, or does not implement them.
        """
        raise LfmcError(
            f"{type(self).__name__} has no scores of single samples: train it with "
            "flow.training.optimiser: adam"
        )

    def log_weight(self, phi: Tensor) -> Tensor:
        """-S - log q of given full fields, up to the constant of the reduced problem."""
        return -self.action.evaluate(phi) - self.log_q(phi)


def standard_normal_log_density(z: Tensor) -> Tensor:
    """Sum over the last axis of log N(z; 0, 1)."""
    return -0.5 * (z * z).sum(-1) - 0.5 * z.shape[-1] * math.log(2 * math.pi)
