"""Branch-free exp, log, tanh and sine-cosine on lanes (or scalars).

Polynomials and a few bit operations, so every lane gets the same bits whatever its neighbours
hold. Accurate to a few units of 1e-16 (tested). References: range reductions with a two-part ln 2
as in fdlibm; the series themselves are elementary (Abramowitz and Stegun 4.1.27, 4.2.1, 4.3.65-66).
"""

from math import factorial, pi

import numpy as np

from lfmc.kernels.lanes import bits_of, float_of, inlined, select

_ROUND = 6755399441055744.0  # 1.5 * 2^52: adding it leaves the nearest integer in the low bits
_LOG2E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01  # low bits zero, so that n * _LN2_HIGH is exact
_LN2_LOW = 1.90821492927058770002e-10
# Number of slopes or pivots that are multiplied before one logarithm: in the maps they exceed 0.05.
TOGETHER = 8
_LOWEST = -708.0  # exp is still a normal number
_E = tuple(1 / factorial(n) for n in range(14))  # remainder 4e-18 for |r| <= ln(2)/2
_S = tuple((-1) ** n * (2 * pi) ** (2 * n + 1) / factorial(2 * n + 1) for n in range(9))
_C = tuple((-1) ** n * (2 * pi) ** (2 * n) / factorial(2 * n) for n in range(9))

_MANTISSA = np.uint64(52)
_BIAS = np.uint64(1023)
_SQRT_HALF_BITS = np.uint64(0x3FE6A09E667F3BCD)
_ONE_BITS = np.uint64(0x3FF0000000000000)
_2P52_BITS = np.uint64(0x4330000000000000)
_EXPONENTS = np.uint64(0xFFF0000000000000)
_2P52_AND_BIAS = 4503599627370496.0 + 1023.0
_BIT0, _BIT1 = np.uint64(1), np.uint64(2)
_TO_SIGN0, _TO_SIGN1 = np.uint64(63), np.uint64(62)  # shifts of these bits to the sign


@inlined
def _exponential(x):
    """exp(x) for -708 <= x <= 709 (not checked)."""
    shifted = x * _LOG2E + _ROUND
    n = shifted - _ROUND
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    p = r * _E[13] + _E[12]
    p = p * r + _E[11]
    p = p * r + _E[10]
    p = p * r + _E[9]
    p = p * r + _E[8]
    p = p * r + _E[7]
    p = p * r + _E[6]
    p = p * r + _E[5]
    p = p * r + _E[4]
    p = p * r + _E[3]
    p = p * r + _E[2]
    p = p * r + _E[1]
    p = p * r + _E[0]
    # n sits in the low bits of `shifted`; the shift drops all bits above it
    return p * float_of((bits_of(shifted) + _BIAS) << _MANTISSA)


@inlined
def exp_negative(x):
    """exp(x) for -708 <= x <= 0; above 0 it stays 1, below -708 exp(-708): an acceptance."""
    x = select(x < 0.0, x, 0.0)
    return _exponential(select(x < _LOWEST, _LOWEST, x))


@inlined
def exponential(x):
    """exp(x) for |x| < 700; NaN beyond, and of NaN: clamped numbers would make a wrong density."""
    inside = size(x) < 700.0
    return select(inside, _exponential(select(inside, x, 0.0)), np.nan)


@inlined
def log_positive(x):
    """Natural logarithm of a normal positive x (not checked)."""
    above = bits_of(x) - _SQRT_HALF_BITS + _ONE_BITS  # exponent of x / sqrt(1/2)
    n = float_of((above >> _MANTISSA) | _2P52_BITS) - _2P52_AND_BIAS
    m = float_of(bits_of(x) - (above & _EXPONENTS) + _ONE_BITS)  # sqrt(1/2) <= m < sqrt(2)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = z * (2 / 21) + 2 / 19
    p = p * z + 2 / 17
    p = p * z + 2 / 15
    p = p * z + 2 / 13
    p = p * z + 2 / 11
    p = p * z + 2 / 9
    p = p * z + 2 / 7
    p = p * z + 2 / 5
    p = p * z + 2 / 3
    return n * _LN2_HIGH + (2.0 * s + (s * z * p + n * _LN2_LOW))


@inlined
def logarithm(x):
    """log(x) for 1e-300 < x < 1e300; NaN beyond, and of NaN."""
    inside = select(x > 1e-300, x, 1e301) < 1e300
    return select(inside, log_positive(select(inside, x, 1.0)), np.nan)


@inlined
def size(x):
    """|x|."""
    return select(x < 0.0, 0.0 - x, x)


@inlined
def tanh(x):
    """tanh(x), absolute error a few 1e-16; of NaN and infinity NaN."""
    e = exp_negative(-2.0 * size(x))
    t = (1.0 - e) / (1.0 + e)
    return select(x < 0.0, 0.0 - t, t) + 0.0 * x


@inlined
def softplus(x):
    """log(1 + exp(x)); of NaN and infinity NaN."""
    return select(x < 0.0, 0.0, x) + log_positive(1.0 + exp_negative(0.0 - size(x))) + 0.0 * x


@inlined
def sincos_turns(v):
    """(sin(2 pi v), cos(2 pi v)) for |v| < 2^50; absolute error a few 1e-16."""
    shifted = 4.0 * v + _ROUND
    quadrant = bits_of(shifted)
    r = v - 0.25 * (shifted - _ROUND)  # exact, |r| <= 1/8
    z = r * r
    s = z * _S[8] + _S[7]
    s = s * z + _S[6]
    s = s * z + _S[5]
    s = s * z + _S[4]
    s = s * z + _S[3]
    s = s * z + _S[2]
    s = s * z + _S[1]
    s = r * (s * z + _S[0])
    c = z * _C[8] + _C[7]
    c = c * z + _C[6]
    c = c * z + _C[5]
    c = c * z + _C[4]
    c = c * z + _C[3]
    c = c * z + _C[2]
    c = c * z + _C[1]
    c = c * z + 1.0
    odd = float_of((quadrant & _BIT0) << _TO_SIGN0 | _ONE_BITS) < 0.0
    sine, cosine = select(odd, c, s), select(odd, s, c)
    sine = float_of(bits_of(sine) ^ ((quadrant & _BIT1) << _TO_SIGN1))
    return sine, float_of(bits_of(cosine) ^ (((quadrant + _BIT0) & _BIT1) << _TO_SIGN1))
