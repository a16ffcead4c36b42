"""The start of a training: the forward divergence is convex in the parameters, so Newton's method.

The mean of log q over samples of p has the gradient <[n - A e].F_p> and the Hessian

    -< A'(|h|) (e.F_p)(e.F_q) + A/|h| [F_p.F_q - (e.F_p)(e.F_q)] >,     e = h/|h|,

summed over sites, which is never positive. Parameters of different stages do not mix.
"""

from typing import TYPE_CHECKING

import numpy as np

from lfmc.kernels.lanes import LANES
from lfmc.lattice import FloatArray

if TYPE_CHECKING:
    from lfmc.flows.hierarchy.flow import HierarchyFlow

STEPS = 30
CLOSE = 1e-6  # change of the largest parameter at which it ends
RIDGE = 1e-8  # of the mean curvature of a stage, for terms that are not independent
LONGEST = 0.5  # change of a parameter in one step


def forward_fit(flow: "HierarchyFlow", fields: FloatArray, count: int) -> FloatArray:
    """The parameters that maximise the mean of log q.

    Args:
        fields: samples of p in blocks, (blocks, V N, LANES); count: of them that are samples.
    """
    from lfmc.flows.hierarchy.newton_kernels import curvature

    t = flow.terms
    k, zeros = flow.parameters_array(), flow.couplings[1]
    if not len(k):
        return k
    whole = max(count // LANES, 1)  # the last block has copies
    widest = int(np.diff(t.stage).max())
    local = t.terms.copy()
    owner = np.searchsorted(t.stage, local[:, 0], side="right") - 1
    local[:, 0] -= t.stage[owner]
    stage = np.full(len(t.begin) - 1, -1)
    has = t.begin[1:] > t.begin[:-1]
    stage[has] = owner[t.begin[:-1][has]]
    for _ in range(STEPS):
        slope = np.zeros((len(t.nearest), widest, LANES))
        second = np.zeros((len(t.nearest), widest, widest, LANES))
        args = (fields[:whole], t.order, t.begin, local, stage, t.stage, k, zeros)
        curvature(*args, slope.reshape(-1, LANES), second.reshape(-1, LANES))
        largest = 0.0
        for s, (g, h) in enumerate(zip(slope.sum(-1), second.sum(-1), strict=True)):
            size = t.stage[s + 1] - t.stage[s]
            matrix = np.tril(h[:size, :size])
            matrix = matrix + np.tril(matrix, -1).T
            matrix[np.diag_indices(size)] += RIDGE * np.trace(matrix) / size + 1e-300
            step = np.linalg.solve(matrix, g[:size])
            step *= min(1.0, LONGEST / max(np.abs(step).max(), 1e-300))
            k[t.stage[s] : t.stage[s + 1]] += step
            largest = max(largest, float(np.abs(step).max()))
        if largest < CLOSE:
            break
    return k
