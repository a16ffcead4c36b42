"""The most likely prior with two wells, at the maximum of the likelihood.

Near a transition one field in a hundred lies between the wells, with soft modes ten times as wide.
These fields add little to the mean log density, and 15 iterations of L-BFGS for all parameters end
0.09 below its maximum with too little density for them, so that log w has a heavy tail. But the
density has two factors, which are fitted one by one: that of the zero mode, of three numbers, and
the widths of the others, whose logarithm is linear in the parameters.
"""

import torch
from torch import Tensor

from lfmc.flows.heatbath.mode_prior import ModePrior
from lfmc.flows.heatbath.prior_likelihood import Lbfgs
from lfmc.flows.heatbath.wells import inverse_wells_map

OF_WELLS = 40  # iterations of L-BFGS for the numbers of the wells
RESOLVED = 1e-3  # singular value that counts, of the functions of the momentum
OF_WIDTHS, HALVINGS = 15, 8  # Newton steps of the widths, and how often one is halved


def most_likely_wells(prior: ModePrior, modes: Tensor) -> dict[str, Tensor]:
    """Parameters of a prior with two wells that maximise the mean log density of fields as modes.

    Each parameter of the wells, and the log width of each mode in every response, have a normal law
    of width one beforehand, for what samples do not tell.

    Args:
        prior: with `start`, where the search begins; it stays there.
        modes: (kept, n), float64.
    """
    m = modes[:1] * torch.exp(-prior.log_sigma[0])
    log_width, breathing = _widths(prior, m, modes[1:] * torch.exp(-prior.log_sigma[1:, None]))
    return {"zero_mode": _wells(prior, m), "log_width": log_width, "breathing": breathing}


def _wells(prior: ModePrior, m: Tensor) -> Tensor:
    """The parameters of the map of the zero mode, of its values in units of the wells' distance."""
    found = prior.zero_mode.detach().clone().requires_grad_(True)
    optimiser = Lbfgs(
        [found],
        max_iter=OF_WELLS,
        history_size=OF_WELLS,
        tolerance_change=1e-7,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        found.grad = None
        z, ladj = inverse_wells_map(m, prior.wells({"zero_mode": found[:, None]}))
        value = (0.5 * z.square() + ladj).mean() + 0.5 * found.square().sum() / m.shape[1]
        value.backward()
        return value.detach()

    with torch.enable_grad():
        optimiser.step(loss)
    return found.detach()


@torch.no_grad()
def _widths(prior: ModePrior, m: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """`log_width` and `breathing`, by Newton steps.

    The log widths of a mode are sum_cj t_cj cosines_c(k) R_j(m) with R = 1, tanh(r_j m^2), and
    minus the log density, the mean of log width + z^2/2, is convex in t. Its expected curvature, 2
    <cosines cosines^T> <R R^T>, is a product.

    Args:
        m: the mapped zero mode, (1, n); others: the other modes over sigma_k, (modes - 1, n).
    """
    cosines, count = prior.cosines[:, 1:], m.shape[1]
    responses = torch.cat([torch.ones_like(m), torch.tanh(m * m * prior.response[:, None])])
    left = torch.linalg.pinv(cosines, rtol=RESOLVED).T
    of_responses, right = torch.linalg.eigh(responses @ responses.T / count)
    curvature = 2 * of_responses + 1 / count

    def of(found: Tensor) -> tuple[Tensor, Tensor]:
        """Derivative of the loss with respect to R_j of every mode, and the loss."""
        log_width = cosines.T @ found
        whole = log_width @ responses
        square = (others * torch.exp(-whole)).square()
        loss = (whole + 0.5 * square).sum(0).mean()
        loss = loss + 0.5 * log_width.square().sum() / count
        return ((1 - square) @ responses.T + log_width) / count, loss

    found = torch.cat([prior.log_width[None], prior.breathing]).T
    gradient, loss = of(found)
    for _ in range(OF_WIDTHS):
        step = -left @ ((gradient @ right) / curvature) @ right.T
        for _ in range(HALVINGS):
            following, value = of(found + step)
            if value < loss:
                break
            step = 0.5 * step
        else:
            break
        found, gradient, loss = found + step, following, value
    return found[:, 0].clone(), found[:, 1:].T.clone()
