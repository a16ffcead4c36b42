"""The density of a model: samples, log q of fields, and log Z from importance weights."""

from typing import Any, NamedTuple

import numpy as np
import torch

from lfmc.analysis.log_z import LogZEstimate, log_Z_of
from lfmc.api.arguments import batch_of, fields_of, seed_of, whole
from lfmc.api.model import Model, require_model
from lfmc.api.surroundings import own_torch
from lfmc.lattice import FloatArray
from lfmc.proposals.drawn import CHUNK
from lfmc.proposals.generate import drawing
from lfmc.streams import generator

FEWEST = 32


class Samples(NamedTuple):
    """Fields of a model, (count, numbers), and their log density, (count,)."""

    phi: FloatArray
    log_q: FloatArray


class LogZ(LogZEstimate):
    """log of Z = int d phi exp(-S).

    Attributes:
        value: the logarithm of the mean importance weight.
        error: its standard error, sqrt((N/ESS - 1) / N) for N samples; it is right only if the
            model leaves no part of p out. NaN where it is withheld.
        ess: effective sample size per sample, in (0, 1].
        samples: N.
        note: why the error is withheld; empty if it is not.

    Example:
        >>> print(lfmc.LogZ(value=1.25, error=0.004, ess=0.8, samples=65536))
        log Z = 1.2500(40), ESS 0.800
    """

    __slots__ = ()

    def __str__(self) -> str:
        from lfmc.figures.format import value_error

        withheld = f" ({self.note})" if self.note else ""
        return f"log Z = {value_error(self.value, self.error)}{withheld}, ESS {self.ess:.3f}"


def draw(model: Model, count: int, *, seed: int) -> Samples:
    """Independent samples of a model (not of p: that is `lfmc.sample`).

    Raises:
        LfmcError: arguments that do not fit.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=8.0, lam=0.5)
        >>> model = lfmc.as_model(lfmc.build_flow(theory), theory)
        >>> phi, log_q = lfmc.draw(model, 1000, seed=4)
        >>> phi.shape, log_q.shape
        ((1000, 16), (1000,))
        >>> log_weight = -theory.evaluate(phi) - log_q
    """
    require_model(model, "draw")
    count, seed = whole("count", count, 1, 10**9), seed_of(seed)
    random = generator(seed, "check", model.name, model.sampler)
    padded = -(-count // CHUNK) * CHUNK
    with own_torch():
        one = drawing(model.flow)
        phi, log_q = np.empty((padded, model.flow.numbers)), np.empty(padded)
        for begin in range(0, padded, CHUNK):
            part = slice(begin, begin + CHUNK)
            phi[part], log_q[part] = one(model.flow.base.draw(random, CHUNK))
    return Samples(phi[:count], log_q[:count])


def log_prob(model: Model, phi: Any) -> FloatArray | float:
    """log q of given fields, by the inverse of the map.

    Args:
        model: of `lfmc.train`, `lfmc.load` or `lfmc.as_model`.
        phi: `(..., numbers)` or `(..., *shape)`, array or tensor.

    Returns:
        (...), float64; a number for one field.

    Raises:
        LfmcError: fields of another shape, or that are not finite.

    Example:
        >>> theory = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)
        >>> model = lfmc.train(theory, target=0.7, seed=1, progress=False)
        >>> samples = lfmc.draw(model, 100, seed=3)
        >>> log_q = lfmc.log_prob(model, samples.phi)  # by the inverse of the map
        >>> log_q.shape, bool(np.abs(log_q - samples.log_q).max() < 1e-9)
        ((100,), True)
    """
    require_model(model, "log_prob")
    fields = fields_of(model.theory, phi)
    with own_torch(), torch.no_grad():
        parts = [model.flow.log_q(part).numpy() for part in torch.tensor(fields).split(CHUNK)]
    shape = batch_of(model.theory, phi)
    log_q: FloatArray = np.concatenate(parts).reshape(shape)
    return log_q if shape else float(log_q)


def log_Z(model: Model, *, samples: int = 65_536, seed: int = 0) -> LogZ:
    """log Z from the importance weights of a model's own samples, in log space.

    Args:
        model: of `lfmc.train`, `lfmc.load` or `lfmc.as_model`.
        samples: their number.
        seed: of the samples.

    Raises:
        LfmcError: arguments that do not fit, or a weight that is not finite.

    Example:
        >>> free = lfmc.theory("free", (4, 4), m2=1.0)  # Z = prod_k sqrt(pi / (k^2 + m2))
        >>> model = lfmc.as_model(lfmc.build_flow(free), free)
        >>> z = lfmc.log_Z(model, samples=4096)
        >>> k2 = 4 * np.sin(np.pi * np.arange(4) / 4) ** 2
        >>> exact = 0.5 * np.log(np.pi / (k2[:, None] + k2 + 1.0)).sum()
        >>> bool(abs(z.value - exact) < 5 * z.error + 1e-3)
        True
    """
    require_model(model, "log_Z")
    count, seed = whole("samples", samples, FEWEST, 10**8), seed_of(seed)
    random = generator(seed, "check", model.name, model.sampler, "log Z")
    parts = []
    with own_torch():
        one = drawing(model.flow)
        for _ in range(-(-count // CHUNK)):
            phi, log_q = one(model.flow.base.draw(random, CHUNK))
            parts.append(-np.asarray(model.theory.evaluate(phi)) - log_q)
    return LogZ(*log_Z_of(np.concatenate(parts)[:count]))
