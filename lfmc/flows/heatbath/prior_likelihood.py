"""The prior of the heat-bath flow that samples of p make the most likely."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from lfmc.flows.heatbath.mode_prior import ModePrior

# Of modes at a time: a derivative keeps some twenty times as many in memory.
NUMBERS = 2**21
ITERATIONS = 15  # of L-BFGS; after them the likelihood rises by a few 1e-3


class Lbfgs(torch.optim.LBFGS):
    """L-BFGS without the compiler of torch, whose import took 3 CPU seconds of every training."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        decorated = torch.optim.LBFGS.add_param_group
        getattr(decorated, "__wrapped__", decorated)(self, param_group)


def most_likely(prior: ModePrior, modes: Tensor) -> dict[str, Tensor]:
    """Parameters of a prior that maximise the mean log density of fields as modes (kept, n)."""
    prior.requires_grad_(True)
    optimiser = Lbfgs(
        prior.parameters(),
        max_iter=ITERATIONS,
        history_size=ITERATIONS,
        tolerance_change=1e-4,
        line_search_fn="strong_wolfe",
    )

    each = max(1, NUMBERS // len(modes))

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
