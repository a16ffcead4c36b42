"""Elementary functions for potentials: of numpy arrays, of torch tensors, and inside kernels.

A potential that is written with these, with + - * / and with powers 1 to 16 is one expression for
all three; the kernels' forms are in `lfmc.theories.function_kernels`.
"""

import sys
from typing import Any

import numpy


def _of(x: Any, name: str) -> Any:
    library = type(x).__module__.partition(".")[0]
    found = sys.modules["torch"] if library == "torch" else numpy
    return getattr(found, name)(x)


def cos(x: Any) -> Any:
    """Cosine; in kernels for |x| < 1e12, absolute error a few 1e-16."""
    return _of(x, "cos")


def sin(x: Any) -> Any:
    """Sine; in kernels for |x| < 1e12, absolute error a few 1e-16."""
    return _of(x, "sin")


def exp(x: Any) -> Any:
    """Exponential; in kernels NaN beyond |x| < 700."""
    return _of(x, "exp")


def log(x: Any) -> Any:
    """Natural logarithm; in kernels of 1e-300 < x < 1e300, else NaN."""
    return _of(x, "log")


def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return _of(x, "tanh")


def sqrt(x: Any) -> Any:
    """Square root."""
    return _of(x, "sqrt")
