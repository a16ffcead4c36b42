"""The equivariant coupling layer: one half of the kept sites moves, driven by the other."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lfmc.config.flow_sections import HeatbathSettings
from lfmc.flows.heatbath.conditions import Conditions
from lfmc.flows.heatbath.lines import Lines
from lfmc.flows.heatbath.radial import RadialConvolution, Record, Shells
from lfmc.flows.heatbath.rings import Edges, bounded
from lfmc.flows.heatbath.sublattice import Transform
from lfmc.flows.monotone import strength

Parameters = dict[str, Tensor]


class Between(NamedTuple):
    """Modes of the three sets of sites, and shells from one to the other."""

    frozen: Transform
    hidden: Transform
    moved: Transform
    direct: Shells
    to_hidden: Shells
    from_hidden: Shells
    lines: list[Lines]


class EquivariantCoupling(nn.Module):
    """b -> tanh_map(b exp(s) + t; alpha, beta) + u; s, t, u, alpha depend on the other half.

    The frozen half a enters through convolutions whose kernels depend on the distance: of the odd
    features a, sin(w_f a) and sin(v_p h_p) for the shifts t and u, of the even ones cos(w_f a)
    and cos(v_p h_p) for s and alpha. The h_p are convolutions of a to the integrated sites, at
    their start the sum of the neighbours: the action couples the halves through functions of just
    such sums. A few smoothed fields g act through g^2/(1+g^2): the mass of a fluctuation depends
    on the square of its smooth background. Odd and even features make the layer odd, kernels of
    the distance make it equivariant. Along every axis ring maps follow (`heatbath.rings`), by
    which the moved sites, neighbours of one integrated site, act on each other too: their edges see
    both of them and a convolution of a, at its start the other two neighbours. It starts as the
    identity. Where the potential is not even, phases and constants break its oddness. Features of
    the field as in arXiv:2110.02673; coupling, h, g and rings are this package's.
    """

    def __init__(self, between: Between, settings: HeatbathSettings, even: bool = True) -> None:
        super().__init__()
        features, pairs, smooth, terms = (
            settings.features,
            settings.pairs,
            settings.smooth,
            settings.rings,
        )
        self.frozen, self.hidden_sites, self.moved = between.frozen, between.hidden, between.moved
        direct, to_hidden, from_hidden = between.direct, between.to_hidden, between.from_hidden
        self.lines = between.lines if terms else []

        def number(values: Tensor) -> nn.Parameter:
            return nn.Parameter(values.double())

        self.odd = RadialConvolution(direct, features + 1, 2 + smooth)
        self.even = RadialConvolution(direct, features, 2)
        self.hidden = RadialConvolution(to_hidden, 1, pairs)
        self.hidden_odd = RadialConvolution(from_hidden, pairs, 2)
        self.hidden_even = RadialConvolution(from_hidden, pairs, 2)
        if terms:
            self.ring = RadialConvolution(to_hidden, features + 1, terms)
            self.ring_strength = number(torch.zeros(terms))
            # Logarithms: sums of four neighbours reach some units.
            self.ring_sharpness = number(torch.linspace(-0.7, 0.3, terms))
        with torch.no_grad():
            self.odd.kernel[0, 2:] = 0.3
            self.hidden.kernel[0, :, 0] = to_hidden.size[0]
            if terms:
                self.ring.kernel[0, :, 0] = to_hidden.size[0]
        # Fields are of order 0.5, so w a covers a period; sums of two are larger.
        self.frequency = number(1 + 1.2 * torch.arange(features))
        self.hidden_frequency = number(0.7 + 0.9 * torch.arange(pairs))
        self.field_scale = number(torch.linspace(0.7, 1.5, smooth))
        self.background = number(torch.zeros(4, smooth))
        self.constant = number(torch.zeros(3))
        self.is_odd = even
        if not even:
            self.phase = number(torch.zeros(features))
            self.hidden_phase = number(torch.zeros(pairs))
            self.smooth_offset = number(torch.zeros(smooth))
            self.shift = number(torch.zeros(2))
            if terms:
                self.ring_offset = number(torch.zeros(terms))

    def small(self) -> Parameters:
        """The parameters outside of kernels, each with a last dimension for the batch.

        `conditions` also takes one copy for each sample.
        """
        return {name: p[..., None] for name, p in self.named_parameters(recurse=False)}

    def conditions(
        self, frozen: Tensor, small: Parameters, tape: list[Record] | None = None
    ) -> Conditions:
        """Scale, shifts and map of the moved half.

        Args:
            frozen: (frozen, batch).
            small: as of `small()`, with one entry or `batch` of them in the last dimension.
            tape: receives a record of every convolution.
        """
        features, pairs = self.even.kernel.shape[0], self.hidden_odd.kernel.shape[0]
        a = frozen.reshape(self.frozen.cells, -1, 1, frozen.shape[-1])
        wave = self._broken(a * small["frequency"], small, "phase")
        field = self.frozen(torch.cat([a, torch.sin(wave), torch.cos(wave)], 2))
        odd, even = field.split([features + 1, features], 2)
        hidden, rings = self._integrated(odd, small, tape)
        wave = self._broken(hidden * small["hidden_frequency"], small, "hidden_phase")
        waves = self.hidden_sites(torch.cat([torch.sin(wave), torch.cos(wave)], 2))
        hidden_odd, hidden_even = waves.split(pairs, 2)
        shift, smooth = self.odd(odd, tape).split([2, self.background.shape[1]], 2)
        shift = shift + self.hidden_odd(hidden_odd, tape)
        even = self.even(even, tape) + self.hidden_even(hidden_even, tape)
        outputs = self.moved.inverse(torch.cat([shift, even, smooth], 2)).flatten(0, 1)
        shift, even, g = outputs.split([2, 2, self.background.shape[1]], 1)
        g = self._broken(g * small["field_scale"], small, "smooth_offset")
        shift = self._broken(shift, small, "shift")
        square = g * g
        response = square / (1 + square)
        background, constant = small["background"], small["constant"]
        inner, outer = (shift + (background[2:] * (g * response)[:, None]).sum(2)).unbind(1)
        scale, alpha = (even + (background[:2] * response[:, None]).sum(2)).unbind(1)
        return Conditions(
            log_scale=scale + constant[0],
            inner=inner,
            outer=outer,
            alpha=strength(alpha + constant[1]),
            beta=torch.exp(constant[2:] + 1),
            rings=rings,
        )

    def _broken(self, values: Tensor, small: Parameters, name: str) -> Tensor:
        """Values (..., batch) and what breaks their symmetry, if anything does."""
        return values if self.is_odd else values + small[name]

    def _integrated(
        self, odd: Tensor, small: Parameters, tape: list[Record] | None
    ) -> tuple[Tensor, list[tuple[Lines, Edges]]]:
        """From modes of odd features: the fields h, (cells, sites, pairs, batch), and the rings."""
        fields = self.hidden(odd[:, :, :1], tape)
        if not self.lines:
            return self.hidden_sites.inverse(fields), []
        fields = torch.cat([fields, self.ring(odd, tape)], 2)
        pairs, terms = self.hidden.kernel.shape[1], self.ring.kernel.shape[1]
        hidden, edge = self.hidden_sites.inverse(fields).split([pairs, terms], 2)
        edge = self._broken(edge, small, "ring_offset")
        force = bounded(small["ring_strength"])[:, None]
        sharpness = torch.exp(small["ring_sharpness"])[:, None]
        rings = [(line, Edges(line.edges(edge), force, sharpness)) for line in self.lines]
        return hidden, rings
