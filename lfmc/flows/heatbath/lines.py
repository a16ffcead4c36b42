"""Lines of a half of the kept sites along one axis, and the integrated sites between them."""

from torch import Tensor, stack

from lfmc.flows.heatbath.sublattice import Cells


class Lines:
    """Rings of the sites of one half along an axis; an integrated site between neighbours."""

    def __init__(self, half: Cells, integrated: Cells, axis: int) -> None:
        self.sides, self.axis = [n // 2 for n in half.shape], axis
        wanted = half.parities.copy()
        wanted[:, axis] = 1 - wanted[:, axis]
        known = [tuple(p) for p in integrated.parities]
        self.between = [known.index(tuple(p)) for p in wanted]
        # From an even site the next integrated one has the same index, from an odd one the next.
        self.roll = [-int(p) for p in half.parities[:, axis]]

    def rings(self, field: Tensor) -> Tensor:
        """(sites of the half, batch) -> (sites of a ring, rings, batch)."""
        grid = field.reshape(len(self.between), *self.sides, -1).movedim(self.axis + 1, 0)
        return grid.reshape(self.sides[self.axis], -1, field.shape[-1])

    def sites(self, rings: Tensor) -> Tensor:
        """Back to (sites of the half, batch)."""
        others = self.sides[: self.axis] + self.sides[self.axis + 1 :]
        grid = rings.reshape(self.sides[self.axis], len(self.between), *others, -1)
        return grid.movedim(0, self.axis + 1).reshape(-1, rings.shape[-1])

    def edges(self, field: Tensor) -> Tensor:
        """(cells, sites, terms, batch) on integrated sites -> (edges, terms, rings, batch)."""
        terms, batch = field.shape[2:]
        grid = field.reshape(len(field), *self.sides, terms, batch)
        parts = [
            grid[cell].roll(shift, self.axis)
            for cell, shift in zip(self.between, self.roll, strict=True)
        ]
        edges = stack(parts).movedim(self.axis + 1, 0)
        return edges.reshape(self.sides[self.axis], -1, terms, batch).movedim(2, 1)
