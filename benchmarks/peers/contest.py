"""One peer's training: gated, compiled, then timed in CPU seconds of one thread until its limit."""

from time import process_time
from typing import Any, Protocol

import numpy as np

from benchmarks.gates import (
    SIGMAS,
    Refused,
    Value,
    reference_phi2,
    require_action,
    require_density,
    require_equal,
    reweighted,
)
from lfmc.theories.phi4 import Phi4
from lfmc.training.acceptance import acceptance_from_model, effective_sample_size

SAMPLES = 4096
CHUNK = 512
# Reweighting says something only with so many effective samples.
ENOUGH = 100
# An evaluation comes after this factor of the last one's seconds, and as many as it took itself.
GROWTH = 1.25
JACOBIANS = 2


class Contestant(Protocol):
    """A flow in training. `sample` draws in float64 arrays; `densities` are for the gate."""

    batch: int

    def action(self, phi: np.ndarray) -> np.ndarray: ...
    def step(self, progress: float) -> float: ...
    def sample(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]: ...
    def densities(self, count: int) -> tuple[np.ndarray, np.ndarray]: ...


def contest(
    name: str, peer: Contestant, extent: int, lam: float, limit: float, tolerance: float
) -> dict[str, Any]:
    """Rows of checks, compile time, and the results of the gates.

    Evaluations take no time of the contestant's; the time to compile stands apart.

    Raises:
        Refused: another action, or log q is not the density of the samples.
    """
    target = Phi4((extent, extent), -4.0, lam)
    gate(name, peer, target, tolerance)
    began = process_time()
    peer.step(0.0)
    compiled = process_time() - began
    used, steps, due = 0.0, 0, limit / 40
    checks: list[dict[str, Any]] = []
    while used < limit:
        began = process_time()
        loss = peer.step(min(used / limit, 1.0))
        used += process_time() - began
        steps += 1
        if not np.isfinite(loss):
            raise Refused(f"{name}: its loss is {loss} after {steps} steps")
        if used >= due or used >= limit:
            began = process_time()
            log_weight, _ = weights(peer, target, seed=steps)
            checks.append(
                {
                    "seconds": used,
                    "step": steps,
                    "samples": steps * peer.batch,
                    "ess": effective_sample_size(log_weight),
                    "acceptance_q": acceptance_from_model(log_weight).value,
                    "log_weight_variance": float(log_weight.var()),
                }
            )
            due = max(GROWTH * used, used + process_time() - began)
    off = require_density(name, *peer.densities(JACOBIANS), tolerance)
    message = f"log q within {off:.1e} of its Jacobian"
    message += phi2(name, peer, target)
    return {"checks": checks, "compile_seconds": compiled, "gate": message}


def gate(name: str, peer: Contestant, target: Phi4, tolerance: float) -> None:
    """Before any time counts: the same action, and log q the density of its own samples.

    Raises:
        Refused: one of them is not so.
    """
    random = np.random.default_rng(1904)
    phi = 0.5 * random.standard_normal((16, target.shape[0] ** 2)).astype(np.float32)
    require_action(name, peer.action(phi), target.evaluate(phi.astype(float)))
    for _ in range(3):
        peer.step(0.0)
    require_density(name, *peer.densities(JACOBIANS), tolerance)


def weights(peer: Contestant, target: Phi4, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """log w and mean phi^2 of SAMPLES samples, (SAMPLES,) each."""
    log_weight, square = [], []
    for part in range(SAMPLES // CHUNK):
        phi, log_q = peer.sample(CHUNK, seed * 1000 + part)
        log_weight.append(-target.evaluate(phi) - log_q)
        square.append((phi * phi).mean(1))
    return np.concatenate(log_weight), np.concatenate(square)


def phi2(name: str, peer: Contestant, target: Phi4) -> str:
    """<phi^2> reweighted against the reference, if the weights carry enough samples."""
    wanted = reference_phi2(target.shape[0], target.lam)
    log_weight, square = weights(peer, target, seed=10**6)
    enough = effective_sample_size(log_weight) * SAMPLES
    if wanted is None or enough < ENOUGH:
        return f"; too few effective samples ({enough:.0f}) to compare <phi^2>"
    found: Value = reweighted(log_weight, square)
    require_equal(f"{name}: <phi^2>", found, wanted)
    return f"; <phi^2> = {found}, within {SIGMAS:.0f} sigma of {wanted}"
