"""Natural gradient by regression: each step is a linear fit of log w on the scores.

With s = d log q(x) / d theta and w = p/q, a change delta of the parameters changes log w at fixed x
by -s . delta. The delta that minimises Var(log w) over samples of q solves

    F delta = b,     F = Cov(s, s),   b = Cov(s, log w)

F is the Fisher matrix and -b the gradient of the reverse Kullback-Leibler divergence. So this is
the natural gradient with learning rate one (Amari, Neural Comput. 10 (1998) 251), and Gauss-Newton
on Var(log w). Near the optimum it converges in a few steps; since log w itself is fitted, the noise
of the step vanishes with Var(log w). Far from the optimum the step is damped (Levenberg and
Marquardt), and its divergence is bounded.

Earlier batches still contribute to the fit: after a step delta, log w of their samples has changed
by -s . delta to first order, and b by -F delta. They are pooled with the new batch, with a weight
that decreases faster if the steps are larger. Small batches are then as good as ten times larger
ones (recursive least squares with forgetting: Ljung and Soderstrom, Theory and Practice of
Recursive Identification, 1983).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lfmc.flows.base import Flow
from lfmc.flows.passes import passes
from lfmc.lattice import FloatArray
from lfmc.mpi.ranks import ALONE, Ranks
from lfmc.mpi.tree import tree_sum
from lfmc.training.optimiser import parameter_count
from lfmc.training.products import BLOCK, packed_products, unpacked

CHUNK = 512
# Added to the diagonal of F before it scales the damping, for parameters with a small F.
UNIT = 1.0
# Number of random vectors that estimate a trace.
PROBES = 32
SMALLEST_SHARE = 0.3
SMALLEST_FREEDOM = 0.05


class Fit(NamedTuple):
    """The moments of a batch that determine a step, in float64.

    Attributes:
        fisher: covariance of the scores, (parameters, parameters).
        slope: covariance of scores and log w, (parameters,).
        variance, mean: of log w.
        samples: number of samples; for a pool of batches, the equivalent number of new ones.
    """

    fisher: Tensor
    slope: Tensor
    variance: float
    mean: float
    samples: float


class Proposed(NamedTuple):
    """A change of the parameters.

    Attributes:
        delta: the change, (parameters,).
        divergence: Kullback-Leibler divergence of the step before it is shortened.
        noise: part of this divergence that is noise of the newest batch.
        made: divergence of the shortened step.
    """

    delta: Tensor
    divergence: float
    noise: float
    made: float


def score_sums(flow: Flow, seeds: Sequence[int], origin: float, mpi: Ranks = ALONE) -> Tensor:
    """Sum the products of (scores, log w, 1) over CHUNK samples per seed, in float64.

    Args:
        origin: a number near the mean of log w, which is subtracted from it to avoid cancellation
            in single precision.
        mpi: ranks that share the seeds, each with this flow. The bits do not depend on their
            number (`lfmc.mpi.tree`).

    Returns:
        (parameters + 2, parameters + 2) on rank 0; an empty tensor on the others.
    """
    like, evaluate = next(flow.parameters()), passes(flow).scores

    def chunk(number: int) -> FloatArray:
        generator = torch.Generator().manual_seed(seeds[number])
        z = flow.reduced_base.tensor(generator, CHUNK, like.dtype)
        log_weight, scores = evaluate(z)
        centred = (log_weight - origin)[None]
        rows = torch.cat([scores, centred, torch.ones_like(centred)]).to(like.dtype)
        return packed_products(rows)

    total = tree_sum(chunk, len(seeds), mpi)
    return unpacked(total, parameter_count(flow) + 2) if len(total) else torch.empty(0)


def fit_of(sums: Tensor) -> Fit:
    """Compute the covariances from the sums of `score_sums`, whose last entry counts samples."""
    samples = float(sums[-1, -1])
    mean = sums[:-1, -1] / samples
    covariance = sums[:-1, :-1] / samples
    for rows in _rows_of(covariance):
        covariance[rows] -= mean[rows, None] * mean
    return Fit(
        covariance[:-1, :-1],
        covariance[:-1, -1],
        float(covariance[-1, -1]),
        float(mean[-1]),
        samples,
    )


def after(fit: Fit, delta: Tensor) -> Fit:
    """Return the fit, to first order, after the parameters have changed by delta."""
    return fit._replace(slope=fit.slope - fit.fisher @ delta)


def pooled(old: Fit, keep: float, new: Fit) -> Fit:
    """Pool a new batch with `keep` of the old samples; variance and mean are the new batch's."""
    samples = keep * old.samples + new.samples
    old_share, new_share = keep * old.samples / samples, new.samples / samples
    fisher = torch.empty_like(new.fisher)
    for rows in _rows_of(fisher):
        fisher[rows] = old_share * old.fisher[rows] + new_share * new.fisher[rows]
    return new._replace(
        fisher=fisher,
        slope=old_share * old.slope + new_share * new.slope,
        samples=samples,
    )


def _rows_of(matrix: Tensor) -> list[slice]:
    """Blocks of rows: the matrices of deep flows are what a training has most of in memory."""
    return [slice(first, first + BLOCK) for first in range(0, len(matrix), BLOCK)]


def propose_step(fit: Fit, batch: float, damping: float, largest: float) -> Proposed:
    """Solve for the step and shorten it by its noise and to the largest divergence.

    Args:
        fit: of the newest batch, or pooled with earlier ones.
        batch: samples of the newest batch.
        damping: lambda of F + lambda (diag F + UNIT).
        largest: largest Kullback-Leibler divergence of a step.
    """
    added = damping * (torch.diagonal(fit.fisher) + UNIT)
    damped = fit.fisher.clone()
    damped.diagonal().add_(added)
    factor = torch.linalg.cholesky(damped)
    del damped
    delta = torch.cholesky_solve(fit.slope[:, None], factor)[:, 0]
    divergence = 0.5 * float(delta @ fit.fisher @ delta)
    # For each parameter that the damping leaves free, the divergence of the fit has an error of
    # Var(residual)/samples. The number of free parameters is the trace of F/(F + D). With many
    # parameters per sample the fit underestimates the residual: it is divided by the square of
    # 1 - free/samples, as in generalised cross-validation (Craven and Wahba, Numer. Math. 31 (1979)
    # 377).
    free = len(added) - _damped_count(added, factor)
    freedom = max(1 - free / fit.samples, SMALLEST_FREEDOM)
    residual = max(fit.variance - 2 * divergence, 0.0) / freedom**2
    # The noise of pooled batches is in the parameters already. Only that of the newest batch is
    # new, and its weight is batch/samples.
    noise = 0.5 * residual * free * batch / fit.samples**2
    share = 1 - noise / divergence if divergence > 0 else 1.0
    shortened = min(max(share, SMALLEST_SHARE), (largest / max(divergence, largest)) ** 0.5)
    return Proposed(delta * shortened, divergence, noise, divergence * shortened**2)


def _damped_count(added: Tensor, factor: Tensor) -> float:
    """Estimate the trace of D/(F + D), D the diagonal `added`, from the Cholesky factor of F + D.

    It uses random signs (Hutchinson, Commun. Stat. Simul. 19 (1990) 433), since an inverse would
    cost as much as the rest of a step. The eigenvalues lie in [0, 1], so the error is below
    sqrt(2 n/PROBES).
    """
    generator = torch.Generator().manual_seed(len(added))
    signs = 2.0 * torch.randint(2, (len(added), PROBES), generator=generator) - 1
    scaled = added.sqrt()[:, None] * signs.to(added)
    return float((scaled * torch.cholesky_solve(scaled, factor)).sum()) / PROBES
