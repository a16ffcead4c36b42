"""The decimation flow of U(1): exact density, exact averages, and what must fail."""

import math

import numpy as np
import pytest
import torch
from scipy.special import ive

from lfmc.config.flow_sections import DecimationSettings
from lfmc.errors import LfmcError
from lfmc.flows import villain
from lfmc.flows.build import build_flow
from lfmc.theories.phi4 import Phi4
from lfmc.theories.u1 import U1
from lfmc.theories.u1.decimation import (
    axes,
    links_of,
    log_refined,
    merged,
    plaquettes_of,
    refined,
    wrap,
)
from lfmc.theories.u1.marginals import GRID, quantiles, weight

CASES = [((4, 4), 2.0, 0), ((4, 4), 2.0, 1), ((4, 8), 1.0, 3), ((6, 4), 3.0, 3), ((4, 4), 5.0, 4)]
SAMPLES = 1 << 14


def flow_of(shape, beta, levels):
    return build_flow(U1(shape, beta), DecimationSettings(levels=levels)).requires_grad_(False)


def drawn(flow, count=SAMPLES, seed=1):
    phi, log_q = flow(torch.from_numpy(flow.base.draw(np.random.default_rng(seed), count)))
    return phi.numpy(), log_q.numpy()


@pytest.mark.unit
@pytest.mark.parametrize(("shape", "beta", "levels"), CASES)
def test_log_q_of_a_drawn_field_is_that_of_its_draw(shape, beta, levels):
    flow = flow_of(shape, beta, levels)
    phi, log_q = drawn(flow, 500)
    again = flow.log_q(torch.from_numpy(phi)).numpy()
    assert np.abs(again - log_q).max() < flow.inverse_tolerance
    assert np.abs(phi).max() <= math.pi + 1e-12
    alone = np.concatenate([flow(z[None]).log_q.numpy() for z in base_of(flow, 500)[:5]])
    assert np.abs(alone - log_q[:5]).max() < 1e-9


def base_of(flow, count, seed=1):
    return torch.from_numpy(flow.base.draw(np.random.default_rng(seed), count))


@pytest.mark.unit
@pytest.mark.parametrize(("shape", "beta", "levels"), CASES)
def test_log_q_is_gauge_invariant(shape, beta, levels):
    flow = flow_of(shape, beta, levels)
    phi, log_q = drawn(flow, 50)
    links = phi.reshape(-1, *shape, 2).copy()
    angle = np.random.default_rng(3).uniform(-9, 9, (len(phi), *shape))
    for mu in range(2):
        links[..., mu] += angle - np.roll(angle, -1, 1 + mu)
    other = flow.log_q(torch.from_numpy(links.reshape(phi.shape))).numpy()
    assert np.abs(other - log_q).max() < 1e-9


def deviations(theory, phi, log_q):
    """log Z, plaquette, <Q^2> and a loop by importance sampling, in standard errors."""
    log_weight = -theory.evaluate(phi) - log_q
    weight_of = np.exp(log_weight - theory.log_Z)
    off = [(weight_of.mean() - 1) / (weight_of.std(ddof=1) / len(phi) ** 0.5)]
    seen = theory.measure(phi)
    seen = {"plaquette": seen["plaquette"], "Q2": seen["Q"] ** 2}
    seen["W_2"] = theory.correlators(phi)[:, 1]
    for name, values in seen.items():
        residual = weight_of * (values - theory.known[name])
        off.append(residual.mean() / (residual.std(ddof=1) / len(phi) ** 0.5))
    return np.array(off)


# Twenty deviations below 4.5 sigma: a false alarm has a probability of 1.4e-4; the seed is fixed.
@pytest.mark.stat
@pytest.mark.parametrize(("shape", "beta", "levels"), CASES)
def test_importance_weights_give_the_exact_values(shape, beta, levels):
    flow = flow_of(shape, beta, levels)
    assert np.abs(deviations(flow.action, *drawn(flow))).max() < 4.5


@pytest.mark.stat
def test_a_prior_without_its_sum_over_charges_is_noticed(monkeypatch):
    """The negative control: the norm of Q = 0 alone, and then draws of Q = 0 alone."""
    shape, beta, levels = CASES[1]
    flow = flow_of(shape, beta, levels)
    alone = lambda b, plaquettes, like: torch.zeros(1, dtype=like.dtype)  # noqa: E731
    charges = villain._range
    phi, log_q = drawn(flow)
    b, count = flow.b, flow.left
    whole = villain.log_norm(b, count)
    monkeypatch.setattr(villain, "_range", alone)
    wrong = log_q + float(whole - villain.log_norm(b, count))
    assert np.abs(deviations(flow.action, phi, wrong))[0] > 20
    phi, _ = drawn(flow)
    monkeypatch.setattr(villain, "_range", charges)
    log_q = flow.log_q(torch.from_numpy(phi)).numpy()
    assert np.abs(deviations(flow.action, phi, log_q)).max() > 20


@pytest.mark.stat
def test_all_levels_are_a_perfect_sampler():
    flow = flow_of((8, 4), 2.0, 5)
    phi, log_q = drawn(flow)
    log_weight = -flow.action.evaluate(phi) - log_q
    assert np.abs(log_weight - flow.action.log_Z).max() < 0.02
    assert log_weight.var() < 1e-6
    theory, links = flow.action, flow.action.independent_fields(SAMPLES, 3)
    seen = theory.measure(links)
    for name, values in {"plaquette": seen["plaquette"], "Q2": seen["Q"] ** 2}.items():
        error = values.std(ddof=1) / SAMPLES**0.5
        assert abs(values.mean() - theory.known[name]) < 4.5 * error, name
    assert U1((6, 4), 2.0).independent_fields(10, 3) is None


