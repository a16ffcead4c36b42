"""Adam on the shifted reverse Kullback-Leibler divergence.

The model is a running average of the parameters.
"""

from typing import Any

import torch

from lfmc.config.training_sections import Training
from lfmc.flows.base import Flow
from lfmc.training.gradient import ESTIMATORS
from lfmc.training.optimiser import Parameters, Progress, parameters_of
from lfmc.training.step import follow, gradient_step, warm

BETAS = (0.9, 0.99)
SMALLEST_RATE = 1 / 16  # of the configured one


class Adam:
    """Steps of Adam; the model is the running average of the parameters."""

    def __init__(self, flow: Flow, training: Training, gradient: str, seed: int) -> None:
        """Args: flow to train, settings, name of the gradient's estimator, seed of its samples."""
        self.flow, self.training = flow, training
        self.estimate = ESTIMATORS[gradient]
        self.check_every = training.check_every
        self.rate = training.learning_rate
        self.adam = torch.optim.Adam(flow.parameters(), lr=self.rate, betas=BETAS)
        self.random = torch.Generator().manual_seed(seed)
        self._follow(parameters_of(flow))

    def advance(self, step: int) -> Progress:
        training = self.training
        rate = warm(self.rate, step)
        loss, norm = gradient_step(
            self.flow,
            self.adam,
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

    def model(self) -> Parameters:
        return {name: value.cpu().clone() for name, value in self.average.items()}

    def _follow(self, parameters: Parameters) -> None:
        """Restart the running average from these parameters."""
        device = next(self.flow.parameters()).device
        self.average = {name: value.to(device, copy=True) for name, value in parameters.items()}

    def return_to(self, parameters: Parameters) -> str:
        """Restart after a divergence with half the learning rate and no momentum."""
        self.rate *= 0.5
        self.flow.load_state_dict(parameters)
        self._follow(parameters)
        self.adam.state.clear()
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
            "weights": parameters_of(self.flow),
            "average": self.model(),
            "optimiser": self.adam.state_dict(),
            "generator": self.random.get_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.rate = state["rate"]
        self.flow.load_state_dict(state["weights"])
        self._follow(state["average"])
        self.adam.load_state_dict(state["optimiser"])
        self.random.set_state(state["generator"])
