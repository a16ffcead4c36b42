"""A flow whose sites are drawn in stages, the last of them from its exact conditional law.

What is common to fields of all kinds: passes by kernels on blocks of lanes, scores, and the fit at
the start of a training. A kind gives its terms and two kernels.
"""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from lfmc.flows.base import Base, Draw, Flow
from lfmc.flows.hierarchy.blocks import lanes_last, samples_first
from lfmc.flows.hierarchy.monomials import Monomials
from lfmc.flows.hierarchy.scoring import scoring_fit
from lfmc.flows.hierarchy.terms import Terms
from lfmc.flows.scores import Scored
from lfmc.kernels.lanes import LANES, aligned
from lfmc.lattice import FloatArray

START_SAMPLES, START_NUMBERS = 16384, 2**24  # of the first fit: of its fields and scores


class Staged(Flow):
    """See the module's docstring.

    Attributes:
        terms: of the laws; per_site: uniforms from which a site is drawn; k: the parameters.
    """

    terms: Terms | Monomials
    per_site: int
    k: nn.Parameter
    one_to_one = False  # kernels have no automatic Jacobian
    disturbance = 0.03  # many terms add up

    @property
    def base(self) -> Base:
        return Base(self.sites * self.per_site, "uniform")

    @property
    def start_samples(self) -> int:
        return min(START_SAMPLES, START_NUMBERS // max(self.numbers, self.terms.parameters))

    @property
    def reduced_sites(self) -> int:
        return self.numbers

    @property
    def reduced_base(self) -> Base:
        return Base((len(self.terms.begin) - 1) * self.per_site, "uniform")

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
        """(fields, log q, rest, scores) of blocks of uniforms; `rest` of the kernels."""
        phi = aligned((len(uniform), self.numbers, LANES))
        phi[:] = 0.0
        return (phi, *self._coarse(uniform, phi, True, scores))

    def _given(self, phi: FloatArray, scores: int) -> tuple[FloatArray, ...]:
        """(log q, rest, scores) of blocks of fields."""
        return self._coarse(phi, phi, False, scores)

    def given(self, phi: FloatArray, k: FloatArray) -> tuple[FloatArray, ...]:
        """(log q, rest, scores) of blocks of fields, with parameters k."""
        return self._coarse(phi, phi, False, len(k), k)

    @abstractmethod
    def _coarse(
        self,
        uniform: FloatArray,
        phi: FloatArray,
        drawn: bool,
        scores: int,
        k: FloatArray | None = None,
    ) -> tuple[FloatArray, ...]:
        """(log q, rest, scores) of the sites before the last stage, drawn first where `drawn`."""

    @abstractmethod
    def _last(self, uniform: FloatArray, phi: FloatArray, drawn: bool, log_q: FloatArray) -> None:
        """Add log q of the last stage, which is drawn first where `drawn`."""

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
