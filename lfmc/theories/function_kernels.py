"""`lfmc.theories.functions` inside kernels, on lanes and on numbers."""

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
