"""Networks that drive couplings: fully connected, or convolutional with periodic padding.

The last layer of each starts at zero, so that a coupling starts as the identity.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from lfmc.errors import LfmcError
from lfmc.lattice import Shape, volume

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


def connected(inputs: int, outputs: int, hidden: tuple[int, ...]) -> nn.Sequential:
    """Linear layers with leaky rectifiers between them."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width, dtype=torch.float64), nn.LeakyReLU()]
        inputs = width
    return nn.Sequential(*layers, zeroed(nn.Linear(inputs, outputs, dtype=torch.float64)))


class PeriodicConvolution(nn.Module):
    """One convolution with circular padding in d = 1, 2, 3: (batch, C, *shape) keeps its shape."""

    def __init__(
        self, shape: Shape, inputs: int, outputs: int, kernel: int, bias: bool = True
    ) -> None:
        """Args: extents, channels in and out, odd extent of the kernel.

        Raises:
            LfmcError: four dimensions, or a kernel that wraps around the lattice twice.
        """
        super().__init__()
        if len(shape) not in CONVOLUTIONS:
            raise LfmcError(
                f"convolutions exist in d = 1, 2, 3, not for shape {list(shape)}; use realnvp"
            )
        if kernel // 2 > min(shape):
            raise LfmcError(
                f"flow.model.kernel = {kernel} is too wide for shape {list(shape)}; "
                f"at most {2 * min(shape) + 1}"
            )
        self.padding = [kernel // 2] * 2 * len(shape)
        self.convolution = CONVOLUTIONS[len(shape)](
            inputs, outputs, kernel, bias=bias, dtype=torch.float64
        )

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.convolution(functional.pad(x, self.padding, mode="circular"))
        return result


class ConvolutionalFeatures(nn.Module):
    """The frozen sites -> hidden channels on the whole lattice, the moved sites being zero.

    With `odd`, tanh between layers without biases: features change sign with the field. Without,
    leaky rectifiers and biases. No parameter depends on the extents of the lattice.
    """

    frozen: Tensor

    def __init__(
        self, shape: Shape, frozen: Tensor, channels: tuple[int, ...], kernel: int, odd: bool
    ) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("frozen", frozen.clone(), persistent=False)
        self.layers = nn.ModuleList(
            PeriodicConvolution(shape, inputs, outputs, kernel, bias=not odd)
            for inputs, outputs in pairwise((1, *channels))
        )
        self.activation: nn.Module = nn.Tanh() if odd else nn.LeakyReLU()

    def forward(self, a: Tensor) -> Tensor:
        """(batch, frozen sites) -> (batch, channels, *shape)."""
        field = a.new_zeros(len(a), volume(self.shape))
        field[:, self.frozen] = a
        hidden = field.reshape(len(a), 1, *self.shape)
        for layer in self.layers:
            hidden = self.activation(layer(hidden))
        return hidden


def zeroed(layer: nn.Module) -> nn.Module:
    """The layer with all its parameters zero."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
