"""The start of a training: the mean of log q over samples of p is maximised by scoring.

Without boosts that mean is concave in the parameters. A step solves with the covariance of scores,
stage by stage, which is the curvature where the model is true (Berndt, Hall, Hall and Hausman, Ann.
Econ. Soc. Meas. 3 (1974) 653), and is halved until the mean rises. With the mean of products of
scores in its place, steps that begin far from the maximum would be too short. Every parameter adds
1/(2 samples) to the divergence that is left: natural gradients, which fit log w itself, follow.
"""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from lfmc.flows.hierarchy.blocks import samples_first
from lfmc.lattice import FloatArray

if TYPE_CHECKING:
    from lfmc.flows.hierarchy.staged import Staged

STEPS, HALVINGS = 25, 8
CLOSE = 0.05  # the rise below which it ends, in units of parameters/samples, of the noise
RIDGE = 1e-6  # of the mean curvature of a stage, for terms that are not independent


def scoring_fit(flow: "Staged", fields: FloatArray, count: int) -> FloatArray:
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
            own, size = scores[:, first:last], last - first
            mean = own.mean(0)
            matrix = own.T @ own / count - np.outer(mean, mean)
            matrix[np.diag_indices(size)] += RIDGE * np.trace(matrix) / size + 1e-300
            step[first:last] = np.linalg.solve(matrix, mean)
        for _ in range(HALVINGS):
            new, found = _at(flow, best + step, fields, count)
            if new > height:  # not where it is NaN
                break
            step *= 0.5
        else:
            break
        rise, height, scores, best = new - height, new, found, best + step
        if rise < CLOSE * len(best) / count:
            break
    return best


def _at(flow: "Staged", k: FloatArray, fields: FloatArray, count: int) -> tuple[float, FloatArray]:
    """Mean of log q, and scores (count, parameters), with parameters k."""
    log_q, _, scores = flow.given(fields, k)
    return float(samples_first(log_q, count).mean()), samples_first(scores, count)
