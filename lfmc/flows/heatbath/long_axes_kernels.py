"""Transforms of planes along long axes, line by line, as `heatbath.long_axes` factorises them.

The butterflies of a line are kept in the first rows of a workspace, where the nearest cache holds
them. Functions that are inlined here have no loops: with one, numba counts references to its arrays
whenever it is entered, which costs more than a small product.
"""

from lfmc.kernels.lanes import broadcast, inlined, kernel_of, load, store


@inlined
def _quad(source, first, step, rows, table, at):
    """A quad of `long_axes.Level`, of the rows first + step * place of the source."""
    a, b, c, d = table[at], table[at + 1], table[at + 2], table[at + 3]
    one, two = load(source, first + step * a), load(source, first + step * b)
    three, four = load(source, first + step * c), load(source, first + step * d)
    store(rows, a, one + three)
    store(rows, b, two + four)
    one, two = one - three, two - four
    store(rows, c, two - one)
    store(rows, d, two + one)


@inlined
def _transposed_quad(rows, target, first, step, table, at):
    a, b, c, d = table[at], table[at + 1], table[at + 2], table[at + 3]
    one, two, three, four = load(rows, a), load(rows, b), load(rows, c), load(rows, d)
    three, four = four - three, four + three
    store(target, first + step * a, one + three)
    store(target, first + step * c, one - three)
    store(target, first + step * b, two + four)
    store(target, first + step * d, two - four)


@inlined
def _pair(source, first, step, target, to, stride, table, at):
    """A pair of `long_axes.Level`; it is its own transpose."""
    i, j = table[at], table[at + 1]
    one, two = load(source, first + step * i), load(source, first + step * j)
    store(target, to + stride * i, one + two)
    store(target, to + stride * j, one - two)


@kernel_of("void(f8[:,::1], i8, f8[::1], i8, i8[::1], i8, i8, i8, i8, f8[:,::1])")
def lines_to_modes(field, first, numbers, start, table, entry, side, before, after, rows):
    """Transform one axis of a plane (before, side, after) from sites to modes, in place.

    Args:
        field, first: rows of lanes, and the first one of the plane.
        numbers, start, table, entry: as of `long_axes.table_of`, and where those of this axis
            begin.
        rows: workspace, one row per site of the axis.
    """
    for outer in range(before):
        begin = first + outer * side * after
        for line in range(begin, begin + after):
            place = entry + 1
            for level in range(table[entry]):
                pairs = place + 3 + 4 * table[place]
                single = pairs + 2 * table[place + 1]
                end = single + table[place + 2]
                if level == 0:
                    for at in range(place + 3, pairs, 4):
                        _quad(field, line, after, rows, table, at)
                    for at in range(pairs, single, 2):
                        _pair(field, line, after, rows, 0, 1, table, at)
                    for at in range(single, end):
                        store(rows, table[at], load(field, line + after * table[at]))
                else:
                    for at in range(place + 3, pairs, 4):
                        _quad(rows, 0, 1, rows, table, at)
                    for at in range(pairs, single, 2):
                        _pair(rows, 0, 1, rows, 0, 1, table, at)
                place = end
            element, blocks = start, table[place]
            place += 1
            for _ in range(blocks):
                size, low = table[place], table[place + 1]
                place += 2
                for m in range(0, size - 3, 4):
                    one, two = broadcast(0.0), broadcast(0.0)
                    three, four = broadcast(0.0), broadcast(0.0)
                    for x in range(size):
                        value = load(rows, low + x)
                        one = one + numbers[element + x] * value
                        two = two + numbers[element + size + x] * value
                        three = three + numbers[element + 2 * size + x] * value
                        four = four + numbers[element + 3 * size + x] * value
                    store(field, line + after * table[place + m], one)
                    store(field, line + after * table[place + m + 1], two)
                    store(field, line + after * table[place + m + 2], three)
                    store(field, line + after * table[place + m + 3], four)
                    element += 4 * size
                if size % 4 > 1:
                    m = size - size % 4
                    one, two = broadcast(0.0), broadcast(0.0)
                    for x in range(size):
                        value = load(rows, low + x)
                        one = one + numbers[element + x] * value
                        two = two + numbers[element + size + x] * value
                    store(field, line + after * table[place + m], one)
                    store(field, line + after * table[place + m + 1], two)
                    element += 2 * size
                if size % 2:
                    one = broadcast(0.0)
                    for x in range(size):
                        one = one + numbers[element + x] * load(rows, low + x)
                    store(field, line + after * table[place + size - 1], one)
                    element += size
                place += size


@kernel_of("void(f8[:,::1], i8, f8[::1], i8, i8[::1], i8, i8, i8, i8, f8[:,::1])")
def lines_to_sites(field, first, numbers, start, table, entry, side, before, after, rows):
    """The inverse of `lines_to_modes`, which is its transpose; the table is that of `back`."""
    for outer in range(before):
        begin = first + outer * side * after
        for line in range(begin, begin + after):
            element, place = start, entry + 1
            for _ in range(table[entry]):
                size, low = table[place], table[place + 1]
                place += 2
                for x in range(0, size - 3, 4):
                    one, two = broadcast(0.0), broadcast(0.0)
                    three, four = broadcast(0.0), broadcast(0.0)
                    for m in range(size):
                        value = load(field, line + after * table[place + m])
                        one = one + numbers[element + m] * value
                        two = two + numbers[element + size + m] * value
                        three = three + numbers[element + 2 * size + m] * value
                        four = four + numbers[element + 3 * size + m] * value
                    store(rows, low + x, one)
                    store(rows, low + x + 1, two)
                    store(rows, low + x + 2, three)
                    store(rows, low + x + 3, four)
                    element += 4 * size
                if size % 4 > 1:
                    x = size - size % 4
                    one, two = broadcast(0.0), broadcast(0.0)
                    for m in range(size):
                        value = load(field, line + after * table[place + m])
                        one = one + numbers[element + m] * value
                        two = two + numbers[element + size + m] * value
                    store(rows, low + x, one)
                    store(rows, low + x + 1, two)
                    element += 2 * size
                if size % 2:
                    one = broadcast(0.0)
                    for m in range(size):
                        value = load(field, line + after * table[place + m])
                        one = one + numbers[element + m] * value
                    store(rows, low + size - 1, one)
                    element += size
                place += size
            last = table[place] - 1
            place += 1
            for level in range(last + 1):
                pairs = place + 3 + 4 * table[place]
                single = pairs + 2 * table[place + 1]
                end = single + table[place + 2]
                if level < last:
                    for at in range(place + 3, pairs, 4):
                        _transposed_quad(rows, rows, 0, 1, table, at)
                    for at in range(pairs, single, 2):
                        _pair(rows, 0, 1, rows, 0, 1, table, at)
                else:
                    for at in range(place + 3, pairs, 4):
                        _transposed_quad(rows, field, line, after, table, at)
                    for at in range(pairs, single, 2):
                        _pair(rows, 0, 1, field, line, after, table, at)
                    for at in range(single, end):
                        store(field, line + after * table[at], load(rows, table[at]))
                place = end
