"""Log weights of samples and of given fields, and one gradient step of a flow."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from lfmc.errors import LfmcError
from lfmc.flows.base import Flow
from lfmc.flows.passes import passes
from lfmc.mpi.messages import concatenated
from lfmc.mpi.ranks import ALONE, Ranks
from lfmc.training.gradient import Estimator

WARM_UP = 50
# Numbers in a chunk of fields: few enough to stay in the cache, enough to amortise a call.
CHUNK_NUMBERS = 2**17


def chunk_of(flow: Flow) -> int:
    """Samples to evaluate at a time, a power of two from 64 to 4096."""
    return 1 << min(max(CHUNK_NUMBERS // flow.reduced_sites, 64), 4096).bit_length() - 1


@torch.no_grad()
def model_log_weight(
    flow: Flow,
    count: int,
    generator: torch.Generator,
    mpi: Ranks = ALONE,
    symmetrise: bool = False,
) -> Tensor:
    """Return -S - log q of the reduced variables for new samples of the model, (count,) float64.

    Ranks share the chunks. Each draws the base normals of all chunks from the same generator, which
    costs little, so the samples do not depend on the number of ranks. Rank 0 has the result; that
    of the others is empty.

    Args:
        symmetrise: with (q(phi) + q(-phi)) / 2 in the place of q (`proposals.symmetrise`).
    """
    like, chunk = next(flow.parameters()), chunk_of(flow)
    mine = mpi.share(-(-count // chunk))
    evaluate = symmetric_model(flow) if symmetrise else passes(flow).model_log_weight
    parts = [torch.empty(0, dtype=torch.float64)]
    for number in range(mine.stop):
        size = min(chunk, count - number * chunk)
        z = flow.reduced_base.tensor(generator, size, like.dtype)
        if number in mine:
            parts.append(evaluate(z))
    return torch.from_numpy(concatenated(mpi, torch.cat(parts).numpy()))


@torch.no_grad()
def field_log_weight(
    flow: Flow, fields: Tensor, mpi: Ranks = ALONE, symmetrise: bool = False
) -> Tensor:
    """Return -S - log q of full fields (n, sites), (n,) float64, shared by the ranks likewise."""
    chunks, evaluate = fields.split(chunk_of(flow)), passes(flow).field_log_weight
    parts = [torch.empty(0, dtype=torch.float64)]
    for number in mpi.share(len(chunks)):
        own = evaluate(chunks[number])
        parts.append(_of_both(own, evaluate(-chunks[number])) if symmetrise else own)
    return torch.from_numpy(concatenated(mpi, torch.cat(parts).numpy()))


def symmetric_model(flow: Flow) -> Callable[[Tensor], Tensor]:
    """Base variables -> -S - log of (q(phi) + q(-phi)) / 2, of a flow without reduced variables.

    Raises:
        LfmcError: a flow that has them.
    """
    if flow.reduced_sites != flow.numbers:
        raise LfmcError("propose.symmetrise: this flow learns a part of the field only")
    found = passes(flow)

    def evaluate(z: Tensor) -> Tensor:
        fields = flow.reduced(z.to(next(flow.parameters()).device)).phi
        return _of_both(found.model_log_weight(z), found.field_log_weight(-fields))

    return evaluate


def _of_both(one: Tensor, other: Tensor) -> Tensor:
    """-S - log of the mean of two densities, from -S - log of each."""
    return math.log(2) - torch.logaddexp(-one, -other)


def gradient_step(
    flow: Flow,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
    batch: int,
    rate: float,
    clip: float,
    estimate: Estimator,
) -> tuple[float, float]:
    """Make one gradient step on the mean of log q + S over a batch of the model's samples.

    arXiv:1904.12072, eq. 13: the minimum is -log Z (of the reduced problem), reached at q = p.

    Returns:
        The loss and the norm of its gradient. If one is not finite, nothing has changed.
    """
    like = next(flow.parameters())
    z = flow.reduced_base.tensor(generator, batch, like.dtype)
    optimiser.zero_grad()
    loss = estimate(flow, z.to(like.device))
    norm = clip_grad_norm_(flow.parameters(), clip)
    if torch.isfinite(loss) and torch.isfinite(norm):
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
    return loss.item(), norm.item()


def warm(rate: float, step: int) -> float:
    """Return the learning rate with a linear warm-up over the first WARM_UP steps."""
    return rate * min(1.0, (step + 1) / WARM_UP)


@torch.no_grad()
def follow(average: dict[str, Tensor], flow: Flow, horizon: float, step: int) -> None:
    """Update the running average of the parameters, whose memory grows to 1/(1-horizon) steps."""
    weight = 1 - min(horizon, step / (step + 10))
    for name, parameter in flow.named_parameters():
        average[name].lerp_(parameter, weight)
