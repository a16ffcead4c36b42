"""Natural gradient by regression: one linear fit of log w on the scores is one step of training.

With s = d log q(x) / d theta and w = p/q, a change of the parameters changes log w at fixed x by
-s . delta. The delta that makes Var(log w) over samples of q smallest solves

    F delta = b,     F = Cov(s, s),   b = Cov(s, log w)

F is the Fisher matrix and b minus the gradient of the reverse Kullback-Leibler divergence, so
this is its natural gradient at rate one (Amari, Neural Comput. 10 (1998) 251), and Gauss-Newton
on Var(log w): near the optimum it converges in a few steps, and since log w itself is fitted, its
noise vanishes with Var(log w). Away from it the step is damped (Levenberg and Marquardt) and
limited in its divergence.

Batches of earlier steps still tell something: after a step delta their samples' log w has changed
by -s . delta to first order, so b by -F delta. Pooled with the new batch, and forgotten the sooner
the farther the steps go, they make small batches as good as ten times larger ones (recursive least
squares with forgetting: Ljung and Soderstrom, Theory and Practice of Recursive Identification,
1983).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lfmc.flows.base import Flow
from lfmc.flows.heatbath.arrays import has_kernels
from lfmc.lattice import FloatArray
from lfmc.mpi.ranks import ALONE, Ranks
from lfmc.mpi.tree import tree_sum
from lfmc.training.optimiser import parameter_count
from lfmc.training.products import packed_products, unpacked

CHUNK = 512
# Added to the diagonal of F before it scales the damping: parameters that hardly matter stay put.
UNIT = 1.0
# Random vectors that estimate a trace.
PROBES = 32
SMALLEST_SHARE = 0.3
LEAST_HONEST = 0.05


class Fit(NamedTuple):
    """What a batch tells of a step, in float64.

    Attributes:
        fisher: covariance of the scores, (parameters, parameters).
        slope: covariance of scores and log w, (parameters,).
        variance, mean: of log w.
        samples: their number; of a pool, the number of fresh ones that would tell as much.
    """

    fisher: Tensor
    slope: Tensor
    variance: float
    mean: float
    samples: float


class Proposed(NamedTuple):
    """A change of the parameters.

    Attributes:
        delta: the change.
        divergence: Kullback-Leibler divergence that the fit asks for, before it is shortened.
        noise: how much of it is noise of the newest batch.
        made: divergence of the change as it is.
    """

    delta: Tensor
    divergence: float
    noise: float
    made: float


def score_sums(flow: Flow, seeds: Sequence[int], origin: float, mpi: Ranks = ALONE) -> Tensor:
    """Sums of products of (scores, log w, 1) over CHUNK samples from each seed, in float64.

    Args:
        origin: near the mean of log w, and subtracted from it: the sums of large numbers in single
            precision would lose it.
        mpi: ranks that share the seeds, each with this flow. Any number of them gives the same
            bits (`lfmc.mpi.tree`).

    Returns:
        (parameters + 2, parameters + 2), on rank 0; nothing on the others.
    """
    like, evaluate = next(flow.parameters()), _scores_of(flow)

    def chunk(number: int) -> FloatArray:
        generator = torch.Generator().manual_seed(seeds[number])
        z = torch.randn(CHUNK, flow.reduced_sites, generator=generator, dtype=like.dtype)
        log_weight, scores = evaluate(z)
        centred = (log_weight - origin)[None]
        rows = torch.cat([scores, centred, torch.ones_like(centred)]).to(like.dtype)
        return packed_products(rows)

    total = tree_sum(chunk, len(seeds), mpi)
    return unpacked(total, parameter_count(flow) + 2) if len(total) else torch.empty(0)


def _scores_of(flow: Flow) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """Base normals -> log weights (batch,), scores (parameters, batch): compiled where possible."""
    if has_kernels(flow):
        from lfmc.flows.heatbath.adjoint import scoring
        from lfmc.flows.heatbath.draw_scores import scored

        arrays = scoring(flow)

        def compiled(z: Tensor) -> tuple[Tensor, Tensor]:
            found = scored(arrays, z.double().numpy())
            return torch.from_numpy(found.log_weight), torch.from_numpy(found.scores)

        return compiled

    def by_torch(z: Tensor) -> tuple[Tensor, Tensor]:
        found = flow.scores(z.to(next(flow.parameters()).device))
        return found.log_weight, found.scores.T

    return by_torch


def fit_of(sums: Tensor) -> Fit:
    """Covariances from the sums of `score_sums`, the last entry of which counts samples."""
    samples = float(sums[-1, -1])
    moments = sums / samples
    mean = moments[:-1, -1]
    covariance = moments[:-1, :-1] - mean[:, None] * mean
    return Fit(
        covariance[:-1, :-1],
        covariance[:-1, -1],
        float(covariance[-1, -1]),
        float(mean[-1]),
        samples,
    )


def after(fit: Fit, delta: Tensor) -> Fit:
    """What a fit tells, to first order, when the parameters have moved by delta."""
    return fit._replace(slope=fit.slope - fit.fisher @ delta)


def pooled(old: Fit, keep: float, new: Fit) -> Fit:
    """A new batch and `keep` of what was known; variance and mean are the new batch's."""
    samples = keep * old.samples + new.samples
    known, fresh = keep * old.samples / samples, new.samples / samples
    return new._replace(
        fisher=known * old.fisher + fresh * new.fisher,
        slope=known * old.slope + fresh * new.slope,
        samples=samples,
    )


