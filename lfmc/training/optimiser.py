"""The interface between an optimiser and the training loop, and the parameters of a flow."""

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from lfmc.flows.base import Flow

Parameters = dict[str, Tensor]


class Progress(NamedTuple):
    """The result of one step: the samples drawn for it, and whether all numbers were finite."""

    samples: int
    finite: bool


class Optimiser(Protocol):
    """An optimiser of a flow and its state.

    Attributes:
        check_every: smallest number of steps between two checks.
    """

    check_every: int

    def advance(self, step: int) -> Progress:
        """Make one step; `step` is the number of steps before it."""

    def model(self) -> Parameters:
        """Return a copy of the parameters that are evaluated and saved."""

    def return_to(self, parameters: Parameters) -> str:
        """Restart from these parameters after a divergence; return what was changed, in words."""

    def refine(self) -> bool:
        """Reduce the noise of the steps after a plateau; return False if that is impossible."""

    def describe(self) -> dict[str, float]:
        """Return the settings that change during training, for the history."""

    def state(self) -> dict[str, Any]:
        """Return everything that a step changes, for a checkpoint."""

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint, to the same bits."""


def parameters_of(flow: Flow) -> Parameters:
    """Return copies of a flow's parameters by name, on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in flow.named_parameters()}


def parameter_count(flow: Flow) -> int:
    """The number of trainable parameters of a flow."""
    return sum(parameter.numel() for parameter in flow.parameters())


def vector_of(flow: Flow) -> Tensor:
    """Return a copy of all parameters as one vector on the CPU, (parameters,)."""
    return parameters_to_vector(flow.parameters()).detach().cpu()


@torch.no_grad()
def set_vector(flow: Flow, vector: Tensor) -> None:
    """Set the parameters of a flow to a vector of `vector_of`, bit by bit.

    They are copied in place, because the rounding of matrix products may depend on the alignment
    of the arrays in memory.
    """
    begin = 0
    for parameter in flow.parameters():
        part = vector[begin : begin + parameter.numel()]
        parameter.copy_(part.reshape(parameter.shape))
        begin += parameter.numel()
