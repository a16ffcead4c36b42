"""Natural-gradient training: damped regression steps, a step that went wrong taken back."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lfmc.config.flow_sections import NaturalSettings
from lfmc.flows.base import Flow
from lfmc.training.fisher import CHUNK, Fit, after, fit_of, pooled, propose_step
from lfmc.training.optimiser import (
    Progress,
    Weights,
    parameter_count,
    set_vector,
    vector_of,
    weights_of,
)
from lfmc.training.step import log_weights

DAMPING = 0.1  # at the start
RELAX, TIGHTEN = 0.5, 4.0  # of the damping, after a good step and after one taken back
LARGEST_DAMPING = 1e3
HELD = 2**31  # in place of a step, of the samples that judge
LARGEST_HELD = 4096
# With less damping than this, sums of products of scores in single precision are noise.
PRECISE = 1e-5
# A step is taken back if Var(log w) grew by more than this factor, or by this much near zero.
WORSE, SLACK = 1.05, 1e-6
# The batch doubles when this share of a step's divergence is the noise of its fit.
NOISY = 0.75
# Of what earlier batches told, so much is kept, and the less the farther the last step went:
# a factor exp(-divergence/FAR) more.
KEEP, FAR = 0.9, 0.02

Sums = Callable[[Sequence[int], float], Tensor]


def precision(damping: float) -> torch.dtype:
    """Of a flow that is trained with as little damping as this."""
    return torch.float64 if damping < PRECISE else torch.float32


class NaturalGradient:
    """Steps of `lfmc.training.fisher`; the model is the flow as it is.

    Samples of step k come from the seeds (seed, k, chunk). Before a batch is drawn, the step before
    is judged by samples that are held out.
    """

    def __init__(self, flow: Flow, settings: NaturalSettings, seed: int, sums: Sums) -> None:
        """Args: flow, settings, seed of the samples, `score_sums` of the flow (seeds, origin)."""
        self.flow, self.settings, self.seed, self.sums = flow, settings, seed, sums
        self.check_every = settings.check_every
        self.damping = DAMPING
        self.chunks = max(1, settings.samples // CHUNK)
        # A regression on as many samples as numbers explains anything; two batches are soon pooled.
        while 2 * self.chunks * CHUNK < parameter_count(flow) and self.refine():
            pass
        self.origin = 0.0
        self.good = weights_of(flow)
        self.good_variance = math.inf
        # What batches so far have told of a step from the flow as it is, and from the good weights.
        self.known: Fit | None = None
        self.known_good: Fit | None = None
        self.moved = 0.0  # divergence between the two

    def advance(self, step: int) -> Progress:
        variance = self._variance()
        if not variance <= WORSE * self.good_variance + SLACK:
            self._take_back()
            return Progress(0, math.isfinite(variance))
        fit = fit_of(self.sums(self._seeds(step), self.origin))
        drawn = self.chunks * CHUNK
        if not (torch.isfinite(fit.slope).all() and math.isfinite(fit.variance)):
            self._take_back()
            return Progress(drawn, False)
        # Less damping as long as that helps, more when it does not: soft directions of a noisy fit
        # lead astray by steps each of which is hardly worse than the one before.
        factor = RELAX if variance < self.good_variance else 1 / RELAX
        self.damping = min(max(factor * self.damping, self.settings.damping), LARGEST_DAMPING)
        self.good, self.good_variance = weights_of(self.flow), variance
        if self.known:
            fit = pooled(self.known, KEEP * math.exp(-self.moved / FAR), fit)
        self.known_good = fit
        self.origin += fit.mean
        self._step(fit, drawn)
        return Progress(drawn, True)

    def _variance(self) -> float:
        """Var(log w) of the same base normals at every step, which no fit has seen.

        From one step to the next it has hardly any noise: what changes it is the step.
        """
        held = torch.Generator().manual_seed(self._seeds(HELD)[0])
        count = min(max(self.settings.samples, CHUNK), LARGEST_HELD)
        return float(log_weights(self.flow, count, held).var())

    def _seeds(self, step: int) -> list[int]:
        sequence = np.random.SeedSequence(self.seed, spawn_key=(step,))
        return [int(word) for word in sequence.generate_state(self.chunks, np.uint64) >> 1]

    def _step(self, fit: Fit, batch: int) -> None:
        try:
            proposed = propose_step(fit, batch, self.damping, self.settings.divergence)
        except torch.linalg.LinAlgError:
            self._take_back()
            return
        here = vector_of(self.flow)
        set_vector(self.flow, here + proposed.delta.to(here))
        self.known, self.moved = after(fit, proposed.delta), proposed.made
        if proposed.noise > NOISY * proposed.divergence:
            self.refine()

    def _take_back(self) -> None:
        """To the last good weights."""
        self.flow.load_state_dict(self.good)
        self.known, self.moved = self.known_good, 0.0
        self.good_variance = math.inf
        self.damping = min(TIGHTEN * self.damping, LARGEST_DAMPING)

    def model(self) -> Weights:
        return weights_of(self.flow)

    def return_to(self, weights: Weights) -> str:
        """After a divergence: from there with as much damping as at the start."""
        self.good, self.known_good = weights, None
        self._take_back()
        self.damping = max(self.damping, DAMPING)
        return "damping as at the start"

    def refine(self) -> bool:
        if 2 * self.chunks * CHUNK > self.settings.largest_samples:
            return False
        self.chunks *= 2
        return True

    def describe(self) -> dict[str, float]:
        return {"damping": self.damping, "batch": self.chunks * CHUNK}

    def state(self) -> dict[str, Any]:
        return {
            "weights": weights_of(self.flow),
            "good": self.good,
            "good_variance": self.good_variance,
            "damping": self.damping,
            "chunks": self.chunks,
            "origin": self.origin,
            "known": self.known and tuple(self.known),
            "known_good": self.known_good and tuple(self.known_good),
            "moved": self.moved,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.flow.load_state_dict(state["weights"])
        self.good, self.good_variance = state["good"], state["good_variance"]
        self.damping, self.chunks = state["damping"], state["chunks"]
        self.origin, self.moved = state["origin"], state["moved"]
        self.known = state["known"] and Fit(*state["known"])
        self.known_good = state["known_good"] and Fit(*state["known_good"])
