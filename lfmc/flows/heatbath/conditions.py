"""The maps of a coupling on the moved half, with the conditioner's outputs as parameters."""

from typing import NamedTuple

import torch
from torch import Tensor

from lfmc.flows.heatbath.lines import Lines
from lfmc.flows.heatbath.rings import Edges, inverse_ring_map, ring_map, ring_newton
from lfmc.flows.monotone import Mapped, inverse_tanh_map, newton_step, tanh_map


class Conditions(NamedTuple):
    """A map of every site by itself, scale, shifts and shape (moved, batch) each; then rings.

    Attributes:
        rings: the maps along rings that follow, in this order.
    """

    log_scale: Tensor
    inner: Tensor
    outer: Tensor
    alpha: Tensor
    beta: Tensor
    rings: list[tuple[Lines, Edges]]

    def apply(self, moved: Tensor) -> tuple[list[Tensor], Mapped]:
        """Arguments of the site map and of every ring map; the new half, log determinant (batch,).

        The arguments are what `undo` is spared to search.
        """
        y = moved * torch.exp(self.log_scale) + self.inner
        mapped = tanh_map(y, self.alpha, self.beta)
        value, log_det = mapped.value + self.outer, (mapped.ladj + self.log_scale).sum(0)
        arguments = [y]
        for lines, edges in self.rings:
            x = lines.rings(value)
            arguments.append(x)
            x, ladj = ring_map(x, edges)
            value, log_det = lines.sites(x), log_det + ladj.sum(0)
        return arguments, Mapped(value, log_det)

    def undo(self, moved: Tensor, arguments: list[Tensor] | None = None) -> Mapped:
        """The moved half before, and the log determinant of the *forward* map there.

        Args:
            arguments: as of `apply`: then one Newton step from there, by which the result has the
                right derivatives too.
        """
        log_det = moved.new_zeros(moved.shape[1])
        for k, (lines, edges) in reversed(list(enumerate(self.rings))):
            x = lines.rings(moved)
            if arguments is None:
                x = inverse_ring_map(x, edges)
            else:
                x = ring_newton(x, arguments[k + 1], edges)
            log_det = log_det + ring_map(x, edges).ladj.sum(0)
            moved = lines.sites(x)
        value = moved - self.outer
        if arguments is None:
            y = inverse_tanh_map(value, self.alpha, self.beta)
        else:
            y = newton_step(value, self.alpha, self.beta, arguments[0])
        ladj = tanh_map(y, self.alpha, self.beta).ladj + self.log_scale
        return Mapped((y - self.inner) * torch.exp(-self.log_scale), log_det + ladj.sum(0))
