"""Small flows of every kind away from their start, as training would leave them."""

import torch

from lfmc.config.flow_sections import (
    ContinuousSettings,
    ConvolutionalSettings,
    HeatbathSettings,
    MultiscaleSettings,
    RealNvpSettings,
    SplineSettings,
)
from lfmc.flows.base import Flow
from lfmc.flows.build import build_flow
from lfmc.theories.phi4 import Phi4
from lfmc.theories.scalar import Scalar

SETTINGS = {
    "heatbath": HeatbathSettings(layers=3, table=128),
    "heatbath without rings": HeatbathSettings(layers=3, rings=0, table=128),
    "heatbath of two wells": HeatbathSettings(layers=3, table=128, wells=2),
    "realnvp": RealNvpSettings(couplings=5, hidden=(16, 16)),
    "realnvp+prior": RealNvpSettings(couplings=4, hidden=(16,), prior="variational"),
    "convolutional": ConvolutionalSettings(couplings=5, channels=(3, 4)),
    "convolutional leaky": ConvolutionalSettings(
        couplings=4, channels=(3,), activation="leaky_relu", prior="normal"
    ),
    "continuous": ContinuousSettings(features=3, order=2, steps=30),
    "spline": SplineSettings(couplings=3, hidden=(5, 5), bins=5),
    "multiscale": MultiscaleSettings(rounds=2, channels=(3,)),
    "spline connected": SplineSettings(couplings=2, conditioner="connected", hidden=(12,)),
}


def disturbed(kind: str, shape: tuple[int, ...], lam: float, size: float = 0.1) -> Flow:
    """A flow away from its start, as training would leave it."""
    return disturbed_for(Phi4(shape, -2.0 * len(shape), lam), kind, size)


def disturbed_for(theory: Scalar, kind: str, size: float = 0.1) -> Flow:
    """The same for any theory."""
    torch.manual_seed(7)
    flow = build_flow(theory, SETTINGS[kind])
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in flow.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(size * noise)
    return flow.requires_grad_(False)


def normals(flow: Flow, count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, flow.sites, generator=generator, dtype=torch.float64)
