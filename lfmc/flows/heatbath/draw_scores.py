"""Scores of single samples for natural gradients, computed in the pass that draws them."""

from typing import NamedTuple

from lfmc.flows.heatbath.adjoint import Scoring
from lfmc.flows.heatbath.arrays import Floats
from lfmc.flows.heatbath.coupling_score_kernels import couple_scores
from lfmc.flows.heatbath.draw import (
    layers_of,
    log_norm,
    reduced_actions,
    whole_groups,
    workspace_of,
)
from lfmc.flows.heatbath.mode_prior_score_kernels import prior_scores
from lfmc.flows.heatbath.rings_kernels import BLOCKS
from lfmc.flows.heatbath.rings_score_kernels import MORE_BLOCKS
from lfmc.kernels.lanes import LANES, aligned


class ScoreRows(NamedTuple):
    """Log weights -S - log q (batch,), and d log q(x) / d theta at fixed x, (parameters, batch)."""

    log_weight: Floats
    scores: Floats


def scored(arrays: Scoring, z: Floats) -> ScoreRows:
    """Return the scores of base normals (batch, kept), in the order of `named_parameters()`."""
    (passes, prior, adjoints, parameters), batch = arrays, len(z)
    z = whole_groups(z)
    groups, kept = len(z) // LANES, len(passes.prior.widths)
    x, slopes = aligned((groups, kept, LANES)), aligned((groups, kept, LANES))
    log_q, scores = aligned((groups, LANES)), aligned((groups, parameters, LANES))
    workspace, gradients = workspace_of(passes, _rows(arrays)), workspace_of(passes)
    norm = log_norm(passes, kept)
    prior_scores(z, x, slopes, log_q, scores, passes.prior, prior, norm, workspace.plane)
    for (frozen, moved, coupling), adjoint in zip(layers_of(passes), adjoints, strict=True):
        couple_scores(
            x, slopes, log_q, scores, frozen, moved, coupling, adjoint, workspace, gradients
        )
    log_weight = -(reduced_actions(passes, x, workspace) + log_q).ravel()
    rows = scores.swapaxes(0, 1).reshape(parameters, -1)
    return ScoreRows(log_weight[:batch], rows[:, :batch])


def _rows(arrays: Scoring) -> int:
    """The number of rows of a plane: for the prior, for one ring, for one kernel."""
    passes, one = arrays.arrays, arrays.couplings[0]
    coupling = passes.couplings[0]
    ring = BLOCKS + MORE_BLOCKS + len(coupling.strength)
    return max(
        2 * len(passes.prior.widths) + len(passes.prior.response),
        ring * int(max(coupling.to_modes.sides)),
        *(numbers.shape[1] for numbers in (one.direct, one.to_hidden, one.from_hidden)),
    )
