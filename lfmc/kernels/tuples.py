"""Tuples of lanes, whatever their length: chosen lane by lane, and stored row by row."""

from numba import types

from lfmc.kernels.lanes import check_rows, device, row_pointer


@device
def select_each(typingctx, condition, yes, no):
    """`select` for every pair of two tuples of lanes of the same length."""

    def codegen(context, builder, signature, args):
        result = context.get_constant_undef(signature.return_type)
        for k in range(len(yes)):
            pair = (builder.extract_value(one, k) for one in args[1:])
            result = builder.insert_value(result, builder.select(args[0], *pair), k)
        return result

    return yes(condition, yes, no), codegen


@device
def store_each(typingctx, array, row, values):
    """Write a tuple of lanes into consecutive rows from `row` on."""
    check_rows(array)

    def codegen(context, builder, signature, args):
        for k in range(len(values)):
            place = builder.add(args[1], args[1].type(k))
            pointer = row_pointer(context, builder, signature.args[0], args[0], place)
            builder.store(builder.extract_value(args[2], k), pointer, align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, values), codegen
