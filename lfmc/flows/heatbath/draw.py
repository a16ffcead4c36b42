"""Whole passes: base normals -> fields and log q; log weights of the model and of given fields."""

import math
from typing import NamedTuple

import numpy as np

from lfmc.flows.heatbath.arrays import Coupling, Floats, FlowArrays
from lfmc.flows.heatbath.coupling_kernels import couple, uncouple
from lfmc.flows.heatbath.mode_prior_kernels import add_prior_density, draw_prior
from lfmc.flows.heatbath.rings_kernels import BLOCKS
from lfmc.flows.heatbath.site_inverse_kernels import add_integrated_density
from lfmc.flows.heatbath.site_kernels import draw_integrated, reduced_action
from lfmc.kernels.lanes import LANES, aligned


class Fields(NamedTuple):
    """phi (batch, sites) and log q (batch,), as `flows.base.Draw`."""

    phi: Floats
    log_q: Floats


class Workspace(NamedTuple):
    """Workspace of the kernels, in rows of lanes, for one group of fields at a time.

    `coupling_planes` lists what the first four hold.

    Attributes:
        features: of the frozen half.
        integrated, waves: fields on the integrated sites, and their sines and cosines.
        outputs: of the conditioner, for the moved half.
        plane: for one feature, one ring, or the prior.
    """

    features: Floats
    integrated: Floats
    waves: Floats
    outputs: Floats
    plane: Floats


def draw(arrays: FlowArrays, z: Floats) -> Fields:
    """Base normals (batch, sites), contiguous float64, -> fields and their log density.

    Every field passes through the same instructions whatever the batch: its bits do not depend
    on it. A number that is not finite on the way makes log q NaN.
    """
    workspace, batch = workspace_of(arrays), len(z)
    z = whole_groups(z)
    x, log_q = _push(arrays, z, workspace)
    phi = np.empty_like(z)
    draw_integrated(z, x, log_q, arrays.integrated, arrays.order, phi, workspace.plane)
    return Fields(phi[:batch], log_q.ravel()[:batch])


def model_log_weight(arrays: FlowArrays, z: Floats) -> Floats:
    """-S - log q of the reduced variables of base normals (batch, kept), (batch,)."""
    workspace, batch = workspace_of(arrays), len(z)
    x, log_q = _push(arrays, whole_groups(z), workspace)
    return -(reduced_actions(arrays, x, workspace) + log_q).ravel()[:batch]


def field_log_weight(arrays: FlowArrays, phi: Floats) -> Floats:
    """-S - log q of given fields (batch, sites), by the inverse map, (batch,)."""
    workspace, batch = workspace_of(arrays), len(phi)
    x = _kept_sites(arrays, phi)
    total = -reduced_actions(arrays, x, workspace)
    log_q = _pull(arrays, x, len(arrays.prior.widths), workspace)
    return (total - log_q).ravel()[:batch]


def field_log_q(arrays: FlowArrays, phi: Floats) -> Floats:
    """log q of given fields (batch, sites), by the inverse map of all sites, (batch,).

    What `draw` returns with them, to rounding; NaN for a field that is not finite.
    """
    return field_normals(arrays, phi)[1]


def field_normals(arrays: FlowArrays, phi: Floats) -> tuple[Floats, Floats]:
    """Base normals of given fields (batch, sites), as of `draw` to rounding, and `field_log_q`."""
    workspace, batch = workspace_of(arrays), len(phi)
    whole, x = whole_groups(phi), _kept_sites(arrays, phi)
    normals, integrated = np.empty_like(whole), aligned((len(x), LANES))
    integrated[:] = 0
    rows = (arrays.integrated, arrays.order, normals, workspace.plane)
    add_integrated_density(whole, x, integrated, *rows)
    log_q = _pull(arrays, x, phi.shape[1], workspace)
    normals[:, : x.shape[1]] = _rows_of(x)
    return normals[:batch], (integrated + log_q).ravel()[:batch]


