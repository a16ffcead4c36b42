"""The base of every flow: base variables -> (phi, log q) in one pass, and log q of a given field.

log q is the exact density of the map as computed, in the precision of the parameters: float64
for everything that decides, float32 only while training. No flow sees the batch as a whole, so a
sample's numbers do not depend on the batch it sits in beyond the rounding of a matrix product
(`lfmc.proposals.generate` fixes that too, by fixed chunks).
"""

import math
from abc import abstractmethod
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lfmc.errors import LfmcError
from lfmc.flows.control_variates import ControlVariates
from lfmc.flows.density_gradient import WithGradient, gradient_at
from lfmc.flows.scores import Scored
from lfmc.lattice import FloatArray, volume
from lfmc.theories.base import Action


class Draw(NamedTuple):
    """Samples of a flow.

    Attributes:
        phi: fields, (batch, sites).
        log_q: log of their normalised density, (batch,).
    """

    phi: Tensor
    log_q: Tensor


class Base(NamedTuple):
    """The base variables of a sample: how many, and their law, each independent of the others.

    Attributes:
        numbers: of one sample; fixed, so that no sample depends on those before it.
        law: normal, N(0, 1); or uniform in [0, 1).
    """

    numbers: int
    law: Literal["normal", "uniform"] = "normal"

    def draw(self, random: np.random.Generator, count: int) -> FloatArray:
        """Base variables of `count` samples, (count, numbers), float64."""
        size = (count, self.numbers)
        return random.standard_normal(size) if self.law == "normal" else random.random(size)

    def tensor(self, random: torch.Generator, count: int, dtype: torch.dtype) -> Tensor:
        """The same from torch, (count, numbers)."""
        make = torch.randn if self.law == "normal" else torch.rand
        return make(count, self.numbers, generator=random, dtype=dtype)

    def log_density(self, z: Tensor) -> Tensor:
        """log density of base variables, (..., numbers) -> (...)."""
        return standard_normal_log_density(z) if self.law == "normal" else z.new_zeros(z.shape[:-1])


class Flow(nn.Module):
    """Base of every flow.

    A flow may know part of the target exactly and learn only the rest: training sees the
    `reduced` variables x with their own action, log w being the same up to a constant. A flow
    that learns everything leaves the defaults, x = phi.

    Attributes:
        sites: of the lattice; numbers: of one field.
        inverse_tolerance: how far `log_q` of a drawn field may be from the log q it came with, in
            float64: rounding, unless the flow says otherwise.
        one_to_one: whether a field comes from one value of the base variables alone, so that log q
            is that of the Jacobian.
        disturbance: width of the noise that `lfmc conformance` adds to every parameter, small
            enough for weights that still give Z.
    """

    inverse_tolerance = 1e-9
    one_to_one = True
    disturbance = 0.1

    def __init__(self, action: Action) -> None:
        super().__init__()
        self.action: Any = action  # a flow of its own theories knows more of it
        self.sites = volume(action.shape)
        self.numbers = int(getattr(action, "numbers", self.sites))

    @property
    def base(self) -> Base:
        """Base variables of one sample; here as many normals as the field has numbers."""
        return Base(self.numbers)

    @property
    def start_samples(self) -> int:
        """Number of samples of p with which a training calls `start_from`; 0: it does not."""
        return 0

    def start_from(self, fields: FloatArray) -> None:
        """Set parameters from samples of p, (count, numbers), before the first step."""

    def control_variates(self) -> ControlVariates | None:
        """Functions of the base variables whose mean is zero; None where none are known."""
        return None

    def compile_kernels(self) -> None:
        """Compile what the flow calls, if anything, since that is no part of a training's time."""

    @property
    def reduced_sites(self) -> int:
        """Numbers of one reduced sample."""
        return self.sites

    @property
    def reduced_base(self) -> Base:
        """Base variables of one reduced sample."""
        return Base(self.reduced_sites)

    @abstractmethod
    def forward(self, z: Tensor) -> Draw:
        """Base variables z (batch, base.numbers) -> fields (batch, numbers) and log q."""

    @abstractmethod
    def log_q(self, phi: Tensor) -> Tensor:
        """log q of given fields, (batch, numbers) -> (batch,), by the inverse map."""

    def normals(self, phi: Tensor) -> Tensor:
        """Base normals that lead to given fields, (batch, numbers) -> (batch, base.numbers).

        Raises:
            LfmcError: a kind without an exact inverse to normals.
        """
        raise LfmcError(
            f"{type(self).__name__} has no exact inverse to base normals: latent-hmc needs one"
        )

    def reduced(self, z: Tensor) -> Draw:
        """Base variables (batch, reduced_base.numbers) -> reduced samples and their log density."""
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
