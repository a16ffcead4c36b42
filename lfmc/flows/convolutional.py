"""Real NVP with periodic convolutions: translations by construction, and parameters for any L.

The checkerboard's frozen colour, zero elsewhere, passes convolutions with circular padding; s and t
are read at the moved sites. arXiv:1904.12072 names convolutions as the way to larger lattices;
tanh networks that keep phi -> -phi: cf. arXiv:2105.12481.
"""

import torch
from torch import Tensor

from lfmc.config.flow_sections import ConvolutionalSettings as Settings
from lfmc.flows.affine import AffineCoupling
from lfmc.flows.alternating import AlternatingFlow
from lfmc.flows.conditioner import ConvolutionalFeatures, PeriodicConvolution, zeroed
from lfmc.lattice import Shape
from lfmc.theories.scalar import Scalar


class ConvolutionalCoupling(AffineCoupling):
    """Affine coupling with s = conv(h^2) or conv(h), t = conv(h) of hidden channels h.

    With activation tanh, h is odd in the field, s even and t odd: the coupling is odd.
    """

    moved: Tensor

    def __init__(self, shape: Shape, frozen: Tensor, moved: Tensor, settings: Settings) -> None:
        super().__init__()
        self.odd = settings.activation == "tanh"
        self.register_buffer("moved", moved.clone(), persistent=False)
        channels, kernel = settings.channels, settings.kernel
        self.features = ConvolutionalFeatures(shape, frozen, channels, kernel, self.odd)
        self.log_scale = zeroed(PeriodicConvolution(shape, channels[-1], 1, kernel))
        self.shift = zeroed(PeriodicConvolution(shape, channels[-1], 1, kernel, bias=not self.odd))

    def conditions(self, frozen: Tensor) -> tuple[Tensor, Tensor]:
        h = self.features(frozen)
        s = self.log_scale(h * h if self.odd else h)
        return self._at_moved(s), self._at_moved(self.shift(h))

    def _at_moved(self, field: Tensor) -> Tensor:
        return torch.index_select(field.flatten(1), 1, self.moved)


class ConvolutionalFlow(AlternatingFlow):
    """Alternating convolutional couplings of the two colours."""

    def __init__(self, action: Scalar, settings: Settings) -> None:
        def coupling(frozen: Tensor, moved: Tensor) -> ConvolutionalCoupling:
            return ConvolutionalCoupling(action.shape, frozen, moved, settings)

        super().__init__(action, settings.prior, [coupling] * settings.couplings)
