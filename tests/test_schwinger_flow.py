"""The flow `quenched` of the Schwinger model: exact density, exact averages, and what must fail."""

import numpy as np
import pytest
import torch
from schwinger_small import exact_on_two
from scipy.stats import kstest

from lfmc.config.flow_sections import DecimationSettings, QuenchedSettings
from lfmc.errors import LfmcError
from lfmc.flows.build import build_flow
from lfmc.theories.schwinger import Schwinger
from lfmc.theories.u1 import U1
from lfmc.theories.u1.loops import plaquette_angles
from lfmc.theories.u1.torus import charges_of, holonomies_of, turned, unit_flux

SAMPLES = 1 << 14
LINES, TOWARDS_ZERO, SCREENING = (0.6, -0.4, 0.3), (4.0, 1.5), 0.15


def flow_of(
    shape,
    beta,
    kappa,
    levels,
    lines=LINES,
    towards_zero=TOWARDS_ZERO,
    prior=0.2,
    screening=SCREENING,
):
    flow = build_flow(Schwinger(shape, beta, kappa), QuenchedSettings(levels=levels))
    with torch.no_grad():
        flow.lines.copy_(torch.tensor(lines))
        flow.towards_zero.copy_(torch.tensor(towards_zero))
        flow.prior.fill_(prior)
        flow.screening.fill_(screening)
    return flow.requires_grad_(False)


def base_of(flow, count, seed=1):
    return torch.from_numpy(flow.base.draw(np.random.default_rng(seed), count))


def links_of(flow, phi):
    return phi.numpy().reshape(-1, *flow.action.shape, 2)


@pytest.mark.unit
@pytest.mark.parametrize(("shape", "levels"), [((2, 2), 2), ((4, 4), 1), ((6, 4), 2)])
def test_log_q_of_a_drawn_field_is_that_of_its_draw(shape, levels):
    flow = flow_of(shape, 2.0, 0.25, levels)
    phi, log_q = flow(base_of(flow, 300))
    assert float((flow.log_q(phi) - log_q).abs().max()) < flow.inverse_tolerance
    alone = [flow(z[None]) for z in base_of(flow, 300)[:5]]
    assert float((torch.cat([one.phi for one in alone]) - phi[:5]).abs().max()) < 1e-9
    assert float((torch.cat([one.log_q for one in alone]) - log_q[:5]).abs().max()) < 1e-9
    links = links_of(flow, phi).copy()
    angle = np.random.default_rng(3).uniform(-9, 9, (len(phi), *shape))
    for mu in range(2):
        links[..., mu] += angle - np.roll(angle, -1, 1 + mu)
    other = torch.from_numpy(links.reshape(phi.shape))
    assert float((flow.log_q(other) - log_q).abs().max()) < 1e-9


@pytest.mark.unit
def test_holonomies_are_those_of_lines_and_do_not_depend_on_the_origin():
    flow = flow_of((4, 6), 2.0, 0.25, 1)
    links = links_of(flow, flow(base_of(flow, 200)).phi)
    here, neutral = holonomies_of(links), charges_of(links) == 0
    for axis in (0, 1):
        there = holonomies_of(np.roll(links, 1, 1 + axis))
        assert np.abs(np.cos(there) - np.cos(here))[neutral].max() < 1e-9
    constant = np.zeros((1, 4, 6, 2)) + (0.2, -0.1)
    assert np.allclose(holonomies_of(constant), [[0.8, -0.6]], atol=1e-12)
    moved = turned(links, np.full((len(links), 2), (0.3, 0.7)))
    assert np.abs(np.cos(holonomies_of(moved)) - np.cos(here + (0.3, 0.7))).max() < 1e-9
    plaquette = [np.exp(1j * plaquette_angles(a.reshape(200, -1), (4, 6))) for a in (moved, links)]
    assert np.abs(plaquette[0] - plaquette[1]).max() < 1e-9


def deviations(theory, exact, phi, log_q):
    """log Z, plaquette, condensate and log_det by importance sampling, in standard errors."""
    weight = np.exp(-theory.evaluate(phi) - log_q - exact["log_Z"])
    off = [(weight.mean() - 1) / (weight.std(ddof=1) / len(phi) ** 0.5)]
    seen = theory.measure(phi)
    for name in ("plaquette", "condensate", "log_det"):
        residual = weight * (seen[name] - exact[name])
        off.append(residual.mean() / (residual.std(ddof=1) / len(phi) ** 0.5))
    return np.array(off)


