"""The equivariant coupling layer: one half of the kept sites moves, driven by the other."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lfmc.flows.monotone import Mapped, inverse_tanh_map, newton_step, strength, tanh_map
from lfmc.flows.radial import RadialConvolution, Record, Shells

Parameters = dict[str, Tensor]


class Between(NamedTuple):
    """Shells from frozen to moved, frozen to integrated, and integrated to moved sites."""

    direct: Shells
    to_hidden: Shells
    from_hidden: Shells


class Conditions(NamedTuple):
    """What the frozen half says to the moved one: scale, shifts and map, (batch, moved) each."""

    log_scale: Tensor
    inner: Tensor
    outer: Tensor
    alpha: Tensor
    beta: Tensor

    def apply(self, moved: Tensor) -> tuple[Tensor, Mapped]:
        """The argument of the monotone map, and the new moved half with its log slope."""
        y = moved * torch.exp(self.log_scale) + self.inner
        mapped = tanh_map(y, self.alpha, self.beta)
        return y, Mapped(mapped.value + self.outer, mapped.ladj + self.log_scale)

    def undo(self, moved: Tensor, y: Tensor | None = None) -> Mapped:
        """The moved half before, and the log slope of the *forward* map there.

        Args:
            y: the argument of the monotone map, if known: then one Newton step from there, by which
                the result has the right derivatives too.
        """
        value = moved - self.outer
        if y is None:
            y = inverse_tanh_map(value, self.alpha, self.beta)
        else:
            y = newton_step(value, self.alpha, self.beta, y)
        ladj = tanh_map(y, self.alpha, self.beta).ladj + self.log_scale
        return Mapped((y - self.inner) * torch.exp(-self.log_scale), ladj)


class EquivariantCoupling(nn.Module):
    """b -> tanh_map(b exp(s) + t; alpha, beta) + u; s, t, u, alpha depend on the other half.

    The frozen half a enters through convolutions whose kernels depend on the distance: of the odd
    features a, sin(w_f a) and sin(v_p h_p) for the shifts t and u, of the even ones cos(w_f a)
    and cos(v_p h_p) for s and alpha. The h_p are convolutions of a to the integrated sites, at
    their start the sum of the neighbours: the action couples the halves through functions of just
    such sums. A few smoothed fields g act through g^2/(1+g^2): the mass of a fluctuation depends
    on the square of its smooth background. Odd and even features make the layer odd, kernels of
    the distance make it equivariant. It starts as the identity. Features of the field as in
    arXiv:2110.02673; coupling, h and g are this package's.
    """

    def __init__(
        self,
        between: Between,
        features: int,
        pairs: int,
        smooth: int,
    ) -> None:
        """Args: shells between the sites; numbers of frequencies of a, of fields h, and of g."""
        super().__init__()
        direct, to_hidden, from_hidden = between

        def convolution(shells: Shells, inputs: int, outputs: int) -> RadialConvolution:
            return RadialConvolution(shells, inputs, outputs)

        def number(values: Tensor) -> nn.Parameter:
            return nn.Parameter(values.double())

        self.odd = convolution(direct, features + 1, 2 + smooth)
        self.even = convolution(direct, features, 2)
        self.hidden = convolution(to_hidden, 1, pairs)
        self.hidden_odd = convolution(from_hidden, pairs, 2)
        self.hidden_even = convolution(from_hidden, pairs, 2)
        with torch.no_grad():
            self.odd.kernel[0, 2:] = 0.3
            self.hidden.kernel[0, :, 0] = to_hidden.size[0]
        # Fields are of order .5, so w a covers a period; sums of two are larger.
        self.frequency = number(1 + 1.2 * torch.arange(features))
        self.hidden_frequency = number(0.7 + 0.9 * torch.arange(pairs))
        self.field_scale = number(torch.linspace(0.7, 1.5, smooth))
        self.background = number(torch.zeros(4, smooth))
        self.constant = number(torch.zeros(3))

    def small(self) -> Parameters:
        """The parameters outside of kernels; `conditions` also takes one copy for each sample."""
        return dict(self.named_parameters(recurse=False))

    def forward(self, frozen: Tensor, moved: Tensor) -> Mapped:
        """(batch, frozen), (batch, moved) -> new moved half and log slope of each of its sites."""
        return self.conditions(frozen, self.small()).apply(moved)[1]

    def inverse(self, frozen: Tensor, moved: Tensor) -> Mapped:
        """Undo `forward`: the moved half before, and the log slope of the *forward* map there."""
        return self.conditions(frozen, self.small()).undo(moved)

    def conditions(
        self, frozen: Tensor, small: Parameters, tape: list[Record] | None = None
    ) -> Conditions:
        """Scale, shifts and map of the moved half.

        Args:
            frozen: (batch, frozen).
            small: as of `small()`, with or without a leading batch dimension.
            tape: receives a record of every convolution.
        """
        a = frozen[:, None]
        wave = a * small["frequency"][..., None]
        hidden = self.hidden(a, tape) * small["hidden_frequency"][..., None]
        odd = self.odd(torch.cat([a, torch.sin(wave)], 1), tape)
        even = self.even(torch.cos(wave), tape) + self.hidden_even(torch.cos(hidden), tape)
        shift = odd[:, :2] + self.hidden_odd(torch.sin(hidden), tape)
        g = odd[:, 2:] * small["field_scale"][..., None]
        square = g * g
        response = square / (1 + square)
        background, constant = small["background"], small["constant"]
        even = even + background[..., :2, :] @ response + constant[..., :2, None]
        shift = shift + background[..., 2:, :] @ (g * response)
        return Conditions(
            log_scale=even[:, 0],
            inner=shift[:, 0],
            outer=shift[:, 1],
            alpha=strength(even[:, 1]),
            beta=torch.exp(constant[..., 2:] + 1),
        )
