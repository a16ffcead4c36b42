"""Earlier batches contribute to a step: exactly if log w is linear, and as more samples would."""

from functools import partial

import pytest
import torch

from lfmc.config.flow_sections import HeatbathSettings
from lfmc.config.training_sections import NaturalSettings
from lfmc.flows.build import build_flow
from lfmc.theories.phi4 import Phi4
from lfmc.training import natural
from lfmc.training.fisher import Fit, after, fit_of, pooled, propose_step, score_sums
from lfmc.training.products import BLOCK
from lfmc.training.step import model_log_weight

pytestmark = pytest.mark.unit


def batch(change=None, count: int = 500) -> tuple[torch.Tensor, torch.Tensor, Fit]:
    """Scores (count, 3), log w (count,), and their fit."""
    random = torch.Generator().manual_seed(4)
    scores = torch.randn(count, 3, generator=random, dtype=torch.float64)
    noise = torch.randn(count, generator=random, dtype=torch.float64)
    log_weight = scores @ torch.tensor([0.3, -0.2, 0.1]).double() + noise
    log_weight = log_weight if change is None else change(scores, log_weight)
    columns = torch.cat([scores, log_weight[:, None], torch.ones(count, 1)], 1)
    return scores, log_weight, fit_of(columns.T @ columns)


def test_a_fit_moved_by_a_step_is_that_of_the_samples_with_their_new_log_weights():
    delta = torch.tensor([0.2, 0.1, -0.4], dtype=torch.float64)
    moved = after(batch()[2], delta)
    again = batch(lambda scores, log_weight: log_weight - scores @ delta)[2]
    assert torch.allclose(moved.slope, again.slope, rtol=0, atol=1e-12)


def test_a_whole_step_leaves_no_further_step():
    fit = batch()[2]
    step = propose_step(fit, 1e-9, damping=1e-12, largest=10.0)
    assert float(after(fit, step.delta).slope.abs().max()) < 1e-9


def test_a_pool_weighs_batches_by_their_samples():
    one = batch()[2]
    two = one._replace(fisher=3 * one.fisher, slope=-one.slope, samples=1000.0, variance=7.0)
    both = pooled(one, 0.5, two)
    assert both.samples == 1250
    assert torch.allclose(both.fisher, 0.2 * one.fisher + 0.8 * two.fisher)
    assert torch.allclose(both.slope, 0.2 * one.slope + 0.8 * two.slope)
    assert both.variance == 7
    assert torch.equal(pooled(one, 0.0, two).slope, two.slope)


def test_moments_and_pools_are_the_formulas_for_matrices_of_several_blocks():
    random = torch.Generator().manual_seed(5)
    rows = torch.randn(2 * BLOCK + 7, 900, generator=random, dtype=torch.float64)
    rows[-1] = 1
    fit = fit_of(rows @ rows.T)
    covariance = torch.cov(rows[:-1], correction=0)
    assert torch.allclose(fit.fisher, covariance[:-1, :-1], rtol=0, atol=1e-12)
    assert torch.allclose(fit.slope, covariance[:-1, -1], rtol=0, atol=1e-12)
    other = fit._replace(fisher=fit.fisher.flip(0), samples=300.0)
    expected = 0.4 * fit.fisher + 0.6 * other.fisher  # 200 and 300 samples
    assert torch.allclose(pooled(fit, 2 / 9, other).fisher, expected, rtol=0, atol=1e-12)


def test_a_pool_carries_only_the_noise_of_the_newest_batch_into_a_step():
    """Noise of a batch in a pool of n: its weight in the fit squared times its own."""
    fit = batch()[2]._replace(samples=5000.0)
    alone = propose_step(fit, 5000.0, damping=1e-9, largest=10.0)
    newest = propose_step(fit, 500.0, damping=1e-9, largest=10.0)
    assert newest.noise == pytest.approx(0.1 * alone.noise)


def trained(steps: int = 20) -> float:
    """Var(log w) after some steps of 512 samples at L = 6."""
    torch.manual_seed(1)
    flow = build_flow(Phi4((6, 6), -4.0, 6.975), HeatbathSettings(layers=2, table=128)).float()
    settings = NaturalSettings(samples=512, largest_samples=512)
    method = natural.NaturalGradient(flow, settings, 3, partial(score_sums, flow))
    for step in range(steps):
        method.advance(step)
    return float(model_log_weight(flow, 8192, torch.Generator().manual_seed(1)).var())


@pytest.fixture(scope="module")
def with_pool() -> float:
    return trained()


def test_pooled_batches_train_further(monkeypatch, with_pool):
    """Measured with five seeds: 0.0135-0.0159 with the pool, 0.0178-0.0222 without."""
    monkeypatch.setattr(natural, "KEEP", 0.0)
    assert with_pool < 0.85 * trained()


def test_a_pool_that_forgets_the_steps_it_has_made_does_not(monkeypatch, with_pool):
    """Negative control: the old slope contributes again at each step. Measured: 0.0176-0.0207."""
    monkeypatch.setattr(natural, "after", lambda fit, delta: fit)
    assert trained() > 1.25 * with_pool
