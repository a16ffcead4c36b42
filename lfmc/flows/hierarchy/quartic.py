"""A phi^4 field in two dimensions drawn from coarse to fine, each site from its one-site law.

The law of a site is the exponential of a quartic in its field, with coefficients that depend on the
sites drawn before it (`lfmc.flows.hierarchy.monomials`). The last stage has its conditional law of
p. Densities are those of cubics between knots (`lfmc.flows.hierarchy.quartic_law`), which are
normalised and inverted as they are: log q is exact, of the last stage too, whose cubics miss its
law a little. With E the sites before the last stage, training weighs with

    log w = -sum_(x in E) U(phi_x) + sum_(x in the last stage) log Z(of the neighbours) - log q(E),

a proposal with -S - log q of the whole field. Reduced samples are whole fields, of which only the
sites before the last stage are filled.
"""

import numpy as np
import torch
from torch import Tensor, nn

from lfmc.config.flow_sections import HierarchySettings
from lfmc.errors import LfmcError
from lfmc.flows.base import Flow
from lfmc.flows.hierarchy.monomials import Monomials, monomials_of
from lfmc.flows.hierarchy.staged import Staged
from lfmc.flows.variational import variational_gaussian
from lfmc.lattice import FloatArray, neighbours
from lfmc.theories.phi4 import Phi4

COUPLED = 0.4  # of the hopping: the coupling to the nearest shell of a flow that is not trained
STIFF = 3.0  # -t_2 of it, in units of the hopping
TYPICAL, LARGE = 1.9, 2.2  # fields, in units of their width
FALLEN = 25.0  # of the exponent of a site between large neighbours: where the knots end
CELL = 0.5  # spacing of knots, in units of the width of a site in a typical field
MOST_KNOTS = 200  # on either side of 0


class QuarticHierarchy(Staged):
    """See the module's docstring."""

    action: Phi4
    terms: Monomials

    def __init__(self, action: Phi4, settings: HierarchySettings) -> None:
        """Args: theory and settings.

        Raises:
            LfmcError: another dimension, or extents that cannot be halved.
        """
        super().__init__(action)
        if len(action.shape) != 2:
            raise LfmcError("flow hierarchy: it needs two dimensions")
        self.per_site = 1
        self.terms = monomials_of(
            action.shape, settings.shells, settings.colours, settings.products
        )
        self.near = neighbours(action.shape)
        self.site = (float(action.quadratic), float(action.lam), float(action.hopping))
        self.knots, self.step = knots_of(action)
        scale = np.choose(
            self.terms.powers,
            [0.0, COUPLED * action.hopping, STIFF * action.hopping, 0.0, 0.8 * action.lam],
        )
        self.k = nn.Parameter(torch.from_numpy(self.terms.start * scale))

    def log_weight(self, phi: Tensor) -> Tensor:
        return Flow.log_weight(self, phi)

    def _coarse(
        self,
        uniform: FloatArray,
        phi: FloatArray,
        drawn: bool,
        scores: int,
        k: FloatArray | None = None,
    ) -> tuple[FloatArray, ...]:
        from lfmc.flows.hierarchy.quartic_kernels import quartic_stages

        out, t = self._outputs(len(phi), scores), self.terms
        most = int(np.diff(t.begin).max())
        order = (t.order, t.begin, t.sums, t.products, self.parameters_array() if k is None else k)
        law = (self.near, self.site, self.knots, self.step, most)
        quartic_stages(uniform, phi, *order, *law, drawn, *out)
        return out

    def _last(self, uniform: FloatArray, phi: FloatArray, drawn: bool, log_q: FloatArray) -> None:
        from lfmc.flows.hierarchy.quartic_kernels import quartic_last_stage

        kept = len(self.terms.begin) - 1
        law = (self.terms.order, kept, self.near, self.site, self.knots, self.step)
        quartic_last_stage(uniform, phi, *law, drawn, log_q)


def knots_of(action: Phi4) -> tuple[int, float]:
    """Knots on either side of 0, and their spacing: a matter of acceptance, not of exactness."""
    width = float(np.sqrt(variational_gaussian(action).variance.mean()))
    source = 2 * action.hopping * 2 * action.dimension * LARGE * width
    phi = np.linspace(0.0, action.site_range(source)[1], 1001)
    exponent = source * phi - action.potential(phi, *action.constants())
    reach = phi[np.flatnonzero(exponent > exponent.max() - FALLEN)[-1]]
    stiffness = 2 * action.quadratic + 12 * action.lam * (TYPICAL * width) ** 2
    spacing = CELL / np.sqrt(max(stiffness, 1 / width**2))
    half = int(min(np.ceil(reach / spacing), MOST_KNOTS))
    return half, float(reach / half)
