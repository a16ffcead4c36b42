"""A flow against itself: density, inverse, batches, and a normalisation that is known."""

from collections.abc import Iterator

import numpy as np
import torch

from lfmc.conformance.check import SIGMAS, Check
from lfmc.conformance.exact import exact_averages
from lfmc.flows.base import Flow
from lfmc.flows.exactness import log_q_error
from lfmc.lattice import FloatArray
from lfmc.theories.base import Theory
from lfmc.theories.scalar import Scalar

JACOBIANS, BATCH, DRAWS = 4, 64, 200_000
PART = 4096  # draws at a time, so that the layers of a network stay in the caches
WORST_ERROR = 0.05  # of Z, relative: more is no check
TOO_BROAD = "the error of Z: weights too broad for a check"


def flow_checks(start: Flow, disturbed: Flow, theory: Theory, seed: int = 1) -> Iterator[Check]:
    """The exactness of a flow, one check after another.

    Args:
        start: for `theory`, as it is built.
        disturbed: the same with other parameters (`disturb`).
        theory: of the scalar family on 2 x 2, where log Z is known, or any other.
        seed: of base normals.
    """
    for name, flow in (("at its start", start), ("with other parameters", disturbed)):
        allowed = max(flow.inverse_tolerance, 1e-9)
        if flow.one_to_one:
            error = log_q_error(flow, JACOBIANS, seed)
            yield Check(f"log q, automatic Jacobian {name}", _number(error), allowed)
        z = flow.base.tensor(_generator(seed), BATCH, torch.float64)
        with torch.no_grad():
            phi, log_q = flow(z)
            again = flow.log_q(phi)
            alone = [flow(one[None]) for one in z[:4]]
        yield Check(f"log q of given fields {name}", _largest(again - log_q), allowed)
        fields = torch.cat([one.phi for one in alone])
        yield Check(f"fields alone and in a batch {name}", _largest(fields - phi[:4]), 1e-9)
        own = torch.cat([one.log_q for one in alone])
        yield Check(f"log q alone and in a batch {name}", _largest(own - log_q[:4]), 1e-9)
    weights = _log_weights(start, theory, seed + 1)
    exact = exact_averages(theory)["log_Z"] if isinstance(theory, Scalar) else theory.log_Z
    if exact is not None:
        yield _normalisation(weights, exact, f"on {'x'.join(map(str, theory.shape))}")
    if not start.one_to_one:
        # No Jacobian tells whether log q is a density: of two flows both have the same Z.
        yield _same_normalisation(weights, _log_weights(disturbed, theory, seed + 2))


def disturb(flow: Flow, seed: int = 1) -> Flow:
    """Normals of width `flow.disturbance` added to every parameter, in place.

    A flow at its start may be the identity.
    """
    generator = _generator(seed)
    with torch.no_grad():
        for parameter in flow.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.add_(flow.disturbance * noise)
    return flow


def _log_weights(flow: Flow, theory: Theory, seed: int) -> FloatArray:
    z = flow.base.tensor(_generator(seed), DRAWS, torch.float64)
    found = []
    with torch.no_grad():
        for part in z.split(PART):
            phi, log_q = flow(part)
            found.append((-theory.evaluate(phi) - log_q).numpy())
    return np.concatenate(found)


def _normalisation(log_weight: FloatArray, exact: float, where: str) -> Check:
    """<exp(-S - log q)>_q = Z, against the transfer matrix or another exact value."""
    mean, error = _mean(np.exp(log_weight - exact))
    name = f"<exp(-S - log q)> = Z {where}"
    if not error < WORST_ERROR:
        return Check(name, error, WORST_ERROR, TOO_BROAD)
    return Check(name, abs(mean - 1) / error, SIGMAS, f"Z to {error:.1e}")


def _same_normalisation(one: FloatArray, two: FloatArray) -> Check:
    """Z by both flows, in errors of their difference."""
    name, top = "Z of the flow at its start and with other parameters", one.max()
    (a, error_a), (b, error_b) = (_mean(np.exp(w - top)) for w in (one, two))
    relative = float(np.hypot(error_a / a, error_b / b))
    if not relative < WORST_ERROR:
        return Check(name, relative, WORST_ERROR, TOO_BROAD)
    return Check(name, abs(np.log(a / b)) / relative, SIGMAS, f"Z to {relative:.1e}")


def _mean(ratio: FloatArray) -> tuple[float, float]:
    return float(ratio.mean()), float(ratio.std(ddof=1) / len(ratio) ** 0.5)


def _number(error: float | None) -> float:
    return float("nan") if error is None else error


def _largest(difference: torch.Tensor) -> float:
    return float(difference.abs().max())


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
