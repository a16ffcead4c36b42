"""The Schwinger model by quenched links: pure gauge theory at a fitted beta, its charges moved
towards zero and its holonomies given a density.

Links are drawn by the decimation flow of U(1) (`lfmc.flows.decimation`) at a coupling b of its own.
The determinant renormalises beta: to the lowest order in kappa it is 8 kappa^4 sum cos P per
flavour, so that b starts at beta + 16 kappa^4. Larger loops have a parameter of their own: the
width of the prior's plaquettes, the blocks of the coarsest lattice, relative to its optimum.

The determinant of light fermions suppresses topological charge. With probability t_|Q| links of
charge Q lose the flux 2 pi sign(Q) / V per plaquette, which changes Q by one; so

    q_1(th) = sum_k q_gauge(th - k F) T(k | Q(th - k F)),     k = -1, 0, 1,

F being `unit_flux`. t_1 is that of |Q| = 1, and t_2 that of all larger charges.

The determinant damps long waves of the field strength: `lfmc.flows.screening` with the strength s,
a map of Jacobian 1, gives q_2.

Given the plaquettes, q_2 leaves the holonomies uniform; the determinant in a small volume does
not. Where Q = 0 the angles h_mu of the lines round axis mu, averaged over the lattice, are defined
modulo 2 pi, and a Moebius map of the circle (Rezende et al., arXiv:2002.02428) gives them the
density

    f(h; r) = (1 - r^2) / (1 + r^2 - 2 r cos h)     relative to the uniform one,

with r_0 = tanh a_0 and r_1 = tanh(a_1 + a_2 cos h_0).

log q = log q_2 + log f(h_0; r_0) + log f(h_1; r_1) is exact for links that are drawn and for links
that are given. Parameters are log b, the log of the relative inverse variance of the prior,
logit t, a and s; a training sees log w with the whole determinant.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import expit, logsumexp
from torch import Tensor, nn

from lfmc.config.flow_sections import DecimationSettings, QuenchedSettings
from lfmc.errors import LfmcError
from lfmc.flows.base import Base, Draw, Flow
from lfmc.flows.decimation import DecimationFlow
from lfmc.flows.holonomies import Lines, moebius
from lfmc.flows.scores import Scored
from lfmc.flows.screening import screened
from lfmc.lattice import FloatArray, Shape
from lfmc.theories.schwinger import Schwinger
from lfmc.theories.schwinger.theory import HOPPING
from lfmc.theories.u1 import U1
from lfmc.theories.u1.decimation import wrap
from lfmc.theories.u1.torus import charges_of, holonomies_of, turned, unit_flux

START = 0.0  # logit t: half of what can be moved
STEPS = (-1, 0, 1)  # of the charge
SHIFT = 0.02  # of parameters, for the differences that stand for derivatives in scores


class Sectors(NamedTuple):
    """What q_1 is made of, per step k of STEPS: (batch, 3).

    Attributes:
        log_gauge: log q_gauge(th - k F).
        charge: Q(th - k F).
    """

    log_gauge: FloatArray
    charge: FloatArray


class QuenchedFlow(Flow):
    """See the module's docstring."""

    action: Schwinger
    one_to_one = False

    def __init__(self, action: Schwinger, settings: QuenchedSettings) -> None:
        """Args: theory and settings.

        Raises:
            LfmcError: another theory, or more levels than the extents have factors of two.
        """
        super().__init__(action)
        if action.kind != "schwinger":
            raise LfmcError(f"flow quenched needs theory schwinger, not {action.kind}")
        self.levels, self.flux = settings.levels, unit_flux(action.shape)
        start = math.log(action.beta + HOPPING * action.kappa**4)
        self.log_beta = nn.Parameter(torch.tensor([start], dtype=torch.float64))
        self.prior = nn.Parameter(torch.zeros(1, dtype=torch.float64))
        self.towards_zero = nn.Parameter(torch.full((2,), START, dtype=torch.float64))
        self.lines = nn.Parameter(torch.zeros(3, dtype=torch.float64))
        self.screening = nn.Parameter(torch.zeros(1, dtype=torch.float64))
        self.inverse_tolerance = self.gauge.inverse_tolerance

    @property
    def gauge(self) -> DecimationFlow:
        """The flow of U(1) at b."""
        return self._gauge()

    def _gauge(self, log_beta: float = 0.0, prior: float = 0.0) -> DecimationFlow:
        """The same with parameters that are larger by these numbers."""
        beta = math.exp(_numbers(self.log_beta)[0] + log_beta)
        width = float(_numbers(self.prior)[0]) + prior
        return gauge_flow(self.action.shape, beta, width, self.levels)

    @property
    def base(self) -> Base:
        return Base(self.gauge.base.numbers + 1, "uniform")

    @property
    def reduced_sites(self) -> int:
        return self.numbers

    @property
    def reduced_base(self) -> Base:
        return self.base

    def reduced_action(self, x: Tensor) -> Tensor:
        found = self.action.evaluate(x.detach().double().cpu().numpy())
        return torch.from_numpy(np.asarray(found)).to(x.device)

    def forward(self, z: Tensor) -> Draw:
        """Uniforms (batch, 2V + 3) -> links (batch, 2V) and log q."""
        phi = self.gauge(z[:, :-1]).phi.double().cpu().numpy()
        charge = charges_of(self._links(phi))
        moves = z[:, -1].double().cpu().numpy() < self._probability(charge)
        phi = phi - (moves * np.sign(charge))[:, None] * self.flux
        links = screened(self._links(phi), self._screening())
        angle, neutral = holonomies_of(links), charges_of(links) == 0
        a, new = _numbers(self.lines), np.empty_like(angle)
        new[:, 0] = moebius(angle[:, 0], np.tanh(a[0]))
        new[:, 1] = moebius(angle[:, 1], np.tanh(a[1] + a[2] * np.cos(new[:, 0])))
        links = wrap(turned(links, np.where(neutral[:, None], new - angle, 0.0)))
        phi = links.reshape(len(links), -1)
        return Draw(torch.from_numpy(phi).to(z.device), self._log_q(phi).to(z.device))

    def log_q(self, phi: Tensor) -> Tensor:
        return self._log_q(phi.detach().double().cpu().numpy()).to(phi.device)

    def log_weight(self, phi: Tensor) -> Tensor:
        return -self.reduced_action(phi) - self.log_q(phi)

    @torch.no_grad()
    def scores(self, z: Tensor) -> Scored:
        """Those of the links of U(1) are differences of log q over twice SHIFT."""
        phi, log_q = self(z)
        array = phi.cpu().numpy()
        before = self._before(array)
        sectors = self._sectors(before, self.gauge)
        terms = sectors.log_gauge + self._log_steps(sectors.charge)
        share = np.exp(terms - logsumexp(terms, axis=1, keepdims=True))
        columns = []
        for shift in ((SHIFT, 0.0), (0.0, SHIFT)):
            up = self._sectors(before, self._gauge(*shift)).log_gauge
            down = self._sectors(before, self._gauge(-shift[0], -shift[1])).log_gauge
            columns.append((share * (up - down)).sum(1) / (2 * SHIFT))
        size, still = np.abs(sectors.charge), np.array(STEPS) == 0
        t = self._probability(sectors.charge)
        slope = share * np.where(still, -t, 1 - t)
        columns += [(slope * (size == 1)).sum(1), (slope * (size > 1)).sum(1)]
        columns += list(self._lines(array).scores().T)
        up, down = (self._log_q_1(self._before(array, step)) for step in (SHIFT, -SHIFT))
        columns.append((up - down) / (2 * SHIFT))
        scores = torch.from_numpy(np.stack(columns, axis=1)).to(phi.device)
        return Scored(phi, -self.reduced_action(phi) - log_q, scores)

    def _links(self, phi: FloatArray) -> FloatArray:
        return phi.reshape(-1, *self.action.shape, 2)

    def _probability(self, charge: FloatArray) -> FloatArray:
        """t of charges."""
        t, size = expit(_numbers(self.towards_zero)), np.abs(charge)
        return np.where(size == 0, 0.0, np.where(size == 1, t[0], t[1]))

    def _log_steps(self, charge: FloatArray) -> FloatArray:
        """log T(k | Q) for the k of STEPS, (batch, 3)."""
        t = self._probability(charge)
        towards = np.where(np.array(STEPS) == -np.sign(charge), t, 0.0)
        with np.errstate(divide="ignore"):
            return np.log(np.where(np.array(STEPS) == 0, 1 - t, towards))

    def _sectors(self, phi: FloatArray, gauge: DecimationFlow) -> Sectors:
        log_gauge, charge = np.zeros((len(phi), 3)), np.empty((len(phi), 3))
        for column, k in enumerate(STEPS):
            before = phi - k * self.flux
            charge[:, column] = charges_of(self._links(before))
            # Where no step leads here, T is 0 and the density is not needed.
            needed = (k == 0) | (np.sign(charge[:, column]) == -k)
            if needed.any():
                density = gauge.log_q(torch.from_numpy(before[needed]))
                log_gauge[needed, column] = density.numpy()
        return Sectors(log_gauge, charge)

    def _screening(self) -> float:
        return float(_numbers(self.screening)[0])

    def _before(self, phi: FloatArray, step: float = 0.0) -> FloatArray:
        """Links before the screening, whose strength is larger by `step`."""
        links = screened(self._links(phi), self._screening() + step, inverse=True)
        return links.reshape(phi.shape)

    def _lines(self, phi: FloatArray) -> Lines:
        links, a = self._links(phi), _numbers(self.lines)
        angle = holonomies_of(links)
        second = a[1] + a[2] * np.cos(angle[:, 0])
        r = np.tanh(np.column_stack([np.full_like(second, a[0]), second]))
        return Lines(angle, charges_of(links) == 0, r)

    def _log_q_1(self, before: FloatArray) -> FloatArray:
        """log q_1 of links that are not screened yet."""
        sectors = self._sectors(before, self.gauge)
        return np.asarray(logsumexp(sectors.log_gauge + self._log_steps(sectors.charge), axis=1))

    def _log_q(self, phi: FloatArray) -> Tensor:
        log_q = self._log_q_1(self._before(phi)) + self._lines(phi).log_density()
        return torch.from_numpy(log_q)


@lru_cache(maxsize=8)
def gauge_flow(shape: Shape, beta: float, prior: float, levels: int) -> DecimationFlow:
    """The flow of pure gauge theory; the inverse variance of its prior is exp(prior) times that
    which is best for one plaquette."""
    flow = DecimationFlow(U1(shape, beta), DecimationSettings(levels=levels))
    flow.requires_grad_(False)
    flow.log_b.add_(prior)
    return flow


def _numbers(parameter: Tensor) -> FloatArray:
    """Values of a parameter, float64."""
    return np.asarray(parameter.detach().double().cpu().numpy())
