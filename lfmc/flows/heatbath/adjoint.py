"""What scores need beside a flow's arrays: transposed matrices, eigenvalues, offsets."""

from typing import NamedTuple

import numpy as np
import torch

from lfmc.flows.heatbath.arrays import (
    Coupling,
    Floats,
    FlowArrays,
    Integers,
    floats,
    flow_arrays,
)
from lfmc.flows.heatbath.axes import Axes, axes_of
from lfmc.flows.heatbath.coupling import EquivariantCoupling
from lfmc.flows.heatbath.flow import HeatbathFlow
from lfmc.flows.heatbath.mode_prior import ModePrior
from lfmc.flows.heatbath.radial import Shells
from lfmc.flows.heatbath.sublattice import wave_numbers
from lfmc.flows.monotone import SHIFT


class PriorOffsets(NamedTuple):
    """Rows of the scores where the parameters of the prior begin; -1 for what it has not."""

    log_width: int
    zero_mode: int
    breathing: int
    asymmetry: int


class PriorAdjoint(NamedTuple):
    """What scores of the prior need.

    Attributes:
        cosines: (coefficients, modes).
        zero_slope: derivative of alpha of the zero mode, or of the place of its wells, with
            respect to its parameter.
    """

    cosines: Floats
    zero_slope: float
    offsets: PriorOffsets


class Offsets(NamedTuple):
    """Rows of the scores where the parameters of a coupling begin; -1 for what it has not."""

    frequency: int
    hidden_frequency: int
    field_scale: int
    background: int
    constant: int
    phase: int
    hidden_phase: int
    smooth_offset: int
    shift: int
    ring_offset: int
    ring_strength: int
    ring_sharpness: int
    hidden: int
    ring: int
    odd: int
    even: int
    hidden_odd: int
    hidden_even: int


class Adjoint(NamedTuple):
    """What scores of a coupling need.

    Attributes:
        to_modes, to_sites: transforms of the moved and of the frozen half.
        hidden, ring, odd, even, hidden_odd, hidden_even: (modes, input planes, output planes).
        group_members, group_starts: modes sorted into groups of equal wave numbers, and the first
            place of each group.
        direct, to_hidden, from_hidden: eigenvalues, (shells, source x target cells x groups).
        strength_slope: derivative of c_m with respect to its parameter, (terms,).
    """

    to_modes: Axes
    to_sites: Axes
    hidden: Floats
    ring: Floats
    odd: Floats
    even: Floats
    hidden_odd: Floats
    hidden_even: Floats
    group_members: Integers
    group_starts: Integers
    direct: Floats
    to_hidden: Floats
    from_hidden: Floats
    strength_slope: Floats
    offsets: Offsets


class Scoring(NamedTuple):
    """The arrays of a flow and what its scores need; `parameters` is the number of parameters."""

    arrays: FlowArrays
    prior: PriorAdjoint
    couplings: tuple[Adjoint, ...]
    parameters: int


def scoring(flow: HeatbathFlow) -> Scoring:
    """Build it from a flow; scores have the order of its `named_parameters()`."""
    offsets, parameters = {}, 0
    for name, parameter in flow.named_parameters():
        offsets[name] = parameters
        parameters += parameter.numel()
    arrays = flow_arrays(flow)
    layers = flow.layers()
    with torch.no_grad():
        return Scoring(
            arrays,
            _prior(flow.prior, offsets),
            tuple(
                _coupling(layer, coupling, f"couplings.{k}.", offsets)
                for k, (layer, coupling) in enumerate(zip(layers, arrays.couplings, strict=True))
            ),
            parameters,
        )


def _prior(prior: ModePrior, offsets: dict[str, int]) -> PriorAdjoint:
    slope = float(torch.sigmoid(prior.zero_mode[0].double() + SHIFT))
    return PriorAdjoint(
        floats(prior.cosines),
        prior.start[0] if prior.start is not None else slope,
        PriorOffsets(*(offsets.get(f"prior.{name}", -1) for name in PriorOffsets._fields)),
    )


def _coupling(
    layer: EquivariantCoupling, coupling: Coupling, prefix: str, offsets: dict[str, int]
) -> Adjoint:
    frozen, moved = layer.frozen.part, layer.moved.part

    def offset(name: str) -> int:
        return offsets.get(prefix + name, offsets.get(f"{prefix}{name}.kernel", -1))

    numbers = wave_numbers(frozen.shape)
    group = np.unique(numbers, axis=0, return_inverse=True)[1].ravel()
    group_members = np.argsort(group, kind="stable")
    group_starts = np.concatenate([[0], np.cumsum(np.bincount(group))])

    def by_group(shells: Shells) -> Floats:
        chosen = floats(shells.eigenvalues)[:, :, group_members[group_starts[:-1]]]
        return np.ascontiguousarray(chosen.reshape(-1, chosen.shape[-1]).T)

    def transposed(by_mode: Floats) -> Floats:
        return np.ascontiguousarray(by_mode.swapaxes(1, 2))

    raw = layer.ring_strength.double() if layer.lines else torch.zeros(0, dtype=torch.float64)
    return Adjoint(
        to_modes=axes_of(moved, False),
        to_sites=axes_of(frozen, True),
        hidden=transposed(coupling.hidden),
        ring=transposed(coupling.ring),
        odd=transposed(coupling.odd),
        even=transposed(coupling.even),
        hidden_odd=transposed(coupling.hidden_odd),
        hidden_even=transposed(coupling.hidden_even),
        group_members=group_members,
        group_starts=group_starts,
        direct=by_group(layer.odd.shells),
        to_hidden=by_group(layer.hidden.shells),
        from_hidden=by_group(layer.hidden_odd.shells),
        strength_slope=floats(torch.sigmoid(raw + SHIFT) / (4 * max(len(raw), 1))),
        offsets=Offsets(*(offset(name) for name in Offsets._fields)),
    )
