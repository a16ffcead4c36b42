"""zuko: affine and rational-quadratic spline couplings on the flat lattice, reverse KL.

Set-up: masks of the lattice's checkerboard, eight affine couplings of two layers of 128 units, or
four of splines with eight bins and two layers of 64; N(0, 1) base, fields
scaled to unit variance for splines; Adam at 1e-3, batch 256, as in
its tutorial "train from energy".
"""

import torch
import zuko
from torch import Tensor, nn

from benchmarks.peers.torch_flow import DENSITY_TOLERANCE, TorchContestant, colours, standardised

VERSIONS = ("zuko", "torch")
BINS = 8
SETTINGS = {"realnvp": (8, (128, 128)), "nsf": (4, (64, 64))}
__all__ = ["DENSITY_TOLERANCE", "VERSIONS", "contestant"]


def contestant(kind: str, extent: int, lam: float, seed: int) -> TorchContestant:
    """`realnvp` or `nsf`."""
    torch.manual_seed(seed)
    couplings, hidden = SETTINGS[kind]
    options = {}
    if kind == "nsf":
        options = {
            "univariate": zuko.transforms.MonotonicRQSTransform,
            "shapes": ((BINS,), (BINS,), (BINS - 1,)),
        }
    odd = colours(extent)
    layers = nn.ModuleList(
        zuko.flows.GeneralCouplingTransform(
            extent**2, mask=odd if layer % 2 else ~odd, hidden_features=hidden, **options
        )
        for layer in range(couplings)
    )

    def transform(z: Tensor) -> tuple[Tensor, Tensor]:
        log_det = z.new_zeros(len(z))
        for layer in layers:
            z, ladj = layer().call_and_ladj(z)
            log_det = log_det + ladj
        return standardised(z, log_det, extent, lam) if kind == "nsf" else (z, log_det)

    return TorchContestant(layers, transform, extent, lam, seed, batch=256, rate=1e-3)
