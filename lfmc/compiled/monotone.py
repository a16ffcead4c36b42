"""Roots of the monotone map of `lfmc.flows.monotone`, lane by lane."""

from lfmc.vector.lanes import any_lane, inlined, select, spread
from lfmc.vector.mathematics import size, tanh

STEPS = 60
_TOLERANCE = 2 * 2.0**-52


@inlined
def inverse_tanh_map(value, alpha, beta):
    """Solve y + alpha tanh(beta y) / beta = value by Newton steps, bisecting outside the bracket.

    A lane that has arrived stays where it is, whatever the others need.
    """
    reach = size(alpha) / beta
    low, high, y, on_its_way = value - reach, value + reach, value + 0.0, spread(1.0)
    for _ in range(STEPS):
        t = tanh(beta * y)
        residue = y + alpha * t / beta - value
        high, low = select(residue > 0.0, y, high), select(residue > 0.0, low, y)
        newton, middle = y - residue / (1.0 + alpha * (1.0 - t * t)), 0.5 * (low + high)
        following = select(newton < low, middle, select(high < newton, middle, newton))
        distance = size(following - y) - _TOLERANCE * (1.0 + size(y))
        y = select(on_its_way > 0.5, following, y)
        on_its_way = select(distance > 0.0, on_its_way, 0.0)
        if not any_lane(on_its_way > 0.5):
            break
    return y
