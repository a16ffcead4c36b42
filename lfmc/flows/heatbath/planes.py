"""Linear maps of fields on cells: transforms axis by axis, and products mode by mode.

A plane is one feature on one cell, a row of lanes a site; rows of a feature follow each other cell
by cell, features one after the other.
"""

from lfmc.kernels.lanes import inlined, kernel_of, load, spread, store


@inlined
def clear(rows, first, count):
    """Zeros."""
    for row in range(first, first + count):
        store(rows, row, spread(0.0))


@kernel_of("void(f8[:,::1], i8, f8[:,::1], i8, f8[::1], i8, i8, i8, i8)")
def along_axis(source, first, target, to, matrix, start, side, before, after):
    """target = matrix applied to one axis of a plane (before, side, after); first rows given.

    matrix: flat, its (side, side) numbers begin at `start`.
    """
    for outer in range(before):
        for inner in range(after):
            offset = outer * side * after + inner
            for m in range(0, side - 1, 2):
                row = start + m * side
                one, two = spread(0.0), spread(0.0)
                for x in range(side):
                    value = load(source, first + offset + x * after)
                    one = one + matrix[row + x] * value
                    two = two + matrix[row + side + x] * value
                store(target, to + offset + m * after, one)
                store(target, to + offset + (m + 1) * after, two)
            if side % 2:
                row = start + (side - 1) * side
                one = spread(0.0)
                for x in range(side):
                    one = one + matrix[row + x] * load(source, first + offset + x * after)
                store(target, to + offset + (side - 1) * after, one)


@kernel_of("void(f8[:,::1], i8, i8, f8[:,::1], i8[::1], f8[:,::1])")
def transform(field, first, features, waves, sides, room):
    """Sites to modes, or back, in place: all axes of all cells of so many features.

    Args:
        field, first: rows of lanes, the first one of them.
        waves: (cells, numbers): for each axis a (side, side) matrix, flat.
        sides: of a cell, (d,).
        room: rows for one plane.
    """
    cells, sites = waves.shape[0], 1
    for axis in range(len(sides)):
        sites *= sides[axis]
    for plane in range(features * cells):
        matrix = waves[plane % cells]
        row, start, before, after = first + plane * sites, 0, 1, sites
        for axis in range(len(sides)):
            side = sides[axis]
            after //= side
            if axis % 2 == 0:
                along_axis(field, row, room, 0, matrix, start, side, before, after)
            else:
                along_axis(room, 0, field, row, matrix, start, side, before, after)
            before *= side
            start += side * side
        if len(sides) % 2:
            for site in range(sites):
                store(field, row + site, load(room, site))


@inlined
def _put(target, row, value, add):
    if add:
        value = value + load(target, row)
    store(target, row, value)


@kernel_of("void(f8[:,::1], i8, f8[:,::1], i8, f8[:,:,::1], b1)")
def mix(source, first, target, to, weights, add):
    """At every mode a matrix from input planes to output planes, (modes, outputs, inputs)."""
    modes, outputs, inputs = weights.shape
    for k in range(modes):
        for o in range(0, outputs - 1, 2):
            one, two = spread(0.0), spread(0.0)
            for i in range(inputs):
                value = load(source, first + i * modes + k)
                one = one + weights[k, o, i] * value
                two = two + weights[k, o + 1, i] * value
            _put(target, to + o * modes + k, one, add)
            _put(target, to + (o + 1) * modes + k, two, add)
        if outputs % 2:
            one = spread(0.0)
            for i in range(inputs):
                one = one + weights[k, outputs - 1, i] * load(source, first + i * modes + k)
            _put(target, to + (outputs - 1) * modes + k, one, add)


@kernel_of(
    "void(f8[:,::1], i8, i8, i8, f8[:,::1], i8, i8, i8, i8[::1], i8[::1], f8[:,::1], f8[:,::1],"
    " i8, f8[:,::1])"
)
def kernel_scores(
    features, first, inputs, sources, gradient, to, outputs, targets, members, starts, numbers,
    scores, slot, room
):  # fmt: skip
    """d/d kernel of a radial convolution, as `flows.radial.RadialConvolution.score`.

    Args:
        features, first, inputs, sources: modes of its inputs from the first row on, on so many
            cells each.
        gradient, to, outputs, targets: with respect to its outputs, likewise.
        members, starts: modes in groups of equal eigenvalues, and where each group starts.
        numbers: eigenvalues, (shells, source cells x target cells x groups).
        scores, slot: receives (inputs, outputs, shells) rows from `slot` on.
        room: as many rows as `numbers` has columns.
    """
    modes, groups, shells = len(members), len(starts) - 1, numbers.shape[0]
    for f in range(inputs):
        for c in range(outputs):
            for s in range(sources):
                for t in range(targets):
                    seen, asked = first + (f * sources + s) * modes, to + (c * targets + t) * modes
                    for group in range(groups):
                        total = spread(0.0)
                        for place in range(starts[group], starts[group + 1]):
                            k = members[place]
                            total = total + load(features, seen + k) * load(gradient, asked + k)
                        store(room, (s * targets + t) * groups + group, total)
            row = slot + (f * outputs + c) * shells
            for j in range(0, shells - 1, 2):
                one, two = spread(0.0), spread(0.0)
                for i in range(numbers.shape[1]):
                    value = load(room, i)
                    one = one + numbers[j, i] * value
                    two = two + numbers[j + 1, i] * value
                store(scores, row + j, one)
                store(scores, row + j + 1, two)
            if shells % 2:
                one = spread(0.0)
                for i in range(numbers.shape[1]):
                    one = one + numbers[shells - 1, i] * load(room, i)
                store(scores, row + shells - 1, one)
