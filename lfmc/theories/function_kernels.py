"""`lfmc.theories.functions` and whole powers inside kernels, on lanes and on numbers."""

import operator
from math import pi
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from lfmc.kernels.lanes import INLINE, Lanes, square_root
from lfmc.kernels.mathematics import exponential, logarithm, sincos_turns
from lfmc.kernels.mathematics import tanh as kernel_tanh
from lfmc.theories import functions

_TURNS = 1 / (2 * pi)
LARGEST_POWER = 16


def _number(x: Any) -> bool:
    return isinstance(x, Lanes | types.Float)


@overload(functions.cos, jit_options=INLINE)
def _cos(x):
    if _number(x):
        return lambda x: sincos_turns(_TURNS * x)[1]
    return None


@overload(functions.sin, jit_options=INLINE)
def _sin(x):
    if _number(x):
        return lambda x: sincos_turns(_TURNS * x)[0]
    return None


@overload(functions.exp, jit_options=INLINE)
def _exp(x):
    if _number(x):
        return lambda x: exponential(x)
    return None


@overload(functions.log, jit_options=INLINE)
def _log(x):
    if _number(x):
        return lambda x: logarithm(x)
    return None


@overload(functions.tanh, jit_options=INLINE)
def _tanh(x):
    if _number(x):
        return lambda x: kernel_tanh(x)
    return None


@overload(functions.sqrt, jit_options=INLINE)
def _sqrt(x):
    if isinstance(x, Lanes):
        return lambda x: square_root(x)
    if isinstance(x, types.Float):
        return lambda x: np.sqrt(x)
    return None


@overload(operator.pow, jit_options=INLINE)
def _power(x, exponent):
    if not isinstance(x, Lanes) or not isinstance(exponent, types.IntegerLiteral):
        return None
    if not 1 <= exponent.literal_value <= LARGEST_POWER:
        return None
    times = exponent.literal_value - 1

    def power(x, exponent):
        found = x
        for _ in range(times):
            found = found * x
        return found

    return power
