"""The law of a unit vector in a field of strength k: density exp(k cos t) on the sphere.

With c = cos t, t the angle to the field (von Mises and Fisher),

    log normaliser = log int dOmega exp(k c),     mean = <c>,     t of a uniform u,

in closed form for N = 1 and 3. For N = 2 the distribution function is Hill's continued fraction
(ACM Trans. Math. Softw. 3 (1977) 279), for other N a Gauss-Legendre integral. Newton's method
within a bracket inverts it, each lane until its own step is nothing: a fixed number of uniforms,
and no lane depends on another. Beyond k = LARGEST everything is NaN, which is refused.
"""

from math import log, pi

import numpy as np

from lfmc.kernels.lanes import LANES, any_lane, broadcast, inlined, load, select, square_root, store
from lfmc.kernels.mathematics import (
    exp_negative,
    log_positive,
    sincos_turns,
    size,
    tanh,
)
from lfmc.theories.spheres.exact import log_area

LARGEST = 50.0
NODES, TERMS, MOST = 48, 64, 60
ROUNDING = 1e-15  # of the distribution functions
SMALL = 0.05  # below it mean and normaliser of N = 3 are series
WEAK = 0.01  # below it the quantile of N = 3 is a series
TURN = 0.5 / pi
_x, _w = np.polynomial.legendre.leggauss(NODES)
_HALF = 0.5 * (1 + _x)  # nodes on [0, 1]
_WEIGHT = 0.5 * _w
_COSINE = np.cos(pi * _HALF)
_SINE = np.sin(pi * _HALF)
# By N: weights of the area on [0, pi], with the area of the sphere around the field.
_SPHERE = np.array([
    pi * _WEIGHT * _SINE ** max(n - 2, 0) * np.exp(log_area(max(n - 1, 1)))
    for n in range(33)
])  # fmt: skip
_LOG_2PI, _LOG_4PI = log(2 * pi), log(4 * pi)


@inlined
def _integrals(k, n):
    """int dOmega exp(k (c - 1)) and the same with a factor c, by quadrature."""
    total, first = broadcast(0.0), broadcast(0.0)
    for i in range(NODES):
        value = _SPHERE[n, i] * exp_negative(k * (_COSINE[i] - 1.0))
        total = total + value
        first = first + _COSINE[i] * value
    return total, first


@inlined
def circle_integrals(k):
    """`_integrals` of N = 2, for k up to LARGEST: 2 pi exp(-k) times I_0(k) and I_1(k)."""
    return _integrals(k, 2)


@inlined
def log_normaliser(k, n):
    """log int dOmega exp(k c) of k >= 0, lanes."""
    if n == 1:
        found = k + log_positive(1.0 + exp_negative(-2.0 * k))
    elif n == 3:
        small = select(k < SMALL, k, SMALL)
        square = small * small
        series = square * (1 / 6 + square * (-1 / 180 + square * (1 / 2835 - square * (1 / 37800))))
        large = select(k < SMALL, SMALL, k)
        ratio = (1.0 - exp_negative(-2.0 * large)) / large
        found = select(k < SMALL, series + _LOG_4PI, large + log_positive(ratio) + _LOG_2PI)
    else:
        total, _ = _integrals(k, n)
        found = k + log_positive(total)
    return select(k < LARGEST, found, np.nan)


@inlined
def mean_cosine(k, n):
    """<c>, the derivative of `log_normaliser`."""
    if n == 1:
        found = tanh(k)
    elif n == 3:
        small = select(k < SMALL, k, SMALL)
        square = small * small
        series = small * (1 / 3 + square * (-1 / 45 + square * (2 / 945 - square * (1 / 4725))))
        large = select(k < SMALL, SMALL, k)
        e = exp_negative(-2.0 * large)
        found = select(k < SMALL, series, (1.0 + e) / (1.0 - e) - 1.0 / large)
    else:
        total, first = _integrals(k, n)
        found = first / total
    return select(k < LARGEST, found, np.nan)


@inlined
def _hill(k, ratios):
    """Rows n of `ratios` become I_n(k) / I_(n-1)(k), n = 1 ... TERMS."""
    inverse = 2.0 / select(k < 1e-8, 1e-8, k)
    ratio = broadcast(0.0)
    for i in range(TERMS):
        n = TERMS - i
        ratio = 1.0 / (n * inverse + ratio)
        store(ratios, n, ratio)


