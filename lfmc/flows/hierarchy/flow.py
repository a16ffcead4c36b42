"""Unit vectors in two dimensions drawn from coarse to fine, each from its one-site law.

A site is drawn from a density exp(l_x(n_x)), l_x a sum over the sites drawn before it
(`lfmc.flows.hierarchy.terms`): of O(N) spins h_x.n_x, of CP^(N-1) vectors z_x^+ M_x z_x with M_x a
sum of P_y = z_y z_y^+ and of symmetric products of two of them, which makes the flow gauge
invariant. O(N) spins are then boosted, by a sum over the sites drawn before too
(`lfmc.theories.spheres.boost_kernels`). The sites of the last stage are drawn from their exact
conditional law where it is one of these. So

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
from torch import Tensor, nn

from lfmc.config.flow_sections import HierarchySettings
from lfmc.errors import LfmcError
from lfmc.flows.base import Base, Draw, Flow
from lfmc.flows.hierarchy.blocks import lanes_last, samples_first
from lfmc.flows.hierarchy.scoring import scoring_fit
from lfmc.flows.hierarchy.terms import terms_of
from lfmc.flows.scores import Scored
from lfmc.kernels.lanes import LANES, aligned
from lfmc.lattice import FloatArray
from lfmc.theories.cpn import CPN
from lfmc.theories.spheres import Spheres

START_SAMPLES, START_NUMBERS = 16384, 2**24  # of the first fit: of its fields and scores
COUPLED = 0.4  # of beta: the coupling to the nearest shell of a flow that is not trained


class HierarchyFlow(Flow):
    """See the module's docstring."""

    action: Spheres | CPN
    one_to_one = False  # a vector has more numbers than directions: no square Jacobian
    disturbance = 0.03  # many terms add up

    def __init__(self, action: Spheres | CPN, settings: HierarchySettings) -> None:
        """Args: theory and settings.

        Raises:
            LfmcError: another theory, or extents that cannot be halved.
        """
        super().__init__(action)
        if not isinstance(action, Spheres | CPN) or len(action.shape) != 2:
            raise LfmcError("flow hierarchy: it needs theory spheres or cpn in two dimensions")
        self.law = action.site_law()
        boosts = settings.boosts if isinstance(action, Spheres) and action.N > 1 else 0
        products = settings.products and action.N > 1
        # With two components a loop is a sum of its two sites.
        loops = settings.loops and isinstance(action, CPN) and action.N > 2
        shells, colours = settings.shells, settings.colours
        also = (products, boosts, loops, *self.law[2:])
        self.terms = terms_of(action.shape, shells, colours, *also)
        self.near, self.couplings = action.geometry(), action.couplings()
        start = np.zeros(self.terms.parameters)
        start[self.terms.nearest] = COUPLED * self.couplings[0]
        self.k = nn.Parameter(torch.from_numpy(start))

    @property
    def base(self) -> Base:
        return Base(self.sites * self.law.uniforms, "uniform")

    @property
    def start_samples(self) -> int:
        return min(START_SAMPLES, START_NUMBERS // max(self.numbers, self.terms.parameters))

    @property
    def reduced_sites(self) -> int:
        return self.numbers

    @property
    def reduced_base(self) -> Base:
        return Base((len(self.terms.begin) - 1) * self.law.uniforms, "uniform")

    def forward(self, z: Tensor) -> Draw:
        """Uniforms (batch, base.numbers) -> fields (batch, V N) and log q."""
        uniform = lanes_last(array_of(z))
        phi, log_q, _, _ = self._drawn(uniform, 0)
        self._last(uniform, phi, True, log_q)
        return Draw(*(tensor_of(samples_first(a, len(z)), z) for a in (phi, log_q)))

    def log_q(self, phi: Tensor) -> Tensor:
        block = lanes_last(array_of(phi))
        log_q = self._given(block, 0)[0]
        self._last(block, block, False, log_q)
        return tensor_of(samples_first(log_q, len(phi)), phi)

    def reduced(self, z: Tensor) -> Draw:
        x, log_q, _, _ = self._drawn(lanes_last(array_of(z)), 0)
        return Draw(*(tensor_of(samples_first(a, len(z)), z) for a in (x, log_q)))

    def reduced_action(self, x: Tensor) -> Tensor:
        rest = self._given(lanes_last(array_of(x)), 0)[1]
        return -tensor_of(samples_first(rest, len(x)), x)

    def reduced_log_q(self, x: Tensor) -> Tensor:
        log_q = self._given(lanes_last(array_of(x)), 0)[0]
        return tensor_of(samples_first(log_q, len(x)), x)

    def log_weight(self, phi: Tensor) -> Tensor:
        log_q, rest, _ = self._given(lanes_last(array_of(phi)), 0)
        return tensor_of(samples_first(rest - log_q, len(phi)), phi)

    @torch.no_grad()
    def scores(self, z: Tensor) -> Scored:
        drawn = self._drawn(lanes_last(array_of(z)), self.terms.parameters)
        x, log_q, rest, score = (tensor_of(samples_first(a, len(z)), z) for a in drawn)
        return Scored(x, rest - log_q, score)

    @torch.no_grad()
    def start_from(self, fields: FloatArray) -> None:
        """Set the parameters that maximise the mean of log q over samples of p, (count, V N)."""
        self.k.copy_(torch.from_numpy(scoring_fit(self, lanes_last(fields), len(fields))))

    def compile_kernels(self) -> None:
        """Compile what trainings and proposals call."""
        self.scores(torch.zeros(1, self.reduced_base.numbers, dtype=torch.float64))
        self.log_q(self(torch.zeros(1, self.base.numbers, dtype=torch.float64)).phi)

    def parameters_array(self) -> FloatArray:
        """k in float64, (parameters,)."""
        return array_of(self.k)

    def _drawn(self, uniform: FloatArray, scores: int) -> tuple[FloatArray, ...]:
        """(fields, log q, rest, scores) of blocks of uniforms; `rest` of `coarse_stages`."""
        phi = aligned((len(uniform), self.numbers, LANES))
        phi[:] = 0.0
        log_q, rest, score = self._coarse(uniform, phi, True, scores)
        return phi, log_q, self._whole(phi, rest), score

    def _given(self, phi: FloatArray, scores: int) -> tuple[FloatArray, ...]:
        """(log q, rest, scores) of blocks of fields."""
        log_q, rest, score = self._coarse(phi, phi, False, scores)
        return log_q, self._whole(phi, rest), score

    def _whole(self, phi: FloatArray, rest: FloatArray) -> FloatArray:
        """`rest`, or -S of whole fields where the last stage is like the others."""
        if self.law.conditional:
            return rest
        return -np.asarray(self.action.evaluate(phi.swapaxes(1, 2)))

    def given(self, phi: FloatArray, k: FloatArray) -> tuple[FloatArray, ...]:
        """(log q, rest, scores) of blocks of fields, with parameters k."""
        return self._coarse(phi, phi, False, len(k), k)

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
        return out

    def _last(self, uniform: FloatArray, phi: FloatArray, drawn: bool, log_q: FloatArray) -> None:
        """Add log q of the last stage, which is drawn first where `drawn`."""
        if not self.law.conditional:
            return
        from lfmc.flows.hierarchy.kernels import last_stage

        args = (self.terms.order, self.terms.begin, self.near, self.couplings, *self.law[:2])
        last_stage(uniform, phi, *args, drawn, log_q)

    @staticmethod
    def _outputs(blocks: int, scores: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        empty = (aligned((blocks, LANES)), aligned((blocks, LANES)))
        return (*empty, aligned((blocks, scores, LANES)))


def array_of(x: Tensor) -> FloatArray:
    """A tensor in float64 on the CPU."""
    found: FloatArray = x.detach().double().cpu().numpy()
    return found


def tensor_of(x: FloatArray, like: Tensor) -> Tensor:
    """An array in float64 on the device of `like`."""
    return torch.from_numpy(x).to(like.device)
