"""A numba type for a bank of vector registers: LANES chains that advance together.

A kernel written with it reads like the formula of one chain and advances LANES chains:
``load(phi, x)`` is the row of site x, ``+ - * / <`` act lane by lane, ``select`` replaces a branch.
Unlike auto-vectorised loops there is no remainder loop and no run-time alias check, so the bits of
a lane cannot depend on which chains share its block, and a block is small enough for the nearest
cache. LLVM maps the type onto whatever registers the processor has.

Kernels allow contraction to fused multiply-add and nothing else of fast-math: reassociation
silently breaks range reductions, and NaN must compare as NaN.

Compiled kernels are cached (`lfmc.kernels.cache`).
"""

import operator
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model
from numpy.typing import NDArray

from lfmc.kernels.cache import cache_of_this_code
from lfmc.kernels.compiler import KernelCompiler

LANES = 32


class _Ordered(set[str]):
    """A set whose text, of which numba makes names, is the same in every process."""

    def __repr__(self) -> str:
        return repr(sorted(self))


_OPTIONS: dict[str, Any] = {
    "cache": True,
    "fastmath": _Ordered(("contract", "nsz")),
    "error_model": "numpy",
    "nogil": True,
    "no_cfunc_wrapper": True,
}

# Numba gives an option that is not set the value of whatever calls the kernel first.
_KERNEL: Any = {**_OPTIONS, "forceinline": False, "pipeline_class": KernelCompiler}

# Of parts of kernels that are compiled with the kernel that uses them, and not kept by themselves.
# Python does not call them, and its wrappers take as long to compile as some of them.
INLINE: Any = {**_OPTIONS, "forceinline": True, "no_cpython_wrapper": True}
del INLINE["cache"]


def kernel(function: Any) -> Any:
    """Compile for the types of each call."""
    with cache_of_this_code():
        return njit(**_KERNEL)(function)


def kernel_of(signature: str) -> Any:
    """Declare a kernel that is compiled once for these types, whatever constants it is given."""

    def compiled(function: Any) -> Any:
        with cache_of_this_code():
            return njit(signature, **_KERNEL)(function)

    return compiled


def inlined(function: Any) -> Any:
    """Declare a function that is inlined into kernels; Python cannot call it."""
    with cache_of_this_code():
        return njit(**INLINE, cache=True)(function)


def merged(function: Any) -> Any:
    """Declare a part of one kernel, whose source is put into that of the kernel.

    Otherwise LLVM optimises it three times: by itself, with the part that uses it, and in the
    kernel.
    """
    return njit(**INLINE, inline="always")(function)


device: Any = intrinsic