def propose_step(fit: Fit, batch: float, damping: float, largest: float) -> Proposed:
    """Solve for the step.

    Args:
        fit: of the newest batch, or pooled with earlier ones.
        batch: samples of the newest batch.
        damping: lambda of F + lambda (diag F + UNIT).
        largest: Kullback-Leibler divergence that a step may make.
    """
    added = damping * (torch.diagonal(fit.fisher) + UNIT)
    damped = fit.fisher.clone()
    damped.diagonal().add_(added)
    factor = torch.linalg.cholesky(damped)
    delta = torch.cholesky_solve(fit.slope[:, None], factor)[:, 0]
    divergence = 0.5 * float(delta @ fit.fisher @ delta)
    # Of each of the parameters that the damping leaves free, the fit has an error of
    # Var(residual)/samples in units of its own divergence. Their number is the trace of F/(F + D).
    # With as many parameters as samples the fit hides the residual, and errs by more than it hides:
    # once each of 1 - free/samples, as in generalised cross-validation (Craven and Wahba, Numer.
    # Math. 31 (1979) 377).
    free = len(added) - _share_of(added, factor)
    honest = max(1 - free / fit.samples, LEAST_HONEST)
    left = max(fit.variance - 2 * divergence, 0.0) / honest**2
    # Noise of what was pooled is in the parameters already; new is that of the newest batch, which
    # has the weight batch/samples.
    noise = 0.5 * left * free * batch / fit.samples**2
    share = 1 - noise / divergence if divergence > 0 else 1.0
    shortened = min(max(share, SMALLEST_SHARE), (largest / max(divergence, largest)) ** 0.5)
    return Proposed(delta * shortened, divergence, noise, divergence * shortened**2)


def _share_of(added: Tensor, factor: Tensor) -> float:
    """Trace of D/(F + D), D the diagonal `added`, from the Cholesky factor of F + D.

    By random signs (Hutchinson, Commun. Stat. Simul. 19 (1990) 433): an inverse would cost as much
    as all else of a step. Eigenvalues lie in [0, 1], so the error is below sqrt(2 n/PROBES).
    """
    generator = torch.Generator().manual_seed(len(added))
    signs = 2.0 * torch.randint(2, (len(added), PROBES), generator=generator) - 1
    scaled = added.sqrt()[:, None] * signs.to(added)
    return float((scaled * torch.cholesky_solve(scaled, factor)).sum()) / PROBES
