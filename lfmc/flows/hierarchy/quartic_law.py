"""The law of a scalar site, exp(t_1 phi + t_2 phi^2 + t_3 phi^3 + t_4 phi^4), on lanes.

The exponential is known at knots (j - half) step, j = 0 ... 2 half. Between two of them the density
is the cubic with its values and slopes there, in Bernstein's form; slopes are at most STEEPEST
values per cell, so that it is positive. Beyond the last knots it falls by 1/e per cell. This
density, not the exponential, is normalised, drawn from by its inverse distribution function and
evaluated: log q of a site is exact whatever the cubics miss of the exponential.

Lengths are in units of the step. `work`: rows of lanes, first the exponential at the knots, then
SCRATCH rows. `t`: the four t_m step^m.
"""

import numpy as np

from lfmc.flows.heatbath.site_kernels import cell_of
from lfmc.kernels.lanes import LANES, any_lane, broadcast, inlined, load, select, store
from lfmc.kernels.mathematics import exponential, logarithm, size

SCRATCH = 4
STEEPEST = 2.9  # with 3 the cubic touches 0
ITERATIONS = 60  # of the root of a quartic: halvings alone end at rounding
CLOSE = 1e-15  # of the integral over the line
LEAST = 1e-17  # of it: a uniform number is a multiple of 1e-16, and may be 0


@inlined
def fill_knots(work, t, half):
    """The exponential, 1 at phi = 0, at the knots; their sum, which is the integral.

    The trapezoid rule of a density that is smooth on the scale of the knots is exact to rounding.
    Ratios of neighbours, ratios of these and so on are products: seven exponentials in all.
    """
    store(work, half, broadcast(1.0))
    total = broadcast(1.0)
    even, odd = t[1], t[0] + t[2]
    even_2, odd_2 = 2.0 * t[1] + 14.0 * t[3], 6.0 * t[2]
    fourth = exponential(24.0 * t[3])
    for side in range(2):
        sign = 1.0 - 2.0 * side
        first = exponential(even + t[3] + sign * odd)
        second = exponential(even_2 + sign * odd_2)
        third = exponential(36.0 * t[3] + sign * odd_2)
        value = broadcast(1.0)
        for j in range(1, half + 1):
            value = value * first
            first, second, third = first * second, second * third, third * fourth
            store(work, half + (j if side == 0 else -j), value)
            total = total + value
    return total


@inlined
def _slope(x, t):
    """Slope of the exponent at x, limited."""
    found = t[0] + x * (2.0 * t[1] + x * (3.0 * t[2] + x * (4.0 * t[3])))
    return select(
        found > STEEPEST, STEEPEST, select(found < -STEEPEST, 0.0 * found - STEEPEST, found)
    )


@inlined
def whole(work, t, half, total):
    """The integral of the density of the module's docstring over the line."""
    first, last = load(work, 0), load(work, 2 * half)
    end = broadcast(float(half))
    slopes = _slope(0.0 - end, t) * first - _slope(end, t) * last
    return total + 0.5 * (first + last) + slopes * (1.0 / 12.0)


@inlined
def _cubic(left, right, left_slope, right_slope):
    """Coefficients of 1, x, x^2 and x^3 of the density in a cell."""
    b, c = left + left_slope * (1.0 / 3.0), right - right_slope * (1.0 / 3.0)
    return left, 3.0 * (b - left), 3.0 * (c - 2.0 * b + left), right - 3.0 * (c - b) - left


@inlined
def log_density(work, phi, t, half, step, total):
    """log of the normalised density at phi; `total` is that of `whole`."""
    row = 2 * half + 1
    place = phi * (1.0 / step) + float(half)
    store(work, row, place)
    for lane in range(LANES):
        cell = cell_of(work[row, lane], 2 * half - 1)
        work[row + 1, lane] = work[cell, lane]
        work[row + 2, lane] = work[cell + 1, lane]
        work[row + 3, lane] = cell
    left, right, cell = load(work, row + 1), load(work, row + 2), load(work, row + 3)
    x = cell - float(half)
    a, b, c, d = _cubic(left, right, left * _slope(x, t), right * _slope(x + 1.0, t))
    x = place - cell
    end = broadcast(2.0 * half)
    below, above = place < 0.0, place > end
    inside = a + x * (b + x * (c + x * d))
    value = select(below, load(work, 0), select(above, load(work, 2 * half), inside))
    beyond = select(below, place, select(above, end - place, 0.0 * place))
    return logarithm(value / total) + beyond - np.log(step)


@inlined
def drawn_from(work, uniform, t, half, step, total):
    """phi at which the distribution function is `uniform`."""
    target = uniform * total
    here = load(work, 0)  # the integral up to a knot; that over the tail is the density there
    left, right = here, load(work, 1)
    slope = left * _slope(broadcast(-float(half)), t)
    start, cell, left_slope = here, broadcast(0.0), slope
    right_slope = right * _slope(broadcast(1.0 - half), t)
    value, after = left, right
    for j in range(2 * half):
        after = load(work, j + 1)
        slope_after = after * _slope(broadcast(j + 1.0 - half), t)
        found = here < target
        start, cell = select(found, here, start), select(found, float(j), cell)
        left, right = select(found, value, left), select(found, after, right)
        left_slope = select(found, slope, left_slope)
        right_slope = select(found, slope_after, right_slope)
        here = here + (0.5 * (value + after) + (slope - slope_after) * (1.0 / 12.0))
        value, slope = after, slope_after
    place = cell + _root(left, right, left_slope, right_slope, target - start, total)
    first, end = load(work, 0), 2.0 * half
    least = LEAST * total
    low = select(target < least, least, target)
    rest = total - target
    high = select(rest < least, least, rest)
    place = select(target < first, logarithm(low / first), place)
    place = select(here < target, end - logarithm(high / value), place)
    return (place - float(half)) * step


@inlined
def _root(left, right, left_slope, right_slope, target, total):
    """Where in its cell, from 0 to 1, the integral of a cubic is `target`: Newton, or halving."""
    a, b, c, d = _cubic(left, right, left_slope, right_slope)
    low, high = broadcast(0.0), broadcast(1.0)
    mass = a + 0.5 * b + c * (1.0 / 3.0) + 0.25 * d
    x = target / mass
    x = select(x > 1.0, 1.0, select(x < 0.0, 0.0 * x, x))
    for _ in range(ITERATIONS):
        value = x * (a + x * (0.5 * b + x * (c * (1.0 / 3.0) + x * (0.25 * d)))) - target
        active = size(value) > CLOSE * total
        if not any_lane(active):
            break
        under = value < 0.0
        low, high = select(under, x, low), select(under, high, x)
        new = x - value / (a + x * (b + x * (c + x * d)))
        new = select(new > low, select(new < high, new, 0.5 * (low + high)), 0.5 * (low + high))
        x = select(active, new, x)
    return x


@inlined
def moments(work, half, total):
    """Means of the first four powers of phi, from the knots."""
    one, two = broadcast(0.0), broadcast(0.0)
    three, four = broadcast(0.0), broadcast(0.0)
    for j in range(2 * half + 1):
        x, value = float(j - half), load(work, j)
        value = value * x
        one = one + value
        value = value * x
        two = two + value
        value = value * x
        three = three + value
        four = four + value * x
    return one / total, two / total, three / total, four / total