# Four deviations below 4.5 sigma: a false alarm has a probability of 3e-5; the seed is fixed.
@pytest.mark.stat
def test_importance_weights_give_the_exact_values():
    """Negative controls: densities left out, and another kappa."""
    flow = flow_of((2, 2), 1.0, 0.35, 1)
    exact = exact_on_two(1.0, 0.35)
    phi, log_q = (found.numpy() for found in flow(base_of(flow, SAMPLES)))
    assert np.abs(deviations(flow.action, exact, phi, log_q)).max() < 4.5
    parts = ({"lines": (0.0, 0.0, 0.0)}, {"lines": (0.6, -0.4, 0.0)})
    for left_out in (*parts, {"towards_zero": (-30.0, -30.0)}):
        other = flow_of((2, 2), 1.0, 0.35, 1, **left_out)
        wrong = other.log_q(torch.from_numpy(phi)).numpy()
        assert np.abs(deviations(flow.action, exact, phi, wrong)).max() > 6, left_out
    assert np.abs(deviations(Schwinger((2, 2), 1.0, 0.3), exact, phi, log_q)).max() > 10


@pytest.mark.stat
def test_holonomies_have_their_density_where_the_charge_is_zero():
    """Kolmogorov and Smirnov at 1e-4, four times; the uniform law is refused where Q = 0."""
    flow = flow_of((4, 4), 2.0, 0.25, 2, towards_zero=(0.5, 1.5))
    links = links_of(flow, flow(base_of(flow, 4000)).phi)
    neutral = charges_of(links) == 0
    assert 0.6 < neutral.mean() < 0.95  # of U(1) 0.56 have this charge
    first, second = np.angle(np.exp(1j * holonomies_of(links))).T

    def share(x, r):
        """Probability below an angle, of the density f(h; r)."""
        return 0.5 + np.arctan((1 + r) / (1 - r) * np.tan(0.5 * x)) / np.pi

    given = np.tanh(LINES[1] + LINES[2] * np.cos(first))
    for angle, r in ((first, np.tanh(LINES[0])), (second, given)):
        assert kstest(share(angle, r)[neutral], "uniform").pvalue > 1e-4
        assert kstest(share(angle, 0.0)[~neutral], "uniform").pvalue > 1e-4
        assert kstest(share(angle, 0.0)[neutral], "uniform").pvalue < 1e-4
    wrong = share(second, np.tanh(LINES[1]))
    assert kstest(wrong[neutral & (np.cos(first) > 0)], "uniform").pvalue < 1e-4


@pytest.mark.unit
def test_scores_are_the_derivatives_of_log_q():
    flow = flow_of((4, 4), 2.0, 0.25, 3)
    scored = flow.scores(base_of(flow, 50))
    names = [(name, k) for name, p in flow.named_parameters() for k in range(len(p))]
    assert scored.scores.shape == (50, len(names))
    for column, (name, place) in enumerate(names):
        parameter, found = getattr(flow, name), []
        for step in (1e-3, -1e-3):
            parameter[place] += step
            found.append(flow.log_q(scored.x))
            parameter[place] -= step
        slope = (found[0] - found[1]) / 2e-3
        accuracy = (
            0.02 if name in ("log_beta", "prior", "screening") else 1e-5
        )  # those are differences
        assert float((slope - scored.scores[:, column]).abs().max()) < accuracy, name
    log_weight = -flow.action.evaluate(scored.x.numpy()) - flow.log_q(scored.x).numpy()
    assert np.abs(scored.log_weight.numpy() - log_weight).max() < 1e-9


@pytest.mark.unit
def test_without_hopping_it_is_the_perfect_sampler_of_u1():
    nothing = {"lines": (0.0, 0.0, 0.0), "screening": 0.0, "towards_zero": (-40.0, -40.0)}
    flow = flow_of((4, 4), 2.0, 0.0, 4, **nothing)
    gauge = build_flow(U1((4, 4), 2.0), DecimationSettings(levels=4))
    z = base_of(flow, 100)
    phi, log_q = flow(z)
    same = gauge(z[:, :-1]).phi.detach().numpy()
    assert np.abs(np.exp(1j * phi.numpy()) - np.exp(1j * same)).max() < 1e-9
    log_weight = -flow.action.evaluate(phi.numpy()) - log_q.numpy()
    assert np.abs(log_weight - flow.action.log_Z).max() < 0.02


@pytest.mark.unit
def test_a_charge_moved_towards_zero_has_one_flux_less():
    flow = flow_of((4, 4), 2.0, 0.25, 2, towards_zero=(40.0, 40.0), screening=0.0)
    z = base_of(flow, 500)
    before = charges_of(links_of(flow, flow.gauge(z[:, :-1]).phi))
    after = charges_of(links_of(flow, flow(z).phi))
    assert (np.abs(before) > 1).any()
    # But for single plaquettes that the flux carries over pi, as of 3 in 1000 fields here.
    assert (after == before - np.sign(before)).mean() > 0.97
    assert np.allclose(unit_flux((4, 4))[::2].reshape(4, 4)[0], -2 * np.pi * np.arange(4) / 16)


@pytest.mark.unit
def test_other_theories_are_refused():
    with pytest.raises(LfmcError, match="needs theory schwinger, not u1"):
        build_flow(U1((4, 4), 2.0), QuenchedSettings())
    with pytest.raises(LfmcError, match="factors of two"):
        build_flow(Schwinger((6, 6), 2.0, 0.2), QuenchedSettings(levels=3))
