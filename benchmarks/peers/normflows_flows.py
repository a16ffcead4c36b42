"""normflows: masked affine couplings, or its coupled rational-quadratic splines, reverse KL.

Set-up: for affine couplings masks of the lattice's checkerboard, eight of them, multilayer
perceptrons of two layers of 128 units that start at zero; for splines four layers of two residual
blocks of 64 units with its alternating masks and its linear permutation; N(0, 1) base, fields
scaled to unit variance for splines; Adam at
1e-3, batch 512, as in its examples.
"""

import normflows
import torch
from torch import Tensor, nn

from benchmarks.peers.torch_flow import DENSITY_TOLERANCE, TorchContestant, colours, standardised

VERSIONS = ("normflows", "torch")
__all__ = ["DENSITY_TOLERANCE", "VERSIONS", "contestant"]


def contestant(kind: str, extent: int, lam: float, seed: int) -> TorchContestant:
    """`realnvp` or `nsf`."""
    torch.manual_seed(seed)
    volume = extent**2
    flows: list[nn.Module] = []
    if kind == "realnvp":
        mask = colours(extent).float()
        for layer in range(8):
            widths = [volume, 128, 128, volume]
            shift, scale = (normflows.nets.MLP(widths, init_zeros=True) for _ in range(2))
            frozen = mask if layer % 2 == 0 else 1 - mask
            flows.append(normflows.flows.MaskedAffineFlow(frozen, shift, scale))
    else:
        for layer in range(4):
            flows.append(
                normflows.flows.CoupledRationalQuadraticSpline(
                    volume, 2, 64, reverse_mask=bool(layer % 2)
                )
            )
            flows.append(normflows.flows.LULinearPermute(volume))
    network = nn.ModuleList(flows)

    def transform(z: Tensor) -> tuple[Tensor, Tensor]:
        log_det = z.new_zeros(len(z))
        for flow in network:
            z, ladj = flow(z)
            log_det = log_det + ladj
        return standardised(z, log_det, extent, lam) if kind == "nsf" else (z, log_det)

    return TorchContestant(network, transform, extent, lam, seed, batch=512, rate=1e-3)
