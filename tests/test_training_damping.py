"""Damping of natural steps: less while that helps, more when it does not, a bad step taken back."""

import math

import pytest
import torch

from lfmc.config.flow_sections import HeatbathSettings
from lfmc.config.training_sections import NaturalSettings
from lfmc.flows.build import build_flow
from lfmc.theories.phi4 import Phi4
from lfmc.training import natural
from lfmc.training.natural import DAMPING, NaturalGradient
from lfmc.training.optimiser import vector_of

pytestmark = pytest.mark.unit


@pytest.fixture
def followed(monkeypatch):
    """Steps with given Var(log w) of held-out samples: (damping, samples drawn, finite) each."""

    def follow(variances: list[float]) -> list[tuple[float, int, bool]]:
        flow = build_flow(Phi4((2, 2), -4.0, 6.975), HeatbathSettings(layers=2, table=64))
        size, remaining = len(vector_of(flow)), iter(variances)

        def held(*_):
            half = math.sqrt(next(remaining) / 2)
            return torch.tensor([half, -half], dtype=torch.float64)

        def sums(seeds, origin):
            """Scores of unit variance, hardly related to log w."""
            covariance = torch.eye(size + 1, dtype=torch.float64)
            covariance[0, -1] = covariance[-1, 0] = 1e-3
            whole = torch.zeros(size + 2, size + 2, dtype=torch.float64)
            whole[:-1, :-1], whole[-1, -1] = covariance, 1
            return whole * 1024

        monkeypatch.setattr(natural, "model_log_weight", held)
        method = NaturalGradient(flow, NaturalSettings(largest_samples=1024), 1, sums)
        seen = []
        for step in range(len(variances)):
            made = method.advance(step)
            seen.append((method.damping, made.samples, made.finite))
        return seen

    return follow


def test_damping_follows_what_the_last_step_brought(followed):
    damping = [damping for damping, _, _ in followed([1.0, 0.8, 0.82, 0.81, 0.7])]
    assert damping == [DAMPING * share for share in (1 / 2, 1 / 4, 1 / 2, 1 / 4, 1 / 8)]


def test_a_step_that_raises_the_variance_is_taken_back_before_a_batch(followed):
    assert followed([1.0, 1.04])[-1] == (DAMPING, 1024, True)
    assert followed([1.0, 1.06])[-1] == (2 * DAMPING, 0, True)
    # The good weights are accepted again.
    assert followed([1.0, 1.06, 1.0])[-1] == (DAMPING, 1024, True)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_what_is_not_finite_is_taken_back_and_said(followed, wrong):
    assert followed([1.0, wrong])[-1] == (2 * DAMPING, 0, False)


def test_damping_has_a_floor(followed):
    least = NaturalSettings().damping
    damping = [damping for damping, _, _ in followed([1.0 - 0.01 * k for k in range(30)])]
    assert damping[-1] == min(damping) == least
