"""The start of a training where the curvature of the law is not at hand: the method of scoring.

The mean of log q over samples of p is concave in the parameters (`lfmc.flows.hierarchy.newton`).
A step solves with the mean of products of scores, stage by stage, which is the curvature where the
model is true (Berndt, Hall, Hall and Hausman, Ann. Econ. Soc. Meas. 3 (1974) 653), and is halved
until the mean rises.
"""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from lfmc.flows.hierarchy.blocks import samples_first
from lfmc.lattice import FloatArray

if TYPE_CHECKING:
    from lfmc.flows.hierarchy.flow import HierarchyFlow

STEPS, HALVINGS = 25, 8
RISES = 1e-5  # of the mean of log q, below which it ends
RIDGE = 1e-6  # of the mean curvature of a stage, for terms that are not independent


def scoring_fit(flow: "HierarchyFlow", fields: FloatArray, count: int) -> FloatArray:
    """The parameters that maximise the mean of log q.

    Args:
        fields: samples of p in blocks, (blocks, numbers, LANES); count: of them that are samples.
    """
    stage = flow.terms.stage
    best = flow.parameters_array()
    if not len(best):
        return best
    height, scores = _at(flow, best, fields, count)
    for _ in range(STEPS):
        step = np.zeros_like(best)
        for first, last in pairwise(stage.tolist()):
            own = scores[:, first:last]
            matrix = own.T @ own / count
            size = last - first
            matrix[np.diag_indices(size)] += RIDGE * np.trace(matrix) / size + 1e-300
            step[first:last] = np.linalg.solve(matrix, own.mean(0))
        for _ in range(HALVINGS):
            new, found = _at(flow, best + step, fields, count)
            if new > height:  # not where it is NaN
                break
            step *= 0.5
        else:
            break
        rise, height, scores, best = new - height, new, found, best + step
        if rise < RISES:
            break
    return best


def _at(
    flow: "HierarchyFlow", k: FloatArray, fields: FloatArray, count: int
) -> tuple[float, FloatArray]:
    """Mean of log q, and scores (count, parameters), with parameters k."""
    log_q, _, scores = flow.given(fields, k)
    return float(samples_first(log_q, count).mean()), samples_first(scores, count)
