"""Real NVP of arXiv:1904.12072, section II B: fully connected couplings of two colours."""

from torch import Tensor

from lfmc.config.flow_sections import RealNvpSettings as Settings
from lfmc.flows.affine import AffineCoupling
from lfmc.flows.alternating import AlternatingFlow
from lfmc.flows.conditioner import connected
from lfmc.theories.scalar import Scalar


class ConnectedCoupling(AffineCoupling):
    """Affine coupling, s and t fully connected with leaky rectifiers."""

    def __init__(self, frozen: Tensor, moved: Tensor, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.log_scale = connected(len(frozen), len(moved), hidden)
        self.shift = connected(len(frozen), len(moved), hidden)

    def conditions(self, frozen: Tensor) -> tuple[Tensor, Tensor]:
        return self.log_scale(frozen), self.shift(frozen)


class RealNvpFlow(AlternatingFlow):
    """Alternating couplings of the two colours; everything is learned."""

    def __init__(self, action: Scalar, settings: Settings) -> None:
        def coupling(frozen: Tensor, moved: Tensor) -> ConnectedCoupling:
            return ConnectedCoupling(frozen, moved, settings.hidden)

        super().__init__(action, settings.prior, [coupling] * settings.couplings)
