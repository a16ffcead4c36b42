"""Scores of single samples, in the pass that draws them: for natural gradients."""

from typing import NamedTuple

from lfmc.compiled.adjoint import Scoring
from lfmc.compiled.coupling_scores import couple_scores
from lfmc.compiled.draw import action_of, layers_of, log_norm, room_of, whole_groups
from lfmc.compiled.plan import Floats
from lfmc.compiled.prior_scores import prior_scores
from lfmc.compiled.ring_scores import MORE_BLOCKS
from lfmc.compiled.rings import BLOCKS
from lfmc.vector.lanes import LANES, aligned


class Scored(NamedTuple):
    """Log weights -S - log q (batch,), and d log q(x) / d theta at fixed x, (parameters, batch)."""

    log_weight: Floats
    scores: Floats


def scored(scoring: Scoring, z: Floats) -> Scored:
    """Of base normals (batch, kept); parameters in the order of the flow's `named_parameters()`."""
    plan, batch = scoring.plan, len(z)
    z = whole_groups(z)
    groups, kept = len(z) // LANES, len(plan.prior.widths)
    x, slopes, log_q = (
        aligned((groups, kept, LANES)),
        aligned((groups, kept, LANES)),
        aligned((groups, LANES)),
    )
    scores = aligned((groups, scoring.parameters, LANES))
    room, asked = room_of(plan, _rows(scoring)), room_of(plan)
    prior_scores(
        z, x, slopes, log_q, scores, plan.prior, scoring.prior, log_norm(plan, kept), room.plane
    )
    for (frozen, moved, coupling), adjoint in zip(layers_of(plan), scoring.couplings, strict=True):
        couple_scores(x, slopes, log_q, scores, frozen, moved, coupling, adjoint, room, asked)
    log_weight = -(action_of(plan, x, room) + log_q).ravel()
    rows = scores.swapaxes(0, 1).reshape(scoring.parameters, -1)
    return Scored(log_weight[:batch], rows[:, :batch])


def _rows(scoring: Scoring) -> int:
    """Of a plane: for the prior, for one ring, for one kernel."""
    plan, one = scoring.plan, scoring.couplings[0]
    ring = BLOCKS + MORE_BLOCKS + len(plan.couplings[0].strength)
    numbers = [a.shape[1] for a in (one.direct, one.to_hidden, one.from_hidden)]
    return max(
        2 * len(plan.prior.widths) + len(plan.prior.response),
        ring * int(max(plan.couplings[0].sides)),
        *numbers,
    )
