"""Linear maps of fields on cells: transforms axis by axis, and products mode by mode.

A plane is one feature on one cell, with one row of lanes per site. The planes of a feature follow
each other cell by cell, and the features follow one after another.
"""

from lfmc.flows.heatbath.long_axes_kernels import lines_to_modes, lines_to_sites
from lfmc.kernels.lanes import broadcast, inlined, kernel_of, load, store


@inlined
def clear(rows, first, count):
    """Set `count` rows to zero."""
    for row in range(first, first + count):
        store(rows, row, broadcast(0.0))


@kernel_of("void(f8[:,::1], i8, f8[:,::1], i8, f8[::1], i8, i8, i8, i8)")
def along_axis(source, first, target, to, matrix, start, side, before, after):
    """target = matrix applied to one axis of a plane (before, side, after).

    first, to: first rows of source and target; matrix: flat, (side, side) numbers from `start` on.
    """
    for outer in range(before):
        for inner in range(after):
            offset = outer * side * after + inner
            for m in range(0, side - 1, 2):
                row = start + m * side
                one, two = broadcast(0.0), broadcast(0.0)
                for x in range(side):
                    value = load(source, first + offset + x * after)
                    one = one + matrix[row + x] * value
                    two = two + matrix[row + side + x] * value
                store(target, to + offset + m * after, one)
                store(target, to + offset + (m + 1) * after, two)
            if side % 2:
                row = start + (side - 1) * side
                one = broadcast(0.0)
                for x in range(side):
                    one = one + matrix[row + x] * load(source, first + offset + x * after)
                store(target, to + offset + (side - 1) * after, one)


@kernel_of("void(f8[:,::1], i8, i8[::1], f8[:,::1], i8[:,::1], f8[:,::1])")
def _transform(field, rows, sides, numbers, table, workspace):
    cells, sites = numbers.shape[0], 1
    for axis in range(len(sides)):
        sites *= sides[axis]
    for plane in range(rows // sites):
        matrix, todo = numbers[plane % cells], table[plane % cells]
        row, start, before, after = plane * sites, 0, 1, sites
        for axis in range(len(sides)):
            side = sides[axis]
            after //= side
            if len(todo):
                entry, begin = todo[1 + 2 * axis], todo[2 + 2 * axis]
                if todo[0]:
                    lines_to_sites(
                        field, row, matrix, begin, todo, entry, side, before, after, workspace
                    )
                else:
                    lines_to_modes(
                        field, row, matrix, begin, todo, entry, side, before, after, workspace
                    )
            elif axis % 2 == 0:
                along_axis(field, row, workspace, 0, matrix, start, side, before, after)
            else:
                along_axis(workspace, 0, field, row, matrix, start, side, before, after)
            before *= side
            start += side * side
        if len(todo) == 0 and len(sides) % 2:
            for site in range(sites):
                store(field, row + site, load(workspace, site))


@inlined
def transform(field, rows, axes, workspace):
    """Transform sites to modes or modes to sites in place, all axes of all cells of all features.

    Args:
        field, rows: planes of features, and the number of their rows.
        axes: of the cells, `axes.Axes`.
        workspace: as many rows as a plane has.
    """
    _transform(field, rows, axes.sides, axes.numbers, axes.table, workspace)


@inlined
def _put(target, row, value, add):
    if add:
        value = value + load(target, row)
    store(target, row, value)


@kernel_of("void(f8[:,::1], i8, f8[:,::1], i8, f8[:,:,::1], b1)")
def mix(source, first, target, to, matrices, add):
    """Multiply the planes at every mode by a matrix, (modes, outputs, inputs)."""
    modes, outputs, inputs = matrices.shape
    for k in range(modes):
        for o in range(0, outputs - 1, 2):
            one, two = broadcast(0.0), broadcast(0.0)
            for i in range(inputs):
                value = load(source, first + i * modes + k)
                one = one + matrices[k, o, i] * value
                two = two + matrices[k, o + 1, i] * value
            _put(target, to + o * modes + k, one, add)
            _put(target, to + (o + 1) * modes + k, two, add)
        if outputs % 2:
            one = broadcast(0.0)
            for i in range(inputs):
                one = one + matrices[k, outputs - 1, i] * load(source, first + i * modes + k)
            _put(target, to + (outputs - 1) * modes + k, one, add)


@kernel_of(
    "void(f8[:,::1], i8, i8, i8, f8[:,::1], i8, i8, i8, i8[::1], i8[::1], f8[:,::1], f8[:,::1],"
    " i8, f8[:,::1])"
)
def kernel_scores(
    features, first, inputs, sources, gradient, to, outputs, targets, group_members, group_starts,
    numbers, scores, offset, workspace
):  # fmt: skip
    """d/d kernel of a radial convolution, as `heatbath.radial.RadialConvolution.score`.

    Args:
        features, first, inputs, sources: modes of the inputs, the first row, the number of inputs,
            and of their cells.
        gradient, to, outputs, targets: the gradient with respect to the outputs, likewise.
        group_members, group_starts: modes sorted into groups of equal eigenvalues, and the first
            place of each group.
        numbers: eigenvalues, (shells, source cells x target cells x groups).
        scores, offset: receives (inputs, outputs, shells) rows from `offset` on.
        workspace: as many rows as `numbers` has columns.
    """
    modes, groups, shells = len(group_members), len(group_starts) - 1, numbers.shape[0]
    for f in range(inputs):
        for c in range(outputs):
            for s in range(sources):
                for t in range(targets):
                    input_row, output_row = (
                        first + (f * sources + s) * modes,
                        to + (c * targets + t) * modes,
                    )
                    for group in range(groups):
                        total = broadcast(0.0)
                        for place in range(group_starts[group], group_starts[group + 1]):
                            k = group_members[place]
                            total = total + load(features, input_row + k) * load(
                                gradient, output_row + k
                            )
                        store(workspace, (s * targets + t) * groups + group, total)
            row = offset + (f * outputs + c) * shells
            for j in range(0, shells - 1, 2):
                one, two = broadcast(0.0), broadcast(0.0)
                for i in range(numbers.shape[1]):
                    value = load(workspace, i)
                    one = one + numbers[j, i] * value
                    two = two + numbers[j + 1, i] * value
                store(scores, row + j, one)
                store(scores, row + j + 1, two)
            if shells % 2:
                one = broadcast(0.0)
                for i in range(numbers.shape[1]):
                    one = one + numbers[shells - 1, i] * load(workspace, i)
                store(scores, row + shells - 1, one)
