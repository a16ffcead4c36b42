"""The prior's modes to kept sites and back, as `heatbath.mode_basis` does."""

from lfmc.flows.heatbath.planes import along_axis, transform
from lfmc.kernels.lanes import broadcast, kernel, kernel_of, load, store


@kernel_of("void(f8[:,::1], i8, f8[:,::1], i8[:,::1], f8[:,::1])")
def _sums(source, first, target, place, factor):
    """target_r = sum_t factor_rt source_(place_rt)."""
    for row in range(place.shape[0]):
        total = broadcast(0.0)
        for term in range(place.shape[1]):
            total = total + factor[row, term] * load(source, first + place[row, term])
        store(target, row, total)


@kernel
def modes_to_cells(modes, first, field, basis):
    """Modes, in rows from `first` on, to those of cells; where the basis is dense, to sites."""
    if len(basis.matrix):
        along_axis(modes, first, field, 0, basis.matrix, 0, field.shape[0], 1, 1)
    else:
        _sums(modes, first, field, basis.place, basis.factor)


@kernel
def cells_to_sites(field, basis, workspace):
    """What `modes_to_cells` left to do, in place; workspace: as many rows as a cell has."""
    if not len(basis.matrix):
        transform(field, field.shape[0], basis.axes, workspace)


@kernel
def sites_to_modes(field, modes, basis):
    """Kept sites, which are spent, to modes; the rows of these serve as workspace too."""
    if len(basis.matrix):
        along_axis(field, 0, modes, 0, basis.matrix, 0, field.shape[0], 1, 1)
    else:
        transform(field, field.shape[0], basis.axes, modes)
        _sums(field, 0, modes, basis.place, basis.factor)
