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
from lfmc.flows.heatbath.prior_likelihood import most_likely
from lfmc.lattice import FloatArray
from lfmc.training.optimiser import Parameters
from lfmc.training.wells_fit import most_likely_wells

SAMPLES = 2048
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
            fit = most_likely if self.flow.prior.start is None else most_likely_wells
            found = fit(self.flow.prior, modes)
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
