"""What scores need beside a plan: transposed weights, eigenvalues, where each parameter is."""

from typing import NamedTuple

import numpy as np
import torch

from lfmc.flows.heatbath.arrays import Coupling, Floats, Integers, Plan, floats, matrices, plan
from lfmc.flows.heatbath.coupling import EquivariantCoupling
from lfmc.flows.heatbath.flow import HeatbathFlow
from lfmc.flows.heatbath.mode_prior import ModePrior
from lfmc.flows.heatbath.radial import Shells
from lfmc.flows.heatbath.sublattice import wave_numbers
from lfmc.flows.monotone import SHIFT


class PriorSlots(NamedTuple):
    """Rows of the scores where the parameters of the prior begin."""

    log_width: int
    zero_mode: int
    breathing: int


class PriorAdjoint(NamedTuple):
    """Of the prior.

    Attributes:
        cosines: (coefficients, modes).
        zero_slope: of alpha of the zero mode in its parameter.
    """

    cosines: Floats
    zero_slope: float
    slots: PriorSlots


class Slots(NamedTuple):
    """Rows of the scores where the parameters of a coupling begin."""

    frequency: int
    hidden_frequency: int
    field_scale: int
    background: int
    constant: int
    ring_strength: int
    ring_sharpness: int
    hidden: int
    ring: int
    odd: int
    even: int
    hidden_odd: int
    hidden_even: int


class Adjoint(NamedTuple):
    """Of a coupling.

    Attributes:
        to_modes: of the moved half; to_sites: of the frozen half.
        hidden, ring, odd, even, hidden_odd, hidden_even: (modes, input planes, output planes).
        members, starts: modes in groups of equal wave numbers, and where each group starts.
        direct, to_hidden, from_hidden: eigenvalues, (shells, source x target cells x groups).
        strength_slope: of c_m in its parameter, (terms,).
    """

    to_modes: Floats
    to_sites: Floats
    hidden: Floats
    ring: Floats
    odd: Floats
    even: Floats
    hidden_odd: Floats
    hidden_even: Floats
    members: Integers
    starts: Integers
    direct: Floats
    to_hidden: Floats
    from_hidden: Floats
    strength_slope: Floats
    slots: Slots


class Scoring(NamedTuple):
    """A plan and what its scores need; `parameters` is their number."""

    plan: Plan
    prior: PriorAdjoint
    couplings: tuple[Adjoint, ...]
    parameters: int


def scoring(flow: HeatbathFlow) -> Scoring:
    """From a flow as `plan`; scores come in the order of its `named_parameters()`."""
    slots, parameters = {}, 0
    for name, parameter in flow.named_parameters():
        slots[name] = parameters
        parameters += parameter.numel()
    arrays = plan(flow)
    layers = flow.layers()
    with torch.no_grad():
        return Scoring(
            arrays,
            _prior(flow.prior, slots),
            tuple(
                _coupling(layer, coupling, f"couplings.{k}.", slots)
                for k, (layer, coupling) in enumerate(zip(layers, arrays.couplings, strict=True))
            ),
            parameters,
        )


def _prior(prior: ModePrior, slots: dict[str, int]) -> PriorAdjoint:
    return PriorAdjoint(
        floats(prior.cosines),
        float(torch.sigmoid(prior.zero_mode[0].double() + SHIFT)),
        PriorSlots(*(slots[f"prior.{name}"] for name in PriorSlots._fields)),
    )


def _coupling(
    layer: EquivariantCoupling, coupling: Coupling, prefix: str, slots: dict[str, int]
) -> Adjoint:
    frozen, moved = layer.frozen.part, layer.moved.part

    def slot(name: str) -> int:
        # Without rings there is nothing to be put there.
        return slots.get(prefix + name, slots.get(f"{prefix}{name}.kernel", 0))

    numbers = wave_numbers(frozen.shape)
    group = np.unique(numbers, axis=0, return_inverse=True)[1].ravel()
    members = np.argsort(group, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(group))])

    def by_group(shells: Shells) -> Floats:
        chosen = floats(shells.eigenvalues)[:, :, members[starts[:-1]]]
        return np.ascontiguousarray(chosen.reshape(-1, chosen.shape[-1]).T)

    def back(weights: Floats) -> Floats:
        return np.ascontiguousarray(weights.swapaxes(1, 2))

    raw = layer.ring_strength.double() if layer.lines else torch.zeros(0, dtype=torch.float64)
    return Adjoint(
        to_modes=matrices(moved, False),
        to_sites=matrices(frozen, True),
        hidden=back(coupling.hidden),
        ring=back(coupling.ring),
        odd=back(coupling.odd),
        even=back(coupling.even),
        hidden_odd=back(coupling.hidden_odd),
        hidden_even=back(coupling.hidden_even),
        members=members,
        starts=starts,
        direct=by_group(layer.odd.shells),
        to_hidden=by_group(layer.hidden.shells),
        from_hidden=by_group(layer.hidden_odd.shells),
        strength_slope=floats(torch.sigmoid(raw + SHIFT) / (4 * max(len(raw), 1))),
        slots=Slots(*(slot(name) for name in Slots._fields)),
    )
