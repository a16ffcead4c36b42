"""Adam on the shifted reverse Kullback-Leibler divergence; a running average is the model."""

from typing import Any

import torch

from lfmc.config.flow_sections import Training
from lfmc.flows.base import Flow
from lfmc.training.gradient import ESTIMATORS
from lfmc.training.optimiser import Progress, Weights, weights_of
from lfmc.training.step import follow, gradient_step, warm

BETAS = (0.9, 0.99)
SMALLEST_RATE = 1 / 16  # of the configured one


class Adam:
    """Steps of Adam; the model is the running average."""

    def __init__(self, flow: Flow, training: Training, gradient: str, seed: int) -> None:
        """Args: flow to train, settings, name of the gradient's estimator, seed of its samples."""
        self.flow, self.training = flow, training
        self.estimate = ESTIMATORS[gradient]
        self.check_every = training.check_every
        self.rate = training.learning_rate
        self.optimiser = torch.optim.Adam(flow.parameters(), lr=self.rate, betas=BETAS)
        self.random = torch.Generator().manual_seed(seed)
        self._follow(weights_of(flow))

    def advance(self, step: int) -> Progress:
        training = self.training
        rate = warm(self.rate, step)
        loss, norm = gradient_step(
            self.flow,
            self.optimiser,
            self.random,
            training.batch,
            rate,
            training.clip,
            self.estimate,
        )
        finite = loss - loss == 0 and norm - norm == 0
        if finite:
            follow(self.average, self.flow, training.average, step + 1)
        return Progress(training.batch, finite)

    def model(self) -> Weights:
        return {name: value.cpu().clone() for name, value in self.average.items()}

    def _follow(self, weights: Weights) -> None:
        """Let the average go on from these, beside the parameters."""
        device = next(self.flow.parameters()).device
        self.average = {name: value.to(device, copy=True) for name, value in weights.items()}

    def return_to(self, weights: Weights) -> str:
        """After a divergence: half the rate, and nothing of the momentum."""
        self.rate *= 0.5
        self.flow.load_state_dict(weights)
        self._follow(weights)
        self.optimiser.state.clear()
        return "rate halved"

    def refine(self) -> bool:
        if self.rate <= SMALLEST_RATE * self.training.learning_rate:
            return False
        self.rate *= 0.5
        return True

    def describe(self) -> dict[str, float]:
        return {"learning_rate": self.rate}

    def state(self) -> dict[str, Any]:
        return {
            "rate": self.rate,
            "weights": weights_of(self.flow),
            "average": self.model(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.random.get_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.rate = state["rate"]
        self.flow.load_state_dict(state["weights"])
        self._follow(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.random.set_state(state["generator"])
