"""The sums of the kept neighbours of every integrated site."""

import numpy as np
import torch
from torch import Tensor, nn

from lfmc.flows.heatbath.sublattice import has_many_sites
from lfmc.flows.heatbath.sums import SumsOf, sums_of
from lfmc.lattice import IntArray, Shape


class NeighbourSums(nn.Module):
    """J of kept sites: (batch, kept) -> (batch, integrated).

    A product with a dense matrix, whose cost grows with the square of the volume; where an axis is
    long or there are many sites, one with its few numbers per row.
    """

    adjacency: Tensor

    def __init__(self, shape: Shape, near: IntArray, kept: int) -> None:
        """Args: the lattice, the kept neighbours of every integrated site, the number of kept."""
        super().__init__()
        self.dense = not has_many_sites(shape)
        site = np.arange(len(near))[:, None] + np.zeros_like(near)
        if self.dense:
            adjacency = np.zeros((kept, len(near)))
            np.add.at(adjacency, (near, site), 1)
            self.register_buffer("adjacency", torch.tensor(adjacency), persistent=False)
            return
        one = np.ones(near.size)
        row, column = site.ravel(), near.ravel()
        for name, sums in (("", sums_of(row, column, one)), ("back_", sums_of(column, row, one))):
            self.register_buffer(f"{name}place", torch.tensor(sums.place), persistent=False)
            self.register_buffer(f"{name}factor", torch.tensor(sums.factor), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.dense:
            return x @ self.adjacency
        names = ("place", "factor", "back_place", "back_factor")
        found: Tensor = SumsOf.apply(x.T, *(self.get_buffer(name) for name in names))
        return found.T
