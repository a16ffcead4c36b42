"""Functions of kernels that the type of the couplings selects."""

from collections.abc import Callable
from inspect import signature
from typing import Any

from numba.extending import overload

from lfmc.kernels.lanes import INLINE


def answer(name: Any, kernel: Any, known: Callable[[Any], bool]) -> None:
    """Let kernels that call the function `name` call `kernel` for some couplings.

    Args:
        name: a function with an argument `couplings` that does nothing.
        kernel: a function of kernels (`lfmc.kernels.lanes.inlined`) with the same arguments. Its
            source is compiled in place of a call of it, which would be optimised once more.
        known: whether a numba type is that of the couplings.

    Raises:
        TypeError: other arguments.
    """
    arguments, own = signature(name), signature(kernel.py_func)
    if list(own.parameters) != list(arguments.parameters):
        raise TypeError(f"the kernel of {name.__name__}{arguments} has the arguments {own}")

    def chosen(*args: Any, **keywords: Any) -> Any:
        couplings = arguments.bind(*args, **keywords).arguments["couplings"]
        return kernel.py_func if known(couplings) else None

    chosen.__signature__ = arguments  # type: ignore[attr-defined]
    overload(name, jit_options=INLINE)(chosen)
