"""The prior of a model fitted to samples of p by maximum likelihood, the couplings held fixed.

A model that is cut from the way between two large steps is not right yet in the infrared: log w
is correlated with m^2, a few fields have large weights, and the chain stays there for hundreds of
updates. The likelihood of samples of p has no such blind spot, since q must be broad enough for
all of them. The couplings map these samples to the prior's field once; what remains is a smooth
function of some fifty parameters of `lfmc.flows.heatbath.mode_prior`.
"""

from copy import deepcopy

import torch
from torch import Tensor

from lfmc.errors import LfmcError
from lfmc.flows.heatbath.arrays import flow_arrays, has_kernels
from lfmc.flows.heatbath.draw import prior_field
from lfmc.flows.heatbath.flow import HeatbathFlow
from lfmc.flows.heatbath.mode_prior import ModePrior
from lfmc.lattice import FloatArray
from lfmc.training.optimiser import Parameters

SAMPLES = 2048
# Of modes at a time: a derivative keeps some twenty times as many in memory.
NUMBERS = 2**21
ITERATIONS = 15  # of L-BFGS; after them the likelihood rises by a few 1e-3
# A fit has a noise of parameters / (2 SAMPLES) in the divergence, which matters above this target;
# there, steps have converged in the infrared.
HIGHEST_TARGET = 0.85


class PriorFit:
    """Fits of the prior for many values of the couplings."""

    def __init__(self, flow: HeatbathFlow, fields: FloatArray) -> None:
        """Args: a flow of the architecture, samples of p (n, sites)."""
        self.flow = deepcopy(flow).double().requires_grad_(False)
        self.fields = fields
        self.like = next(self.flow.parameters())

    def __call__(self, parameters: Parameters) -> Parameters:
        """Parameters with those of the prior fitted; unchanged where no fit is possible."""
        self.flow.load_state_dict({name: value.double() for name, value in parameters.items()})
        try:
            modes = self.flow.prior.basis.to_modes(self._prior_field())
            found = _maximum(self.flow.prior, modes)
        except LfmcError:  # a map of the couplings or of the zero mode is too steep
            return parameters
        if not all(bool(torch.isfinite(value).all()) for value in found.values()):
            return parameters
        fitted = {f"prior.{name}": value for name, value in found.items()}
        return {name: fitted.get(name, value).to(value) for name, value in parameters.items()}

    @torch.no_grad()
    def _prior_field(self) -> Tensor:
        """The prior's fields of the samples, (kept, n)."""
        if has_kernels(self.flow):
            return torch.from_numpy(prior_field(flow_arrays(self.flow), self.fields)).T.contiguous()
        return self.flow.prior_field(torch.from_numpy(self.fields).to(self.like))


def _maximum(prior: ModePrior, modes: Tensor) -> dict[str, Tensor]:
    """Parameters of a prior that maximise the mean log density of fields as modes (kept, n)."""
    prior.requires_grad_(True)
    optimiser = torch.optim.LBFGS(
        prior.parameters(),
        max_iter=ITERATIONS,
        history_size=ITERATIONS,
        tolerance_change=1e-4,
        line_search_fn="strong_wolfe",
    )

    each = max(1, NUMBERS // len(modes))

    def loss() -> Tensor:
        optimiser.zero_grad()
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
