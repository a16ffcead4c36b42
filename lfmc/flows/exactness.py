"""How far log q of a flow is from the density of its map, by the Jacobian of that map."""

from collections.abc import Callable

import torch
from torch import Tensor

from lfmc.flows.base import Flow
from lfmc.lattice import FloatArray

Drawing = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

SAMPLES = 32
LARGEST = 400
CHUNK = 128


def log_q_error(
    flow: Flow, samples: int = SAMPLES, seed: int = 0, draw: Drawing | None = None
) -> float | None:
    """Largest |log q - (log r(z) - log |det d phi / d z|)| over some samples of the flow.

    The whole map, in the precision of the flow, by automatic differentiation: zero up to rounding
    for couplings, the error of the discretised integral for a continuous flow. Largest over
    `samples` normals, so a typical largest error, no strict bound.

    Args:
        flow: a flow without gradients of its parameters.
        samples: number of Jacobians; each costs a pass of as many samples as sites.
        seed: of the normals.
        draw: another pass of the same map, base normals (batch, sites) -> fields and log q,
            whose log q must be as near.

    Returns:
        The error, or None for fields of more than LARGEST numbers, where it would take too long,
        and for maps that are not one-to-one.
    """
    if flow.numbers > LARGEST or not flow.one_to_one:
        return None
    generator = torch.Generator().manual_seed(seed)
    dtype = next(flow.parameters()).dtype
    worst = 0.0
    for _ in range(samples):
        z = flow.base.tensor(generator, 1, dtype)[0]
        rows: list[Tensor] = []
        log_q = z.new_zeros(1)
        for part in torch.arange(flow.numbers).split(CHUNK):
            # A sample does not depend on its batch, so copies of one give one row each.
            copies = z.expand(len(part), -1).clone().requires_grad_()
            phi, log_q = flow(copies)
            rows += torch.autograd.grad(phi[:, part].diagonal().sum(), copies)
        exact = flow.base.log_density(z) - torch.linalg.slogdet(torch.cat(rows))[1]
        worst = max(worst, abs(float(log_q[0].detach() - exact)))
        if draw is not None:
            worst = max(worst, abs(float(draw(z[None].numpy())[1][0]) - float(exact)))
    return worst
