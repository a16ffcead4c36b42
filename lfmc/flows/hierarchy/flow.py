"""Unit vectors in two dimensions drawn from coarse to fine, each from its one-site law.

A site is drawn from a density exp(l_x(n_x)), l_x a sum over the sites drawn before it
(`lfmc.flows.hierarchy.terms`): of O(N) spins h_x.n_x, of CP^(N-1) vectors z_x^+ M_x z_x with M_x a
sum of P_y = z_y z_y^+ and of symmetric products of two of them, which makes the flow gauge
invariant. Both are then boosted, by a sum over the sites drawn before too
(`lfmc.theories.spheres.boost_kernels`, `lfmc.theories.cpn.boost_kernels`). The sites of the last
stage are drawn from their exact conditional law where it is one of these. So

    log q = sum_x [l_x(n_x) - log_normaliser(l_x)],

where n_x is the vector before its boost and the log Jacobian of the boost is added, is exact for
drawn and for given fields, and with E the sites before the last stage

    log w = sum_(x in the last stage) log_normaliser(of the neighbours) - log q(E)

does not need the last stage. Reduced samples are whole fields, of which only the sites before the
last stage are filled. Where the exact law is none of these, as with the auxiliary phases of
CP^(N-1), the last stage has terms like the others, and nothing is reduced.

Scores d log q / d k are sums over the terms of each site: no backward pass. The measure is the area
of the spheres, for O(1) the sum over states.
"""

import numpy as np
import torch
from torch import nn

from lfmc.config.flow_sections import HierarchySettings
from lfmc.errors import LfmcError
from lfmc.flows.hierarchy.staged import Staged
from lfmc.flows.hierarchy.terms import Terms, terms_of
from lfmc.lattice import FloatArray
from lfmc.theories.cpn import CPN
from lfmc.theories.spheres import Spheres

COUPLED = 0.4  # of beta: the coupling to the nearest shell of a flow that is not trained


class HierarchyFlow(Staged):
    """See the module's docstring."""

    action: Spheres | CPN
    terms: Terms

    def __init__(self, action: Spheres | CPN, settings: HierarchySettings) -> None:
        """Args: theory and settings.

        Raises:
            LfmcError: another theory, or extents that cannot be halved.
        """
        super().__init__(action)
        if not isinstance(action, Spheres | CPN) or len(action.shape) != 2:
            raise LfmcError("flow hierarchy: it needs theory spheres or cpn in two dimensions")
        self.law = action.site_law()
        self.per_site = self.law.uniforms
        boosts = settings.boosts if self.law.boosted else 0
        products = settings.products and action.N > 1
        # With two components a loop is a sum of its two sites.
        loops = settings.loops and isinstance(action, CPN) and action.N > 2
        shells, colours = settings.shells, settings.colours
        also = (products, boosts, loops, self.law.most, self.law.conditional)
        self.terms = terms_of(action.shape, shells, colours, *also)
        self.near, self.couplings = action.geometry(), action.couplings()
        start = np.zeros(self.terms.parameters)
        start[self.terms.nearest] = COUPLED * self.couplings[0]
        self.k = nn.Parameter(torch.from_numpy(start))

    def _coarse(
        self,
        uniform: FloatArray,
        phi: FloatArray,
        drawn: bool,
        scores: int,
        k: FloatArray | None = None,
    ) -> tuple[FloatArray, ...]:
        from lfmc.flows.hierarchy.kernels import coarse_stages

        out, t = self._outputs(len(phi), scores), self.terms
        order = (t.order, t.begin, t.boosts, t.terms, self.parameters_array() if k is None else k)
        coarse_stages(uniform, phi, *order, self.near, self.couplings, *self.law[:2], drawn, *out)
        if k is None and not self.law.conditional:  # the last stage is like the others: -S
            out[1][:] = -np.asarray(self.action.evaluate(phi.swapaxes(1, 2)))
        return out

    def _last(self, uniform: FloatArray, phi: FloatArray, drawn: bool, log_q: FloatArray) -> None:
        """Add log q of the last stage, which is drawn first where `drawn`."""
        if not self.law.conditional:
            return
        from lfmc.flows.hierarchy.kernels import last_stage

        args = (self.terms.order, self.terms.begin, self.near, self.couplings, *self.law[:2])
        last_stage(uniform, phi, *args, drawn, log_q)
