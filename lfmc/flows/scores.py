"""Scores of single samples: what natural gradients need of a flow."""

from typing import NamedTuple

from torch import Tensor


class Scored(NamedTuple):
    """Samples of a flow with what natural gradients need.

    Attributes:
        x: reduced samples, (batch, reduced sites).
        log_weight: -S - log q of each, (batch,).
        scores: d log q(x) / d theta of each, (batch, parameters), in the order of
            `named_parameters()`.
    """

    x: Tensor
    log_weight: Tensor
    scores: Tensor
