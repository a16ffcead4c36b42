"""Natural-gradient training: damped regression steps; a step that makes things worse is undone."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lfmc.config.training_sections import NaturalSettings
from lfmc.flows.base import Flow
from lfmc.training.fisher import CHUNK, Fit, after, fit_of, pooled, propose_step
from lfmc.training.optimiser import (
    Parameters,
    Progress,
    parameter_count,
    parameters_of,
    set_vector,
    vector_of,
)
from lfmc.training.step import model_log_weight

DAMPING = 0.1  # at the start
RELAX, TIGHTEN = 0.5, 4.0  # factors of the damping, after an accepted step and after an undone one
LARGEST_DAMPING = 1e3
HELD_OUT = 2**31  # in place of a step number, for the seed of the held-out samples
LARGEST_HELD_OUT = 4096
# With less damping than this, sums of products of scores in single precision are noise.
SINGLE_PRECISION_DAMPING = 1e-5
# A step is undone if Var(log w) grew by more than this factor, or by this much near zero.
WORSE, SLACK = 1.05, 1e-6
# The batch doubles if this share of a step's divergence is noise of its fit.
NOISY = 0.75
# Earlier batches keep the share KEEP exp(-divergence/FAR) of their weight after each step.
KEEP, FAR = 0.9, 0.02

Sums = Callable[[Sequence[int], float], Tensor]


def precision(damping: float) -> torch.dtype:
    """The precision of a flow that is trained with this smallest damping."""
    return torch.float64 if damping < SINGLE_PRECISION_DAMPING else torch.float32


class NaturalGradient:
    """Steps of `lfmc.training.fisher`; the model is the flow itself.

    Samples of step k come from the seeds (seed, k, chunk). Before a batch is drawn, the previous
    step is evaluated on held-out samples, and undone if Var(log w) has grown.
    """

    def __init__(self, flow: Flow, settings: NaturalSettings, seed: int, sums: Sums) -> None:
        """Args: flow, settings, seed of the samples, `score_sums` of the flow (seeds, origin)."""
        self.flow, self.settings, self.seed, self.sums = flow, settings, seed, sums
        self.check_every = settings.check_every
        self.damping = DAMPING
        self.chunks = max(1, settings.samples // CHUNK)
        # A regression needs more samples than parameters; two batches are soon pooled.
        while 2 * self.chunks * CHUNK < parameter_count(flow) and self.refine():
            pass
        self.origin = 0.0
        self.last_accepted = parameters_of(flow)
        self.accepted_variance = math.inf
        # The fits of all batches so far, for the present parameters and for the accepted ones.
        self.pool: Fit | None = None
        self.accepted_pool: Fit | None = None
        self.moved = 0.0  # divergence between these two sets of parameters

    def advance(self, step: int) -> Progress:
        variance = self._variance()
        if not variance <= WORSE * self.accepted_variance + SLACK:
            self._undo()
            return Progress(0, math.isfinite(variance))
        fit = fit_of(self.sums(self._seeds(step), self.origin))
        drawn = self.chunks * CHUNK
        if not (torch.isfinite(fit.slope).all() and math.isfinite(fit.variance)):
            self._undo()
            return Progress(drawn, False)
        # The damping falls while that helps, and else it grows: a noisy fit of soft directions
        # diverges by steps each of which is hardly worse than the previous one.
        factor = RELAX if variance < self.accepted_variance else 1 / RELAX
        self.damping = min(max(factor * self.damping, self.settings.damping), LARGEST_DAMPING)
        self.last_accepted, self.accepted_variance = parameters_of(self.flow), variance
        if self.pool:
            fit = pooled(self.pool, KEEP * math.exp(-self.moved / FAR), fit)
        self.pool = self.accepted_pool = fit  # no longer the earlier one
        self.origin += fit.mean
        self._step(fit, drawn)
        return Progress(drawn, True)

    def _variance(self) -> float:
        """Return Var(log w) of held-out base normals, which are the same at every step.

        So its changes from one step to the next have hardly any noise.
        """
        held_out = torch.Generator().manual_seed(self._seeds(HELD_OUT)[0])
        count = min(max(self.settings.samples, CHUNK), LARGEST_HELD_OUT)
        return float(model_log_weight(self.flow, count, held_out).var())

    def _seeds(self, step: int) -> list[int]:
        sequence = np.random.SeedSequence(self.seed, spawn_key=(step,))
        return [int(word) for word in sequence.generate_state(self.chunks, np.uint64) >> 1]

    def _step(self, fit: Fit, batch: int) -> None:
        try:
            proposed = propose_step(fit, batch, self.damping, self.settings.divergence)
        except torch.linalg.LinAlgError:
            self._undo()
            return
        here = vector_of(self.flow)
        set_vector(self.flow, here + proposed.delta.to(here))
        self.pool, self.moved = after(fit, proposed.delta), proposed.made
        if proposed.noise > NOISY * proposed.divergence:
            self.refine()

    def _undo(self) -> None:
        """Return to the last accepted parameters, with more damping."""
        self.flow.load_state_dict(self.last_accepted)
        self.pool, self.moved = self.accepted_pool, 0.0
        self.accepted_variance = math.inf
        self.damping = min(TIGHTEN * self.damping, LARGEST_DAMPING)

    def model(self) -> Parameters:
        return parameters_of(self.flow)

    def return_to(self, parameters: Parameters) -> str:
        """Restart from these parameters after a divergence, with the initial damping or more."""
        self.last_accepted, self.accepted_pool = parameters, None
        self._undo()
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
            "weights": parameters_of(self.flow),
            "good": self.last_accepted,
            "good_variance": self.accepted_variance,
            "damping": self.damping,
            "chunks": self.chunks,
            "origin": self.origin,
            "known": self.pool and tuple(self.pool),
            "known_good": self.accepted_pool and tuple(self.accepted_pool),
            "moved": self.moved,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.flow.load_state_dict(state["weights"])
        self.last_accepted, self.accepted_variance = state["good"], state["good_variance"]
        self.damping, self.chunks = state["damping"], state["chunks"]
        self.origin, self.moved = state["origin"], state["moved"]
        self.pool = state["known"] and Fit(*state["known"])
        self.accepted_pool = state["known_good"] and Fit(*state["known_good"])
