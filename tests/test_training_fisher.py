"""Scores and the natural-gradient step: finite differences, a known optimum, known noise."""

import numpy as np
import pytest
import torch
from flows_small import small

from lfmc.config.flow_sections import HeatbathSettings, RealNvpSettings
from lfmc.errors import LfmcError
from lfmc.flows.build import build_flow
from lfmc.theories.phi4 import Phi4
from lfmc.training.fisher import Fit, fit_of, propose_step, score_sums

pytestmark = pytest.mark.unit


def disturbed(shape: tuple[int, ...], size: float = 0.05):
    torch.manual_seed(2)
    settings = HeatbathSettings(layers=3, table=128)
    flow = build_flow(Phi4(shape, -2.0 * len(shape), 6.975), settings)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(size * torch.randn_like(parameter))
    return flow


@pytest.mark.parametrize("shape", [(4, 4), (6, 6), (4, 6), (2, 2), (4, 2, 4)])
def test_scores_are_the_derivatives_of_log_q_at_fixed_fields(shape):
    flow = disturbed(shape)
    z = torch.randn(5, flow.reduced_sites, dtype=torch.float64)
    scored = flow.scores(z)
    begin, step = 0, 1e-6
    for name, parameter in flow.named_parameters():
        direction = torch.randn_like(parameter)
        count = parameter.numel()
        exact = scored.scores[:, begin : begin + count] @ direction.reshape(-1)
        begin += count
        with torch.no_grad():
            parameter += step * direction
            above = flow.reduced_log_q(scored.x)
            parameter -= 2 * step * direction
            below = flow.reduced_log_q(scored.x)
            parameter += step * direction
        found = (above - below) / (2 * step)
        assert torch.allclose(exact, found, rtol=1e-5, atol=1e-6), name
    assert begin == scored.scores.shape[1]


def test_scores_come_with_the_log_weights_of_their_samples():
    flow = disturbed((4, 4))
    generator = torch.Generator().manual_seed(4)
    z = torch.randn(50, flow.reduced_sites, dtype=torch.float64, generator=generator)
    x, log_q = flow.reduced(z)
    scored = flow.scores(z)
    assert torch.allclose(scored.x, x, rtol=0, atol=1e-12)
    assert torch.allclose(scored.log_weight, -flow.reduced_action(x) - log_q, rtol=0, atol=1e-12)


def test_a_gaussian_family_reaches_its_target_in_one_step():
    """log q = -(x - t)^2/2 and log p = -(x - a)^2/2: log w is linear in the score x - t."""
    x = torch.tensor(np.random.default_rng(1).standard_normal(4000))
    a = 0.3
    score, log_weight = x, a * x
    matrix = torch.stack([score, log_weight, torch.ones_like(x)], 1)
    fit = fit_of(matrix.T @ matrix)
    step = propose_step(fit, batch=4000, damping=1e-12, largest=1.0)
    assert float(step.delta) == pytest.approx(a, rel=1e-6)
    assert step.noise == pytest.approx(0, abs=1e-9)
    assert step.divergence == pytest.approx(0.5 * a**2 * float(x.var()), rel=1e-3)


def test_a_step_is_limited_in_divergence_and_shortened_by_its_noise():
    def fit(slope: float, variance: float, samples: float) -> Fit:
        one = torch.ones(1, 1, dtype=torch.float64)
        return Fit(one, torch.tensor([slope], dtype=torch.float64), variance, 0.0, samples)

    far = propose_step(fit(10.0, 100.0, 1e6), batch=1e6, damping=1e-9, largest=0.5)
    assert 0.5 * float(far.delta) ** 2 == pytest.approx(0.5, rel=1e-3)
    assert far.made == pytest.approx(0.5, rel=1e-3)
    # Signal 0.1 with an error of 1/sqrt(200): half of the step's divergence is noise, and a little
    # more, since the one parameter has explained some of it.
    noisy = propose_step(fit(0.1, 1.01, 200.0), batch=200, damping=1e-9, largest=10.0)
    more = 1 / (1 - 1 / 200) ** 2
    assert noisy.noise == pytest.approx(0.5 * more * noisy.divergence, rel=1e-3)
    assert float(noisy.delta) == pytest.approx(0.1 * (1 - 0.5 * more), rel=1e-3)


def test_the_noise_of_a_fit_is_that_of_fresh_samples():
    """p numbers fitted to n samples of pure noise: the divergence they make is p/(n - p)/2.

    Means of 200 fits, 4.5 sigma: false-alarm rate 1e-5. Without the correction for what the fit
    hides the estimate would be (1 - p/n)^2 = 1/4 of it, which is outside.
    """
    random, n, p = np.random.default_rng(3), 120, 60
    estimated, made = [], []
    for _ in range(200):
        scores, log_weight = random.standard_normal((n, p)), random.standard_normal(n)
        matrix = torch.from_numpy(np.column_stack([scores, log_weight, np.ones(n)]))
        step = propose_step(fit_of(matrix.T @ matrix), batch=n, damping=1e-12, largest=1e9)
        estimated.append(step.noise)
        made.append(0.5 * float(np.square(np.linalg.lstsq(scores, log_weight)[0]).sum()))
    difference = np.array(estimated) - np.array(made)
    assert abs(difference.mean()) < 4.5 * difference.std() / 200**0.5 + 0.05 * np.mean(made)
    assert np.mean(estimated) / 4 < 0.5 * np.mean(made)


def test_sums_do_not_depend_on_how_seeds_are_dealt_out():
    flow = disturbed((4, 4))
    whole = score_sums(flow, [3, 4, 5, 6], 1.0)
    parts = score_sums(flow, [3, 5], 1.0) + score_sums(flow, [4, 6], 1.0)
    assert torch.allclose(whole, parts, rtol=1e-12, atol=1e-9)


def test_a_flow_without_scores_says_so():
    flow = build_flow(Phi4((4, 4), -4.0, 6.975), RealNvpSettings(couplings=2, hidden=(8,)))
    with pytest.raises(LfmcError, match="optimiser: adam"):
        flow.scores(torch.zeros(1, 16, dtype=torch.float64))
    with pytest.raises(LfmcError, match=r"natural needs scores .* kind: realnvp"):
        small(flow={"model": {"kind": "realnvp"}, "training": {"optimiser": "natural"}})
