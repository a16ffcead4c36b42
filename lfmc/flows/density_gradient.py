"""d log q / d x of a flow's own samples, carried along the forward pass: path gradients need it.

A coupling leaves a half x_f and maps the other site by site, y = f(x_m; x_f) with log slopes l.
From log q(x_f, y) = log q(x_f, x_m) - sum l follows

    g_y  = (g_m - d sum l / d x_m) exp(-l)
    g_f' = g_f - d sum l / d x_f - (d y / d x_f)^T g_y

for the gradient g = d log q / d(x_f, x_m) before and (g_f', g_y) after it: the recursion of Vaitl
et al., arXiv:2403.15881. It takes products with Jacobians of the pass that drew the sample, so
nothing is inverted: no root is sought, and none has to be differentiated.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lfmc.flows.monotone import Mapped

Sites = Tensor | slice


class WithGradient(NamedTuple):
    """Samples of a flow with the gradient of their log density.

    Attributes:
        x: reduced samples, (batch, reduced sites), with the graph of the parameters.
        log_q: their log density, (batch,).
        gradient: d log q / d x at x, (batch, reduced sites), without a graph.
    """

    x: Tensor
    log_q: Tensor
    gradient: Tensor


def gradient_at(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """A function of single samples, (batch, n) -> (batch,), at x and its gradient there.

    Neither has a graph.
    """
    with torch.enable_grad():
        fixed = x.detach().requires_grad_()
        value = function(fixed)
        (gradient,) = torch.autograd.grad(value.sum(), fixed)
    return value.detach(), gradient


class Carried:
    """The gradient d log q / d x of a batch of fields on its way through the flow.

    Attributes:
        gradient: (batch, sites), without a graph; changed by every coupling.
    """

    def __init__(self, gradient: Tensor) -> None:
        self.gradient = gradient

    def through(
        self,
        coupling: Callable[[Tensor, Tensor], Mapped],
        frozen: Tensor,
        moved: Tensor,
        at_frozen: Sites,
        at_moved: Sites,
    ) -> Mapped:
        """Return `coupling(frozen, moved)`, and update the gradient to that of its result.

        Args:
            coupling: maps every moved site by itself, and returns the log slope of each.
            frozen, moved: halves of the field, which must be of a graph.
            at_frozen, at_moved: where their sites are in `gradient`.
        """
        # One half may have been made from the other: an alias stops derivatives here.
        frozen, moved = frozen.view_as(frozen), moved.view_as(moved)
        value, ladj = coupling(frozen, moved)
        ones = torch.ones_like(ladj)
        of_moved = self.gradient[:, at_moved]
        # The log slope of an affine map does not depend on the moved site: there is no product.
        own = _product([ladj], moved, [ones])
        of_value = (of_moved if own is None else of_moved - own) * torch.exp(-ladj.detach())
        turned = _product([ladj, value], frozen, [ones, of_value])
        after = self.gradient.clone()
        after[:, at_moved] = of_value
        if turned is not None:
            after[:, at_frozen] -= turned
        self.gradient = after
        return Mapped(value, ladj)


def _product(outputs: list[Tensor], source: Tensor, vectors: list[Tensor]) -> Tensor | None:
    """Vectors times the Jacobian of outputs in source; None if these do not depend on it."""
    wanted = [(out, v) for out, v in zip(outputs, vectors, strict=True) if out.requires_grad]
    if not wanted:
        return None
    out, vector = zip(*wanted, strict=True)
    found: Tensor | None = torch.autograd.grad(
        out, source, vector, retain_graph=True, allow_unused=True
    )[0]
    return found