@inlined
def _circle_distribution(t, ratios):
    """int_0^t / int_0^pi of exp(k cos t) for t in [0, pi]."""
    _, cosine = sincos_turns(t * TURN)
    after, _ = sincos_turns(t * (TURN * (TERMS + 1)))
    sine, _ = sincos_turns(t * (TURN * TERMS))
    value = broadcast(0.0)
    for i in range(TERMS):
        n = TERMS - i
        value = load(ratios, n) * (sine * (1.0 / n) + value)
        sine, after = 2.0 * cosine * sine - after, sine
    return (t + 2.0 * value) * (1.0 / pi)


@inlined
def _sphere_distribution(t, k, n, total):
    """The same with the measure of the sphere in N dimensions, `total` of `_integrals`."""
    found = broadcast(0.0)
    area = _SPHERE[n, 0] / (_WEIGHT[0] * _SINE[0] ** (n - 2))  # pi and the sphere around the field
    for i in range(NODES):
        sine, cosine = sincos_turns(t * (_HALF[i] * TURN))
        value = _WEIGHT[i] * exp_negative(k * (cosine - 1.0))
        for _ in range(n - 2):
            value = value * sine
        found = found + value
    return found * t * (area / pi) / total


@inlined
def _density(t, k, n, total):
    """Derivative of the distribution functions."""
    sine, cosine = sincos_turns(t * TURN)
    value = exp_negative(k * (cosine - 1.0)) / total
    if n == 2:
        return 2.0 * value
    for _ in range(n - 2):
        value = value * sine
    return value * (_SPHERE[n, 0] / (_WEIGHT[0] * _SINE[0] ** (n - 2)) / pi)


@inlined
def polar_angle(u, k, n):
    """t in [0, pi] with distribution function u, of N = 2 or N >= 4."""
    ratios = np.empty((TERMS + 1, LANES))
    total, _ = _integrals(k, n)
    if n == 2:
        _hill(k, ratios)
    low, high = broadcast(0.0), broadcast(pi)
    t = pi * u / (1.0 + 0.3 * k * (1.0 - u))
    for _ in range(MOST):
        if n == 2:
            error = _circle_distribution(t, ratios) - u
        else:
            error = _sphere_distribution(t, k, n, total) - u
        low = select(error < 0.0, t, low)
        high = select(error < 0.0, high, t)
        step = error / (_density(t, k, n, total) + 1e-300)
        new = t - step
        middle = 0.5 * (low + high)
        new = select(new > low, select(new < high, new, middle), middle)
        # where the density is small, rounding of the distribution function moves t for ever
        moved = select(size(error) > ROUNDING, size(new - t), 0.0) > 1e-14
        t = select(moved, new, t)
        if not any_lane(moved):
            break
    return t


@inlined
def _one_minus_cosine(u, k):
    """-log(1 - (1 - u) (1 - exp(-2 k))) / k of k < WEAK, as a series without cancellation."""
    small = select(k < WEAK, k, WEAK)
    ratio = 2.0 + small * (-2.0 + small * (4 / 3 + small * (-2 / 3 + small * (4 / 15))))
    first = (1.0 - u) * (ratio + small * small * small * small * small * (-4 / 45))
    w = first * small
    total = 1 / 9 * w + 1 / 8
    for m in range(7, 0, -1):
        total = total * w + 1.0 / m
    return first * total


@inlined
def cosine_and_sine(u, k, n):
    """(cos t, sin t) of a uniform u in [0, 1), N >= 3; (cos t, +-sin t) for N = 2."""
    if n == 3:
        strength = select(k < WEAK, WEAK, k)
        below = -1.0 * log_positive(u + (1.0 - u) * exp_negative(-2.0 * strength)) / strength
        below = select(k < WEAK, _one_minus_cosine(u, k), below)
        below = select(below > 2.0, 2.0, select(below < 0.0, 0.0, below))
        return 1.0 - below, square_root(below * (2.0 - below))
    if n == 2:
        turn = 2.0 * u - 1.0
        sine, cosine = sincos_turns(polar_angle(size(turn), k, n) * TURN)
        return cosine, select(turn < 0.0, -1.0, 1.0) * sine
    sine, cosine = sincos_turns(polar_angle(u, k, n) * TURN)
    return cosine, sine
