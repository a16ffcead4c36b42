"""Kernels of every member of the scalar family, from its `potential` and `slope`.

A member is known to compiled code by a type that carries the hash of the file which defines it:
kernels are compiled anew when that file changes, and found in the cache when it does not.
"""

import hashlib
import inspect
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit, types
from numba.core.extending import NativeValue
from numba.extending import models, overload, register_model, typeof_impl, unbox

from lfmc.kernels.lanes import INLINE, broadcast, inlined, load
from lfmc.kernels.sites import forward_sum, neighbour_sum
from lfmc.kernels.theory import kernels_of
from lfmc.theories import function_kernels as function_kernels  # makes cos, exp, ... known
from lfmc.theories.scalar import ScalarCouplings


@dataclass(frozen=True)
class MemberCode:
    """A member's class, as the value that kernels are given."""

    module: str
    name: str
    digest: str


class MemberType(types.Type):
    """The type of a `MemberCode`: one per class and source."""

    def __init__(self, module: str, name: str, digest: str) -> None:
        self.module, self.member, self.digest = module, name, digest
        super().__init__(name=f"Member({module}.{name}, {digest})")


register_model(MemberType)(models.OpaqueModel)

_CLASSES: dict[tuple[str, str, str], Any] = {}


@typeof_impl.register(MemberCode)
def _type_of(value: MemberCode, _: Any) -> MemberType:
    return MemberType(value.module, value.name, value.digest)


@unbox(MemberType)
def _unbox(typ: Any, obj: Any, c: Any) -> NativeValue:
    return NativeValue(c.context.get_dummy_value())


def member_code(member: type) -> MemberCode:
    """What kernels are told of a member of the family."""
    code = MemberCode(member.__module__, member.__qualname__, _digest(member))
    _CLASSES[code.module, code.name, code.digest] = member
    return code


@cache
def _digest(member: Any) -> str:
    """Of the file that defines a class; of its compiled functions where there is no such file."""
    found = hashlib.sha256()
    file = getattr(sys.modules.get(member.__module__), "__file__", None)
    if file and Path(file).is_file():
        found.update(Path(file).read_bytes())
    for function in (member.potential, member.slope):
        code = inspect.unwrap(function).__code__
        found.update(code.co_code + repr(code.co_consts).encode() + repr(code.co_names).encode())
    return found.hexdigest()[:16]


@cache
def _compiled(key: tuple[str, str, str], name: str) -> Any:
    """A member's `potential` or `slope` as a part of kernels, which are what is cached."""
    return njit(**INLINE)(getattr(_CLASSES[key], name))


def _potential(value, couplings):
    """U of a value."""


def _potential_slope(value, couplings):
    """U' of a value."""


def _key(couplings: Any) -> tuple[str, str, str]:
    member = couplings.types[2]
    return member.module, member.member, member.digest


@overload(_potential, jit_options=INLINE)
def _potential_of(value, couplings):
    potential = _compiled(_key(couplings), "potential")
    return lambda value, couplings: potential(value, *couplings[1])


@overload(_potential_slope, jit_options=INLINE)
def _slope_of(value, couplings):
    slope = _compiled(_key(couplings), "slope")
    return lambda value, couplings: slope(value, *couplings[1])


@inlined
def _slope(value, phi, near, x, couplings):
    return _potential_slope(value, couplings) - 2.0 * couplings[0] * neighbour_sum(phi, near, x)


@inlined
def _site_change(old, step, phi, near, x, couplings):
    around = neighbour_sum(phi, near, x)
    change = _potential(old + step, couplings) - _potential(old, couplings)
    return change - 2.0 * couplings[0] * around * step


@inlined
def _action_change(new, old, near, couplings):
    density = (new[2] - old[2]) - couplings[0] * near.shape[1] * (new[4] - old[4])
    return near.shape[0] * density


@inlined
def _measure(phi, near, couplings):
    m = broadcast(0.0)
    phi2 = broadcast(0.0)
    potential = broadcast(0.0)
    virial = broadcast(0.0)
    bond = broadcast(0.0)
    for x in range(near.shape[0]):
        value = load(phi, x)
        m = m + value
        phi2 = phi2 + value * value
        potential = potential + _potential(value, couplings)
        virial = virial + value * _potential_slope(value, couplings)
        bond = bond + value * forward_sum(phi, near, x)
    each = 1.0 / near.shape[0]
    bond = bond * (2.0 * each / near.shape[1])
    return m * each, phi2 * each, potential * each, virial * each, bond


@inlined
def _value(value, couplings):
    return _potential(value, couplings)


@inlined
def _value_slope(value, couplings):
    return _potential_slope(value, couplings)


@inlined
def _hopping(couplings):
    return couplings[0]


kernels_of(
    ScalarCouplings,
    slope=_slope,
    site_change=_site_change,
    action_change=_action_change,
    measure=_measure,
    potential=_value,
    potential_slope=_value_slope,
    hopping=_hopping,
)