def aligned(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return an uninitialised float64 array that begins on a cache line.

    Then every row of lanes begins on one. Vector loads across two lines cost a third of the speed
    of HMC.
    """
    count, line = int(np.prod(shape)), 64
    raw = np.empty(count + line // 8)
    begin = -raw.ctypes.data % line // 8
    return raw[begin : begin + count].reshape(shape)


class Lanes(types.Type):
    """LANES values of one element type (float64, uint64 or bool)."""

    def __init__(self, element: types.Type) -> None:
        self.element = element
        super().__init__(name=f"Lanes({element}, {LANES})")


floats, words, mask = Lanes(types.float64), Lanes(types.uint64), Lanes(types.boolean)
_BANK: dict[Any, Lanes] = {types.float64: floats, types.uint64: words}
_REGISTER: dict[Any, Any] = {
    types.float64: ir.DoubleType(),
    types.uint64: ir.IntType(64),
    types.boolean: ir.IntType(1),
}


def _vector(bank: Lanes) -> ir.VectorType:
    return ir.VectorType(_REGISTER[bank.element], LANES)


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Lanes) -> None:
        super().__init__(dmm, fe_type, _vector(fe_type))


def _broadcast(builder: Any, value: Any, vector: ir.VectorType) -> Any:
    """Return a vector with a scalar in every lane."""
    nothing = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(nothing, value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, nothing, zeros)


def _operator(symbol: Any, bank: Lanes, result: Lanes, emit: Any) -> None:
    """Define `symbol` between lanes, and between lanes and a scalar on either side."""
    pairs = [(bank, bank), (bank, bank.element), (bank.element, bank)]

    class Template(ConcreteTemplate):
        cases = [signature(result, *pair) for pair in pairs]  # noqa: RUF012

    infer_global(symbol)(Template)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        both = zip(args, signature.args, strict=True)
        operands = [
            a if isinstance(t, Lanes) else _broadcast(builder, a, _vector(bank)) for a, t in both
        ]
        return emit(builder, *operands)

    for pair in pairs:
        lower_builtin(symbol, *pair)(lower)


_operator(operator.add, floats, floats, lambda b, x, y: b.fadd(x, y))
_operator(operator.sub, floats, floats, lambda b, x, y: b.fsub(x, y))
_operator(operator.mul, floats, floats, lambda b, x, y: b.fmul(x, y))
_operator(operator.truediv, floats, floats, lambda b, x, y: b.fdiv(x, y))
_operator(operator.lt, floats, mask, lambda b, x, y: b.fcmp_ordered("<", x, y))
_operator(operator.gt, floats, mask, lambda b, x, y: b.fcmp_ordered(">", x, y))
_operator(operator.add, words, words, lambda b, x, y: b.add(x, y))
_operator(operator.sub, words, words, lambda b, x, y: b.sub(x, y))
_operator(operator.xor, words, words, lambda b, x, y: b.xor(x, y))
_operator(operator.or_, words, words, lambda b, x, y: b.or_(x, y))
_operator(operator.and_, words, words, lambda b, x, y: b.and_(x, y))
_operator(operator.lshift, words, words, lambda b, x, y: b.shl(x, y))
_operator(operator.rshift, words, words, lambda b, x, y: b.lshr(x, y))


@infer_global(operator.neg)
class _Negative(ConcreteTemplate):
    cases = [signature(floats, floats)]  # noqa: RUF012


@lower_builtin(operator.neg, floats)
def _negative(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return builder.fneg(args[0])


def row_pointer(context: Any, builder: Any, array_type: Any, array: Any, row: Any) -> Any:
    """Address of a row of lanes, while code is generated."""
    data = context.make_array(array_type)(context, builder, array).data
    first = builder.gep(data, [builder.mul(row, row.type(LANES))])
    return builder.bitcast(first, _vector(_BANK[array_type.dtype]).as_pointer())


def check_rows(array: Any) -> None:
    """Raise TypeError, while types are inferred, for an array that holds no rows of lanes."""
    good = isinstance(array, types.Array) and array.ndim == 2 and array.layout == "C"
    if not (good and array.dtype in _BANK):
        raise TypeError(f"rows of lanes lie in a C-ordered (rows, {LANES}) array, not {array}")


@device
def load(typingctx, array, row):
    """Row `row` of a C-ordered (rows, LANES) array; the index is not checked."""
    check_rows(array)

    def codegen(context, builder, signature, args):
        pointer = row_pointer(context, builder, signature.args[0], *args)
        return builder.load(pointer, align=8)

    return _BANK[array.dtype](array, types.intp), codegen


@device
def store(typingctx, array, row, value):
    """Write row `row` of a C-ordered (rows, LANES) array; the index is not checked."""
    check_rows(array)

    def codegen(context, builder, signature, args):
        pointer = row_pointer(context, builder, signature.args[0], *args[:2])
        builder.store(args[2], pointer, align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, _BANK[array.dtype]), codegen


@device
def broadcast(typingctx, value):
    """A float64 in every lane."""

    def codegen(context, builder, signature, args):
        return _broadcast(builder, args[0], _vector(floats))

    return floats(types.float64), codegen


@device
def select(typingctx, condition, yes, no):
    """`yes` where the condition holds, else `no`; on lanes or on scalars, without a branch."""
    bank = isinstance(condition, Lanes)
    result = yes if isinstance(yes, Lanes) or not bank else no
    if bank and not isinstance(result, Lanes):
        result = floats

    def codegen(context, builder, signature, args):
        if not bank:
            return builder.select(*args)
        pair = zip(args[1:], signature.args[1:], strict=True)
        vector = _vector(result)
        operands = [a if isinstance(t, Lanes) else _broadcast(builder, a, vector) for a, t in pair]
        return builder.select(args[0], *operands)

    return result(condition, yes, no), codegen


@device
def any_lane(typingctx, condition):
    """Whether a condition holds in some lane."""

    def codegen(context, builder, signature, args):
        bits = builder.bitcast(args[0], ir.IntType(LANES))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(LANES), 0))

    return types.boolean(mask), codegen


def _bitcast(source: Any, target: Any) -> Any:
    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(target))

    return target(source), codegen


@device
def bits_of(typingctx, value):
    """The bits of float64 (scalar or lanes) as uint64."""
    return _bitcast(value, words if isinstance(value, Lanes) else types.uint64)


@device
def float_of(typingctx, value):
    """The float64 (scalar or lanes) with these bits."""
    return _bitcast(value, floats if isinstance(value, Lanes) else types.float64)


@device
def square_root(typingctx, value):
    """Square root, correctly rounded, lane by lane."""

    def codegen(context, builder, signature, args):
        vector = _vector(floats)
        name = f"llvm.sqrt.v{LANES}f64"
        function = ir.FunctionType(vector, [vector])
        declared = cgutils.get_or_insert_function(builder.module, function, name)
        return builder.call(declared, args)

    return floats(floats), codegen