def _rows_of(x: Floats) -> Floats:
    """(groups, kept, LANES) -> (fields, kept)."""
    return x.swapaxes(1, 2).reshape(-1, x.shape[1])


def prior_field(arrays: FlowArrays, phi: Floats) -> Floats:
    """The prior's fields (batch, kept) of given fields (batch, sites), couplings undone."""
    x = _kept_sites(arrays, phi)
    _undo(arrays, x, workspace_of(arrays))
    return _rows_of(x)[: len(phi)]


def _kept_sites(arrays: FlowArrays, phi: Floats) -> Floats:
    """The kept sites of fields (batch, sites) in rows of lanes, (groups, kept, LANES)."""
    kept = len(arrays.prior.widths)
    reduced = whole_groups(phi[:, arrays.order[:kept]])
    x = aligned((len(reduced) // LANES, kept, LANES))
    x[:] = reduced.reshape(-1, LANES, kept).swapaxes(1, 2)
    return x


def _pull(arrays: FlowArrays, x: Floats, normals: int, workspace: Workspace) -> Floats:
    """log q of kept sites (groups, kept, LANES), which go back to their normals in place.

    normals: those whose constant it has.
    """
    log_q = _undo(arrays, x, workspace)
    add_prior_density(x, log_q, arrays.prior, log_norm(arrays, normals), workspace.plane)
    return log_q


def _undo(arrays: FlowArrays, x: Floats, workspace: Workspace) -> Floats:
    """Undo the couplings in place; return minus their log determinants, (groups, LANES)."""
    log_q = aligned((len(x), LANES))
    log_q[:] = 0
    for frozen, moved, coupling in reversed(layers_of(arrays)):
        uncouple(x, log_q, frozen, moved, coupling, workspace)
    return log_q


def _push(arrays: FlowArrays, z: Floats, workspace: Workspace) -> tuple[Floats, Floats]:
    """Return kept sites (groups, kept, LANES), and log q of all normals and of the maps so far."""
    groups = len(z) // LANES
    x, log_q = aligned((groups, len(arrays.prior.widths), LANES)), aligned((groups, LANES))
    draw_prior(z, x, log_q, arrays.prior, log_norm(arrays, z.shape[1]), workspace.plane)
    for frozen, moved, coupling in layers_of(arrays):
        couple(x, log_q, frozen, moved, coupling, workspace)
    return x, log_q


def layers_of(arrays: FlowArrays) -> list[tuple[int, int, Coupling]]:
    """First rows of the frozen and the moved half, and the coupling, of every layer."""
    halves = [(arrays.half, 0), (0, arrays.half)]
    return [(*halves[layer % 2], coupling) for layer, coupling in enumerate(arrays.couplings)]


def reduced_actions(arrays: FlowArrays, x: Floats, workspace: Workspace) -> Floats:
    action = aligned((len(x), LANES))
    reduced_action(x, action, arrays.integrated, arrays.theory, workspace.plane)
    return action


def log_norm(arrays: FlowArrays, normals: int) -> float:
    """The constant of log q: of the normals, and of the widths of the prior's modes."""
    widths: float = np.log(arrays.prior.widths).sum()
    return -0.5 * normals * math.log(2 * math.pi) - widths


def whole_groups(rows: Floats) -> Floats:
    """Pad the rows with zeros to a multiple of LANES."""
    missing = -len(rows) % LANES
    return np.pad(rows, ((0, missing), (0, 0))) if missing else np.ascontiguousarray(rows)


def workspace_of(arrays: FlowArrays, plane: int = 0) -> Workspace:
    """Allocate a workspace with at least `plane` rows in its plane."""
    kept, one = len(arrays.prior.widths), arrays.couplings[0]
    plane = max(plane, kept + len(arrays.prior.response), BLOCKS * int(max(one.to_modes.sides)))
    return Workspace(
        features=aligned((one.rows.features, LANES)),
        integrated=aligned((one.rows.integrated, LANES)),
        waves=aligned((one.rows.waves, LANES)),
        outputs=aligned((one.rows.outputs, LANES)),
        plane=aligned((plane, LANES)),
    )
