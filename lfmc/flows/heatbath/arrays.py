"""A trained flow as the arrays that the kernels read: kernels by mode, tables of neighbours."""

from typing import Any, NamedTuple, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray

from lfmc.flows.base import Flow
from lfmc.flows.heatbath.axes import Axes, axes_of
from lfmc.flows.heatbath.coupling import EquivariantCoupling
from lfmc.flows.heatbath.coupling_planes import Counts, Rows, rows_of
from lfmc.flows.heatbath.flow import HeatbathFlow
from lfmc.flows.heatbath.mode_basis import ModeBasis
from lfmc.flows.heatbath.mode_prior import ModePrior
from lfmc.flows.heatbath.radial import RadialConvolution
from lfmc.flows.heatbath.rings import bounded
from lfmc.flows.monotone import strength

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Basis(NamedTuple):
    """The arrays of `heatbath.mode_basis.ModeBasis`, in one direction.

    Attributes:
        matrix: dense, flat (rows, columns); empty where the modes of the cells come between:
        place, factor: the sums to or from these, `mode_basis.Sums`; axes: the transform of cells.
    """

    matrix: Floats
    place: Integers
    factor: Floats
    axes: Axes


class Prior(NamedTuple):
    """The arrays of `heatbath.mode_prior.ModePrior`.

    Attributes:
        to_sites, to_modes: from modes to kept sites and back.
        widths: factors of every mode, (modes,).
        breathing: of every mode to every response, (modes, responses); zeros for the first mode.
        response: r_j.
        zero: alpha and beta of the map of the zero mode, its centre and its offset; wells: instead
            of these, as `wells_kernels` has them; empty where there is one well.
    """

    to_sites: Basis
    to_modes: Basis
    widths: Floats
    breathing: Floats
    response: Floats
    zero: Floats
    wells: Floats


class Coupling(NamedTuple):
    """The arrays of `heatbath.coupling.EquivariantCoupling`.

    Matrices are (modes, output planes, input planes).

    Attributes:
        rows: where the arrays of a workspace hold which feature.
        to_modes: of the frozen half; waves_to_modes, waves_to_sites: of the integrated sites;
            to_sites: of the moved half.
        hidden, ring: from the frozen half to the integrated sites.
        odd, even, hidden_odd, hidden_even: to the moved half.
        frequency, hidden_frequency: in turns.
        field_scale: (smooth,); background: (4, smooth); constant: (3,), the last one as beta.
        phase, hidden_phase: in turns; smooth_offset, shift: likewise zeros where the potential is
            even; ring_offset: (terms,), empty there.
        force: strength / sharpness of ring terms; strength, sharpness.
        ring_rows, ring_edges: sites and edges (rows of one ring field) of all rings of all axes,
            ring after ring; ring_sides: sites of a ring of each axis.
    """

    rows: Rows
    to_modes: Axes
    waves_to_modes: Axes
    waves_to_sites: Axes
    to_sites: Axes
    hidden: Floats
    ring: Floats
    odd: Floats
    even: Floats
    hidden_odd: Floats
    hidden_even: Floats
    frequency: Floats
    hidden_frequency: Floats
    field_scale: Floats
    background: Floats
    constant: Floats
    phase: Floats
    hidden_phase: Floats
    smooth_offset: Floats
    shift: Floats
    ring_offset: Floats
    force: Floats
    strength: Floats
    sharpness: Floats
    ring_rows: Integers
    ring_edges: Integers
    ring_sides: Integers


class Integrated(NamedTuple):
    """The arrays of `heatbath.site_conditional.SiteConditional`.

    Attributes:
        near: kept neighbours of every integrated site, (integrated, 2d).
        quantile: (sides, nodes of u, nodes of J, 4); log_z: coefficients of log Z, (sides, cells
            of J, 4); a second side, of the mirrored potential, where this is not even.
        steps: in u and in J.
    """

    near: Integers
    quantile: Floats
    log_z: Floats
    steps: Floats


class FlowArrays(NamedTuple):
    """All of a flow.

    Attributes:
        order: places of kept and integrated sites on the lattice, (sites,).
        half: kept sites of the first half.
        theory: couplings of the action; their type selects its kernels.
    """

    prior: Prior
    couplings: tuple[Coupling, ...]
    integrated: Integrated
    order: Integers
    half: int
    theory: Any


def has_kernels(flow: Flow) -> TypeGuard[HeatbathFlow]:
    """Whether there are kernels for it, where it is: the default flow on a CPU."""
    return type(flow) is HeatbathFlow and flow.order.device.type == "cpu"


def flow_arrays(flow: HeatbathFlow) -> FlowArrays:
    """Build it from a flow on the CPU; those of a float32 flow are rounded to its precision."""
    with torch.no_grad():
        site = flow.site
        integrated = Integrated(
            integers(flow.near),
            floats(site.quantile),
            floats(site.log_z_cubic),
            np.array([site.u_step, site.j_step]),
        )
        theory = flow.action.couplings()
        couplings = tuple(_coupling(layer) for layer in flow.layers())
        return FlowArrays(
            _prior(flow.prior), couplings, integrated, integers(flow.order), flow.half_a, theory
        )


