"""Roots of the monotone map of `lfmc.flows.monotone`, lane by lane."""

import numpy as np

from lfmc.flows.monotone import BISECTIONS, LARGEST_ERROR, NEWTON_STEPS
from lfmc.kernels.lanes import any_lane, broadcast, inlined, select
from lfmc.kernels.mathematics import size, tanh

_STEPS = NEWTON_STEPS + 2 * BISECTIONS
_TOLERANCE = 2 * 2.0**-52
_ROUNDING = 4 * 2.0**-52


@inlined
def inverse_tanh_map(value, alpha, beta):
    """Solve y + alpha tanh(beta y) / beta = value as `flows.monotone.solve_increasing` does.

    A lane that has arrived stays where it is, whatever the others need; one whose root is not found
    becomes NaN.
    """
    reach = size(alpha) / beta
    low, high, y, on_its_way = value - reach, value + reach, value + 0.0, broadcast(1.0)
    for step in range(_STEPS):
        t = tanh(beta * y)
        residue = y + alpha * t / beta - value
        high, low = select(residue > 0.0, y, high), select(residue > 0.0, low, y)
        newton, middle = y - residue / (1.0 + alpha * (1.0 - t * t)), 0.5 * (low + high)
        following = select(newton < low, middle, select(high < newton, middle, newton))
        if step >= NEWTON_STEPS and step % 2 == 0:
            following = middle
        distance = size(following - y) - _TOLERANCE * (1.0 + size(y))
        y = select(on_its_way > 0.5, following, y)
        on_its_way = select(distance > 0.0, on_its_way, 0.0)
        if not any_lane(on_its_way > 0.5):
            break
    # The callers need this tanh too; the compiler evaluates it once. Its error is absolute.
    t = tanh(beta * y)
    error = size(y + alpha * t / beta - value) + _ROUNDING * (size(value) + reach)
    allowed = LARGEST_ERROR * (1.0 + size(y)) * (1.0 + alpha * (1.0 - t * t))
    return select(allowed > error, y, np.nan)
