"""What a method of training offers to the training loop."""

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from lfmc.flows.base import Flow

Weights = dict[str, Tensor]


class Progress(NamedTuple):
    """One step: samples drawn for it, and whether all was finite."""

    samples: int
    finite: bool


class Method(Protocol):
    """Steps that improve a flow, and everything that they change.

    Attributes:
        check_every: least number of steps between two checks.
    """

    check_every: int

    def advance(self, step: int) -> Progress:
        """One step; `step` counts those before it."""

    def model(self) -> Weights:
        """The weights that are judged and saved, copied."""

    def return_to(self, weights: Weights) -> str:
        """Go on from these after a divergence, more carefully; what was changed, in words."""

    def refine(self) -> bool:
        """Go on more finely after a plateau; False if that cannot be."""

    def describe(self) -> dict[str, float]:
        """Settings that change on the way, for the history."""

    def state(self) -> dict[str, Any]:
        """Everything that a step changes, for a checkpoint."""

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint, to the same bits."""


def weights_of(flow: Flow) -> Weights:
    """Copies of a flow's parameters by name, on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in flow.named_parameters()}


def parameter_count(flow: Flow) -> int:
    """Of numbers that a training changes."""
    return sum(parameter.numel() for parameter in flow.parameters())


def vector_of(flow: Flow) -> Tensor:
    """All parameters one after another, copied, on the CPU, (parameters,)."""
    return parameters_to_vector(flow.parameters()).detach().cpu()


@torch.no_grad()
def set_vector(flow: Flow, vector: Tensor) -> None:
    """Give a flow the parameters of `vector_of`, bit by bit.

    They are copied into their places, for products of matrices may round by where these lie.
    """
    begin = 0
    for parameter in flow.parameters():
        part = vector[begin : begin + parameter.numel()]
        parameter.copy_(part.reshape(parameter.shape))
        begin += parameter.numel()
