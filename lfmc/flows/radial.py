"""Kernels that depend on distance only, in a basis that means the same on every lattice.

    K(r) = sum_j c_j chi_j(r) / n_j,        n_j = sum_y chi_j(|x - y|)

chi_j are the near shells one by one, then hat functions of log r with nodes at 3, 3 sqrt 2, 6
...: as many numbers as needed near by, and a number for each octave half far away. Weights of one
lattice therefore fit any larger one (`lfmc.flows.transfer`), and do not become many on it.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lfmc.lattice import FloatArray, IntArray, Shape, coordinates

EXACT = 8.5  # squared distance up to which every shell has a number of its own
FIRST_NODE = 3.0
RATIO = math.sqrt(2)


class Basis(NamedTuple):
    """chi_j(|x - y|) / n_j between two sets of sites.

    Attributes:
        weights: (sources, targets, shells).
        radius: of each shell, or node of each hat, (shells,).
        size: n_j, the mean over targets, (shells,).
    """

    weights: FloatArray
    radius: FloatArray
    size: FloatArray


def radial_basis(shape: Shape, targets: IntArray, sources: IntArray) -> Basis:
    """The basis between sites; distances are those of the nearest periodic images."""
    return _radial_basis(shape, tuple(targets.tolist()), tuple(sources.tolist()))


@lru_cache(maxsize=32)
def _radial_basis(shape: Shape, targets: tuple[int, ...], sources: tuple[int, ...]) -> Basis:
    x, extent = coordinates(shape), np.asarray(shape)
    difference = np.abs(x[list(sources)][:, None] - x[list(targets)][None])
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
    size = weights.sum((0, 1)) / len(targets)
    return Basis(weights / size, np.array(radius), size)


class Shells(nn.Module):
    """A basis as buffers; one module serves all convolutions between the same sites."""

    weights: Tensor
    size: Tensor

    def __init__(self, shape: Shape, targets: IntArray, sources: IntArray) -> None:
        super().__init__()
        basis = radial_basis(shape, targets, sources)
        self.radius = basis.radius
        self.register_buffer("weights", torch.tensor(basis.weights), persistent=False)
        self.register_buffer("size", torch.tensor(basis.size), persistent=False)


class Record(NamedTuple):
    """What a convolution saw and gave, for scores of single samples."""

    convolution: "RadialConvolution"
    features: Tensor
    output: Tensor


class RadialConvolution(nn.Module):
    """(batch, F, sources) -> (batch, C, targets), kernels in the basis of `Shells`."""

    def __init__(self, shells: Shells, inputs: int, outputs: int) -> None:
        super().__init__()
        self.shells = shells
        shape = (inputs, outputs, len(shells.radius))
        self.kernel = nn.Parameter(torch.zeros(shape, dtype=torch.float64))

    def forward(self, features: Tensor, tape: list[Record] | None = None) -> Tensor:
        """One matrix product; `tape` receives what `score` needs."""
        inputs, outputs, _ = self.kernel.shape
        sources, targets, _ = self.shells.weights.shape
        matrix = torch.einsum("fcj,yxj->fycx", self.kernel, self.shells.weights)
        flat = features.reshape(len(features), -1) @ matrix.reshape(inputs * sources, -1)
        output = flat.reshape(-1, outputs, targets)
        if tape is not None:
            tape.append(Record(self, features.detach(), output))
        return output

    def score(self, features: Tensor, gradient: Tensor) -> Tensor:
        """d/d kernel of each sample by itself, (batch, F, C, shells).

        Args:
            features: as given to `forward`, (batch, F, sources).
            gradient: with respect to its output, (batch, C, targets).
        """
        batch, inputs, sources = features.shape
        _, targets, shells = self.shells.weights.shape
        spread = features.reshape(-1, sources) @ self.shells.weights.reshape(sources, -1)
        spread = spread.reshape(batch, inputs, targets, shells).transpose(1, 2)
        product = torch.bmm(gradient, spread.reshape(batch, targets, inputs * shells))
        return product.reshape(batch, -1, inputs, shells).transpose(1, 2)
