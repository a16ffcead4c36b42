"""The gradient of the log weight in the base normals, d log w / dz, compiled.

log w(z) = -S_m(x(z)) - log q(x(z)) for the kept sites x of base normals z, what `model_log_weight`
of `draw` returns; one pass forwards without log determinants, and one back. A field of lanes
passes through all layers before the next one does, so that its arrays stay in the cache.
"""

from typing import NamedTuple

import numpy as np

from lfmc.flows.heatbath.adjoint import Scoring
from lfmc.flows.heatbath.arrays import Floats
from lfmc.flows.heatbath.coupling_gradient_kernels import couple_gradient, couple_noting
from lfmc.flows.heatbath.draw import Workspace, whole_groups, workspace_of
from lfmc.flows.heatbath.mode_prior_gradient_kernels import prior_field, prior_gradient
from lfmc.flows.heatbath.rings_kernels import BLOCKS
from lfmc.flows.heatbath.rings_score_kernels import MORE_BLOCKS
from lfmc.flows.heatbath.site_gradient_kernels import action_gradient
from lfmc.kernels.lanes import LANES, aligned, kernel


class Noted(NamedTuple):
    """What the pass forwards leaves for the one back, of one field of lanes.

    Attributes:
        normals: of the kept sites, (kept, LANES).
        field, slope: the kept sites, and d log w by them, (kept, LANES).
        integrated, outputs: of the workspace, and before: of `couple_noting`; (layers, rows,
            LANES).
    """

    normals: Floats
    field: Floats
    slope: Floats
    integrated: Floats
    outputs: Floats
    before: Floats


class GradientArrays(NamedTuple):
    """A flow, and the workspaces of its gradient, which one call after the other may use."""

    scoring: Scoring
    workspace: Workspace
    gradients: Workspace
    noted: Noted


def gradient_arrays(scoring: Scoring) -> GradientArrays:
    """Allocate the workspaces, 100 MB at 128 x 128."""
    passes = scoring.arrays
    coupling, layers, kept = passes.couplings[0], len(passes.couplings), len(passes.prior.widths)
    rows, axes = coupling.rows, len(coupling.ring_sides)
    one = (aligned((kept, LANES)) for _ in range(3))
    per_layer = (rows.integrated, rows.outputs, (1 + axes) * rows.half)
    noted = Noted(*one, *(aligned((layers, n, LANES)) for n in per_layer))
    workspace = workspace_of(passes, _rows(scoring))
    return GradientArrays(scoring, workspace, workspace_of(passes), noted)


def log_weight_gradient(arrays: GradientArrays, z: Floats) -> Floats:
    """d log w / dz of base normals (batch, kept), (batch, kept).

    The bits of a sample do not depend on its batch.
    """
    (scoring, *workspaces), batch = arrays, len(z)
    passes, z = scoring.arrays, whole_groups(z)
    found = np.empty_like(z)
    _gradients(
        z, found, passes.prior, passes.couplings, scoring.couplings, passes.half,
        passes.integrated, passes.theory, *workspaces,
    )  # fmt: skip
    return found[:batch]


def _rows(scoring: Scoring) -> int:
    """The number of rows of a plane: for the prior, and for one ring."""
    prior, coupling = scoring.arrays.prior, scoring.arrays.couplings[0]
    ring = BLOCKS + MORE_BLOCKS + len(coupling.strength)
    return max(len(prior.widths) + len(prior.response), ring * int(max(coupling.to_modes.sides)))


@kernel
def _gradients(
    z, found, prior, couplings, adjoints, half, integrated, theory, workspace, gradients, noted
):
    """Arguments as of `log_weight_gradient`, whose result goes to `found`."""
    normals, field, slope = noted.normals, noted.field, noted.slope
    for group in range(z.shape[0] // LANES):
        first = group * LANES
        for k in range(z.shape[1]):
            for lane in range(LANES):
                normals[k, lane] = z[first + lane, k]
        prior_field(normals, field, prior, workspace.plane)
        for layer in range(len(couplings)):
            frozen, moved = (half, 0) if layer % 2 == 0 else (0, half)
            couple_noting(
                field, frozen, moved, couplings[layer], _of_layer(workspace, noted, layer),
                noted.before[layer],
            )  # fmt: skip
        action_gradient(field, slope, integrated, theory, workspace.plane)
        for layer in range(len(couplings) - 1, -1, -1):
            frozen, moved = (half, 0) if layer % 2 == 0 else (0, half)
            couple_gradient(
                field, slope, frozen, moved, couplings[layer], adjoints[layer],
                _of_layer(workspace, noted, layer), gradients, noted.before[layer],
            )  # fmt: skip
        prior_gradient(normals, slope, prior, workspace.plane)
        for k in range(z.shape[1]):
            for lane in range(LANES):
                found[first + lane, k] = slope[k, lane]


@kernel
def _of_layer(workspace, noted, layer):
    """The workspace with the arrays that a layer keeps."""
    return Workspace(
        workspace.features,
        noted.integrated[layer],
        workspace.waves,
        noted.outputs[layer],
        workspace.plane,
    )
