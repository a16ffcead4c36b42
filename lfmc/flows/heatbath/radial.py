"""Kernels that depend on distance only, in a basis that means the same on every lattice.

    K(r) = sum_j c_j chi_j(r) / n_j,        n_j = sum_y chi_j(|x - y|)

chi_j are the near shells one by one, then hat functions of log r with nodes at 3, 3 sqrt 2, 6
...: as many numbers as needed near by, and a number for each octave half far away. Weights of one
lattice therefore fit any larger one (`lfmc.flows.heatbath.transfer`), and do not become many on it.

Convolutions act on the modes of `heatbath.sublattice`, where such a kernel is one number per mode.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lfmc.flows.heatbath.sublattice import Cells, eigenvalues
from lfmc.lattice import FloatArray, coordinates

EXACT = 8.5  # squared distance up to which every shell has a number of its own
FIRST_NODE = 3.0
RATIO = math.sqrt(2)


class Basis(NamedTuple):
    """chi_j(|x - y|) / n_j from the first site y of every source cell.

    Attributes:
        weights: (source cells, target sites, shells).
        radius: of each shell, or node of each hat, (shells,).
        size: n_j, the mean over targets, (shells,).
    """

    weights: FloatArray
    radius: FloatArray
    size: FloatArray


def radial_basis(source: Cells, target: Cells) -> Basis:
    """The basis between cells; distances are those of the nearest periodic images."""
    x, extent = coordinates(source.shape), np.asarray(source.shape)
    difference = np.abs(x[source.sites[:: source.each]][:, None] - x[target.sites][None])
    square = (np.minimum(difference, extent - difference) ** 2).sum(-1)
    near = [int(v) for v in np.unique(square) if v < EXACT]
    columns, radius = [(square == v).astype(float) for v in near], [math.sqrt(v) for v in near]
    far = square >= EXACT
    if far.any():
        octave = np.log(np.sqrt(np.maximum(square, EXACT)) / FIRST_NODE) / math.log(RATIO)
        for j in range(math.ceil(octave.max()) + 1):
            hat = np.clip(1 - np.abs(np.maximum(octave, 0) - j), 0, None) * far
            if hat.any():
                columns.append(hat)
                radius.append(FIRST_NODE * RATIO**j)
    weights = np.stack(columns, -1)
    # All sources of a cell reach as many targets as its first one does.
    size = weights.sum((0, 1)) / len(target.parities)
    return Basis(weights / size, np.array(radius), size)


class Shells(nn.Module):
    """A basis between two sets of cells, mode by mode; one serves all convolutions between them."""

    eigenvalues: Tensor
    size: Tensor

    def __init__(self, source: Cells, target: Cells) -> None:
        super().__init__()
        basis = radial_basis(source, target)
        self.radius = basis.radius
        numbers = torch.tensor(eigenvalues(source, target, basis.weights))
        self.register_buffer("eigenvalues", numbers, persistent=False)
        self.register_buffer("size", torch.tensor(basis.size), persistent=False)


class Record(NamedTuple):
    """What a convolution saw and gave, for scores of single samples."""

    convolution: "RadialConvolution"
    features: Tensor
    output: Tensor


class RadialConvolution(nn.Module):
    """(source cells, modes, F, batch) -> (target cells, modes, C, batch), kernels of `Shells`."""

    def __init__(self, shells: Shells, inputs: int, outputs: int) -> None:
        super().__init__()
        self.shells = shells
        shape = (inputs, outputs, len(shells.radius))
        self.kernel = nn.Parameter(torch.zeros(shape, dtype=torch.float64))

    def forward(self, features: Tensor, tape: list[Record] | None = None) -> Tensor:
        """A small matrix product for each mode; `tape` receives what `score` needs."""
        values = self.shells.eigenvalues
        matrix = torch.einsum("fcj,stkj->tskcf", self.kernel, values)
        output = torch.stack([_over_sources(one, features) for one in matrix])
        if tape is not None:
            tape.append(Record(self, features.detach(), output))
        return output

    def score(self, features: Tensor, gradient: Tensor) -> Tensor:
        """d/d kernel of each sample by itself, (F, C, shells, batch).

        Args:
            features: as given to `forward`, (source cells, modes, F, batch).
            gradient: with respect to its output, (target cells, modes, C, batch).
        """
        values = self.shells.eigenvalues
        sources, targets, modes, shells = values.shape
        inputs, outputs, batch = features.shape[2], gradient.shape[2], features.shape[3]
        total = features.new_zeros(shells, inputs * outputs * batch)
        for s in range(sources):
            for t in range(targets):
                pairs = features[s][:, :, None] * gradient[t][:, None]
                total += values[s, t].T @ pairs.reshape(modes, -1)
        return total.reshape(shells, inputs, outputs, batch).permute(1, 2, 0, 3)


def _over_sources(matrices: Tensor, features: Tensor) -> Tensor:
    """Sum over source cells of (modes, C, F) @ (modes, F, batch), added up in the products."""
    total = matrices[0] @ features[0]
    for matrix, field in zip(matrices[1:], features[1:], strict=True):
        total = torch.baddbmm(total, matrix, field)
    return total
