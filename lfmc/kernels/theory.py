"""The functions of a theory that kernels call, selected by the type of its couplings.

Fields of a block are (numbers, LANES), `near` is the table of `Theory.geometry`, for scalar
theories the neighbours (volume, 2d).
"""

from typing import Any

from numba.extending import overload

from lfmc.kernels.lanes import INLINE


def slope(value, phi, near, x, couplings):
    """dS/dphi of site x, whose field is `value`."""


def site_change(old, step, phi, near, x, couplings):
    """S(old + step) - S(old) where only site x changes."""


def action_change(new, old, near, couplings):
    """S(new) - S(old) from the scalars of `measure` of both."""


def measure(phi, near, couplings):
    """The theory's scalars, a tuple of lanes in the order of `Theory.scalars`."""


def potential(value, couplings):
    """U of a site whose field is `value`, of theories of the scalar family."""


def potential_slope(value, couplings):
    """U' of a site whose field is `value`, of theories of the scalar family."""


def hopping(couplings):
    """h of the bonds -2 h phi_x phi_y, for the cluster algorithm."""


def kernels_of(couplings_type: type, **kernels: Any) -> None:
    """Register kernels of a theory: the functions above call them for couplings of this type.

    Args:
        kernels: by name, functions of kernels (`lfmc.kernels.lanes.inlined`) with the same
            arguments.
    """

    def known(couplings: Any) -> bool:
        return getattr(couplings, "instance_class", None) is couplings_type

    for name, kernel in kernels.items():
        _answer(name, kernel, known)


def _answer(name: str, kernel: Any, known: Any) -> None:
    if name == "slope":

        @overload(slope, jit_options=INLINE)
        def _slope(value, phi, near, x, couplings):
            if known(couplings):
                return lambda value, phi, near, x, couplings: kernel(value, phi, near, x, couplings)
            return None

    elif name == "site_change":

        @overload(site_change, jit_options=INLINE)
        def _site_change(old, step, phi, near, x, couplings):
            if known(couplings):
                return lambda old, step, phi, near, x, couplings: kernel(
                    old, step, phi, near, x, couplings
                )
            return None

    elif name == "action_change":

        @overload(action_change, jit_options=INLINE)
        def _action_change(new, old, near, couplings):
            if known(couplings):
                return lambda new, old, near, couplings: kernel(new, old, near, couplings)
            return None

    elif name == "measure":

        @overload(measure, jit_options=INLINE)
        def _measure(phi, near, couplings):
            if known(couplings):
                return lambda phi, near, couplings: kernel(phi, near, couplings)
            return None

    elif name == "potential":

        @overload(potential, jit_options=INLINE)
        def _potential(value, couplings):
            if known(couplings):
                return lambda value, couplings: kernel(value, couplings)
            return None

    elif name == "potential_slope":

        @overload(potential_slope, jit_options=INLINE)
        def _potential_slope(value, couplings):
            if known(couplings):
                return lambda value, couplings: kernel(value, couplings)
            return None

    elif name == "hopping":

        @overload(hopping, jit_options=INLINE)
        def _hopping(couplings):
            if known(couplings):
                return lambda couplings: kernel(couplings)
            return None

    else:
        raise TypeError(f"no kernel of a theory is called {name!r}")
