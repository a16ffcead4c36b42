"""The prior of the heat-bath flow that samples of p make the most likely."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from lfmc.flows.heatbath.mode_prior import ModePrior

# Of modes at a time: a derivative keeps some twenty times as many in memory.
NUMBERS = 2**21
ITERATIONS = 15  # of L-BFGS; after them the likelihood rises by a few 1e-3
SCORING = 3  # Newton steps of widths with their expected curvature
SMALLEST = 1e-5  # singular value that counts, of the functions of the momentum


class Lbfgs(torch.optim.LBFGS):
    """L-BFGS without the compiler of torch, whose import took 3 CPU seconds of every training."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        decorated = torch.optim.LBFGS.add_param_group
        getattr(decorated, "__wrapped__", decorated)(self, param_group)


def most_likely(prior: ModePrior, modes: Tensor) -> dict[str, Tensor]:
    """Parameters of a prior that maximise the mean log density of fields as modes (kept, n)."""
    each = max(1, NUMBERS // len(modes))
    if prior.infrared:  # a few soft modes among thousands, which L-BFGS reaches last
        _fit_widths(prior, modes.split(each, 1))
    prior.requires_grad_(True)
    optimiser = Lbfgs(
        prior.parameters(),
        max_iter=ITERATIONS,
        history_size=ITERATIONS,
        tolerance_change=1e-4,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        prior.zero_grad()
        total = modes.new_zeros(())
        for part in modes.split(each, 1):
            share = part.shape[1] / modes.shape[1]
            value = -prior.log_density_of_modes(part).mean() * share
            value.backward()
            total += value.detach()
        return total

    with torch.enable_grad():
        optimiser.step(loss)
    prior.requires_grad_(False)
    return {name: value.detach().clone() for name, value in prior.named_parameters()}


@torch.no_grad()
def _fit_widths(prior: ModePrior, parts: Sequence[Tensor]) -> None:
    """Set the widths to those of the fields in parts, by least squares and then by likelihood.

    The mean log density is -w_k - <x_k^2> exp(-2 w_k)/2 of each mode: its derivative with respect
    to w_k is <z_k^2> - 1, of expected curvature 2.
    """
    rows, count = prior.cosines.T, float(sum(part.shape[1] for part in parts))
    for step in range(1 + SCORING):
        square = torch.zeros_like(prior.log_sigma)
        for part in parts:
            square.add_(prior.normals_of_modes(part).square().sum(1) / count)
        change = 0.5 * (torch.log(square) if step == 0 else square - 1)
        found = torch.linalg.lstsq(rows[1:], change[1:, None], rcond=SMALLEST, driver="gelsd")
        by_width = found.solution[:, 0]
        prior.log_width.add_(by_width)
        if prior.start is None:  # the zero mode has a width of its own
            prior.zero_mode[2].add_(change[0] - rows[0] @ by_width)


def start_of_wells(prior: ModePrior, field: Tensor) -> dict[str, Tensor]:
    """Parameters of a prior with wells where those of samples of p are.

    First by the mean and the scatter of |m|, then by maximum likelihood.

    Args:
        prior: with `start`; it stays as it is.
        field: of the samples on the kept sites, (kept, n), float64.
    """
    assert prior.start is not None
    width, place = prior.start
    prior = deepcopy(prior).double()
    modes = prior.basis.to_modes(field)
    size = modes[0].abs() * torch.exp(-prior.log_sigma[0])
    with torch.no_grad():
        prior.zero_mode[0] = torch.log(size.std() / width)
        prior.zero_mode[1] = (size.mean() - place) / width
    by_moments = {name: value.detach().clone() for name, value in prior.named_parameters()}
    found = most_likely(prior, modes)
    finite = all(bool(torch.isfinite(value).all()) for value in found.values())
    return found if finite else by_moments