@pytest.mark.unit
@pytest.mark.parametrize("axis", [0, 1])
def test_refined_links_have_the_plaquettes_they_came_from(axis):
    random = np.random.default_rng(1)
    links = random.uniform(-math.pi, math.pi, (7, 3, 5, 2))
    uniform = random.random((7, 30))
    fine, log_density = refined(links, axis, 2.0, 1, uniform)
    plaquette = plaquettes_of(fine)
    _, phi = merged(plaquette, axis)
    off = wrap(phi - plaquettes_of(links))
    assert np.abs(off).max() < 1e-12
    assert np.abs(log_refined(wrap(plaquette), axis, 2.0, 1) - log_density).max() < 1e-9
    # Holonomies of the coarser lattice: a whole line of links in either direction.
    for mu in range(2):
        lines = (a[(slice(None),) * (2 - mu) + (0,)][..., mu].sum(1) for a in (fine, links))
        assert np.abs(wrap(next(lines) - next(lines))).max() < 1e-12


@pytest.mark.unit
def test_links_of_plaquettes_have_these_plaquettes():
    random = np.random.default_rng(1)
    plaquette = random.uniform(-math.pi, math.pi, (9, 4, 3))
    plaquette[:, -1, -1] -= plaquette.sum((1, 2)) - 2 * math.pi * np.arange(-4, 5)
    holonomy, gauge = random.uniform(-3, 3, (9, 2)), random.uniform(-3, 3, (9, 11))
    links = links_of(plaquette, holonomy, gauge)
    assert np.abs(wrap(plaquettes_of(links) - plaquette)).max() < 1e-12
    turned = links_of(plaquette, holonomy + 0.5, gauge)
    for mu in range(2):
        lines = (a[(slice(None),) * (2 - mu) + (0,)][..., mu].sum(1) for a in (turned, links))
        assert np.abs(wrap(next(lines) - next(lines) - 0.5)).max() < 1e-12


@pytest.mark.unit
@pytest.mark.parametrize(("beta", "level"), [(0.5, 1), (2.0, 1), (2.0, 3), (10.0, 2)])
def test_weights_are_the_sums_of_bessel_functions(beta, level):
    k, x = np.arange(400)[:, None], np.linspace(0, 2.5, 9)
    power = (ive(k, beta) / ive(0, beta)) ** (2**level)
    sums = power[0] + 2 * (power[1:] * np.cos(k[1:] * x)).sum(0)
    wanted = np.log(sums / (power[0] + 2 * power[1:].sum()))
    seen = weight(beta, level)(x)
    good = wanted > -18  # below, the alternating sum cancels
    assert np.abs(seen - wanted)[good].max() < 1e-7
    assert good.sum() >= 5


@pytest.mark.unit
@pytest.mark.parametrize(("beta", "level"), [(0.5, 1), (2.0, 2), (10.0, 1), (80.0, 3)])
def test_tables_increase_and_are_near_the_law(beta, level):
    values, slopes = quantiles(beta, level)
    assert (np.diff(values, axis=1) > 0).all()
    assert (slopes > 0).all()
    secant = np.diff(values, axis=1) / (6.0 / (values.shape[1] - 1))
    assert (slopes[:, 1:] <= 3 * secant).all()
    assert (slopes[:, :-1] <= 3 * secant).all()


@pytest.mark.unit
def test_the_density_of_the_prior_is_normalised():
    """Two plaquettes: one angle on the circle, by the trapezoidal rule."""
    for b in (0.05, 0.7, 9.0):
        x = 2 * math.pi * (np.arange(4000) + 0.5) / 4000 - math.pi
        phi = torch.from_numpy(np.stack([x, -x], 1))
        log_q = villain.log_density(phi, torch.tensor(b, dtype=torch.float64))
        assert float(log_q.exp().mean()) * 2 * math.pi == pytest.approx(1.0, abs=1e-10)


@pytest.mark.unit
def test_scores_are_the_derivatives_of_log_q():
    flow = build_flow(U1((4, 4), 2.0), DecimationSettings(levels=1))
    z = flow.reduced_base.tensor(torch.Generator().manual_seed(1), 6, torch.float64)
    scored = flow.scores(z)
    for k in range(6):
        flow.zero_grad()
        flow.reduced_log_q(scored.x[k : k + 1]).sum().backward()
        assert float(flow.log_b.grad[0]) == pytest.approx(float(scored.scores[k, 0]), abs=1e-9)
    gradient = torch.autograd.functional.jacobian(lambda x: flow.reduced_action(x), scored.x[:1])
    step = torch.zeros_like(scored.x[:1])
    step[0, 2] = 1e-5
    up, down = (flow.reduced_action(scored.x[:1] + s * step) for s in (1, -1))
    assert float(gradient[0, 0, 2]) == pytest.approx(float((up - down)[0] / 2e-5), abs=1e-6)
    assert flow.weight.coefficients.shape == (4, GRID)


@pytest.mark.unit
def test_levels_that_do_not_exist_are_refused():
    assert axes((8, 4), 9) == (0, 1, 0, 1, 0)
    assert axes((6, 4), 9) == (0, 1, 1)
    with pytest.raises(LfmcError, match="factors of two"):
        flow_of((6, 4), 1.0, 4)
    with pytest.raises(LfmcError, match="needs theory u1"):
        build_flow(Phi4((4, 4), -4.0, 6.0), DecimationSettings())
