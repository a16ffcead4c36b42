"""A flow against itself: density, inverse, batches, and a normalisation that is known."""

from collections.abc import Iterator

import numpy as np
import torch

from lfmc.conformance.check import SIGMAS, Check
from lfmc.conformance.exact import exact_averages
from lfmc.flows.base import Flow
from lfmc.flows.exactness import log_q_error
from lfmc.theories.scalar import Scalar

DISTURBANCE = 0.1  # added to every parameter: a flow at its start may be the identity
JACOBIANS, BATCH, DRAWS = 4, 64, 200_000
WORST_ERROR = 0.05  # of Z, relative: more is no check


def flow_checks(start: Flow, disturbed: Flow, theory: Scalar, seed: int = 1) -> Iterator[Check]:
    """The exactness of a flow, one check after another.

    Args:
        start: for `theory`, as it is built.
        disturbed: the same with other parameters (`disturb`).
        theory: on 2 x 2, where log Z is known.
        seed: of base normals.
    """
    for name, flow in (("at its start", start), ("with other parameters", disturbed)):
        allowed = max(flow.inverse_tolerance, 1e-9)
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
    yield _normalisation(start, theory, seed)


def disturb(flow: Flow, seed: int = 1) -> Flow:
    """Normals of width DISTURBANCE added to every parameter, in place."""
    generator = _generator(seed)
    with torch.no_grad():
        for parameter in flow.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.add_(DISTURBANCE * noise)
    return flow


def _normalisation(flow: Flow, theory: Scalar, seed: int) -> Check:
    """<exp(-S - log q)>_q = Z, against the transfer matrix."""
    z = flow.base.tensor(_generator(seed + 1), DRAWS, torch.float64)
    with torch.no_grad():
        phi, log_q = flow(z)
        log_weight = (-theory.evaluate(phi) - log_q).numpy()
    ratio = np.exp(log_weight - exact_averages(theory)["log_Z"])
    error = float(ratio.std(ddof=1) / len(ratio) ** 0.5)
    name = "<exp(-S - log q)> = Z on 2x2"
    if not error < WORST_ERROR:
        return Check(name, error, WORST_ERROR, "the error of Z: weights too broad for a check")
    return Check(name, abs(float(ratio.mean()) - 1) / error, SIGMAS, f"Z to {error:.1e}")


def _number(error: float | None) -> float:
    return float("nan") if error is None else error


def _largest(difference: torch.Tensor) -> float:
    return float(difference.abs().max())


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