def _prior(prior: ModePrior) -> Prior:
    small = {name: value[..., 0] for name, value in prior.small().items()}
    breathing = torch.einsum("jc,ck->kj", small["breathing"], prior.cosines)
    breathing[0] = 0
    widths = prior.log_sigma + small["log_width"] @ prior.cosines
    wells = torch.zeros(0)
    if prior.start is not None:
        found = prior.wells(small)
        widths[0] = prior.log_sigma[0]
        barrier = found.barrier
        wells = torch.cat([found.width, barrier, found.sharpness, torch.exp(-barrier)])
    else:
        widths[0] += small["zero_mode"][2]
    zero = torch.stack([strength(small["zero_mode"][0]), torch.exp(small["zero_mode"][1])])
    shift = torch.zeros_like(zero)
    if prior.mean is not None:
        shift = small["asymmetry"] + zero.new_tensor([0.0, prior.mean])
    return Prior(
        to_sites=_basis(prior.basis, True),
        to_modes=_basis(prior.basis, False),
        widths=floats(torch.exp(widths)),
        breathing=floats(breathing),
        response=floats(prior.response),
        zero=floats(torch.cat([zero, shift])),
        wells=floats(wells),
    )


def _basis(basis: ModeBasis, back: bool) -> Basis:
    axes, place, factor = axes_of(basis.part, back), torch.zeros(0, 0), torch.zeros(0, 0)
    matrix = torch.zeros(0)
    if basis.dense:
        matrix = (basis.basis.T if back else basis.basis).flatten()
    else:
        place, factor = basis.sums()[0 if back else 1]
    return Basis(floats(matrix), integers(place), floats(factor), axes)


def _coupling(layer: EquivariantCoupling) -> Coupling:
    small = {name: value[..., 0] for name, value in layer.small().items()}
    frozen, hidden, moved = layer.frozen.part, layer.hidden_sites.part, layer.moved.part
    half, integrated = len(moved.sites), len(hidden.sites)
    if layer.lines:
        force, sharpness = bounded(small["ring_strength"]), torch.exp(small["ring_sharpness"])
        ring = _by_mode(layer.ring)
    else:
        force = sharpness = torch.zeros(0, dtype=torch.float64)
        ring = np.zeros((frozen.each, 0, 0))
    rows, edges = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for line in layer.lines:
        rows.append(integers(line.rings(torch.arange(half)[:, None])[..., 0].T.flatten()))
        cells = torch.arange(integrated).reshape(len(hidden.parities), -1, 1, 1)
        edges.append(integers(line.edges(cells)[:, 0, :, 0].T.flatten()))

    def broken(name: str, like: torch.Tensor) -> torch.Tensor:
        return small.get(name, torch.zeros_like(like))

    constant = small["constant"].clone()
    constant[2] = torch.exp(constant[2] + 1)
    counts = Counts(
        half,
        integrated,
        frequencies=len(small["frequency"]),
        pairs=len(small["hidden_frequency"]),
        smooth=len(small["field_scale"]),
        terms=len(force),
    )
    return Coupling(
        rows=rows_of(counts),
        to_modes=axes_of(frozen, False),
        waves_to_modes=axes_of(hidden, False),
        waves_to_sites=axes_of(hidden, True),
        to_sites=axes_of(moved, True),
        hidden=_by_mode(layer.hidden),
        ring=ring,
        odd=_by_mode(layer.odd),
        even=_by_mode(layer.even),
        hidden_odd=_by_mode(layer.hidden_odd),
        hidden_even=_by_mode(layer.hidden_even),
        frequency=floats(small["frequency"] / (2 * np.pi)),
        hidden_frequency=floats(small["hidden_frequency"] / (2 * np.pi)),
        field_scale=floats(small["field_scale"]),
        background=floats(small["background"]),
        constant=floats(constant),
        phase=floats(broken("phase", small["frequency"]) / (2 * np.pi)),
        hidden_phase=floats(broken("hidden_phase", small["hidden_frequency"]) / (2 * np.pi)),
        smooth_offset=floats(broken("smooth_offset", small["field_scale"])),
        shift=floats(broken("shift", constant[:2])),
        ring_offset=floats(small.get("ring_offset", torch.zeros(0))),
        force=floats(force / sharpness),
        strength=floats(force),
        sharpness=floats(sharpness),
        ring_rows=np.concatenate(rows),
        ring_edges=np.concatenate(edges),
        ring_sides=np.array([line.sides[line.axis] for line in layer.lines], np.int64),
    )


def _by_mode(convolution: RadialConvolution) -> Floats:
    matrix = torch.einsum(
        "fcj,stkj->kctfs", convolution.kernel, convolution.shells.eigenvalues
    ).contiguous()
    return floats(matrix.reshape(len(matrix), matrix.shape[1] * matrix.shape[2], -1))


def floats(values: torch.Tensor) -> Floats:
    """Convert to a contiguous array, as the kernels need it."""
    return np.ascontiguousarray(values.detach().double().numpy())


def integers(values: torch.Tensor) -> Integers:
    """Convert to a contiguous array, as the kernels need it."""
    return np.ascontiguousarray(values.long().numpy())
