"""Claims about the further functions of the momentum in the prior's widths."""

import numpy as np
import pytest
import torch

from lfmc.config import parse_config, stage_settings
from lfmc.config.flow_sections import HeatbathSettings
from lfmc.flows.base import standard_normal_log_density
from lfmc.flows.heatbath.flow import HeatbathFlow
from lfmc.flows.heatbath.mode_prior import light_masses
from lfmc.flows.heatbath.prior_likelihood import most_likely
from lfmc.flows.heatbath.transfer import transferred
from lfmc.flows.passes import passes
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.unit


def flow(infrared, scatter=0.0, extent=4):
    """Its parameters moved at random from where they start."""
    settings = HeatbathSettings(layers=2, table=128, infrared=infrared)
    made = HeatbathFlow(Phi4((extent, extent), -4.0, 8.0), settings).double()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in made.parameters():
            weight += scatter * torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    return made.requires_grad_(False)


def normals(count, numbers=16):
    generator = torch.Generator().manual_seed(4)
    return torch.randn(count, numbers, generator=generator, dtype=torch.float64)


def test_log_q_is_that_of_the_jacobian():
    made, z = flow(3, 0.1), normals(1)
    phi, log_q = made(z)
    jacobian = torch.autograd.functional.jacobian(lambda at: made(at[None]).phi[0], z[0])
    exact = standard_normal_log_density(z) - torch.linalg.slogdet(jacobian)[1]
    assert torch.allclose(log_q, exact, atol=1e-9, rtol=0)
    assert torch.allclose(made.log_q(phi), log_q, atol=1e-9, rtol=0)


def test_compiled_passes_are_those_of_torch():
    made, z = flow(3, 0.1), normals(8)
    found = passes(made)
    drawn = found.draw(z.numpy())
    for one, other in zip(drawn, made(z), strict=True):
        assert np.allclose(one, other.numpy(), atol=1e-9, rtol=0)
    assert np.allclose(found.log_q(drawn[0]), drawn[1], atol=1e-9, rtol=0)
    reduced = normals(8, made.reduced_sites)
    _, log_weight, scores = made.scores(reduced)
    weights, compiled = found.scores(reduced)
    assert np.allclose(weights, log_weight, atol=1e-9, rtol=0)
    assert np.allclose(compiled.T, scores, atol=1e-8, rtol=1e-8)


def softest(infrared):
    """<z^2> of the eight softest modes but the zero mode, of a free field and the prior's fit.

    64 x 64, a mass of 0.07 in units of that of the variational Gaussian, as for m_p L = 4 on
    128 x 128. 1 if the fit is right, with a statistical error of 0.02.
    """
    prior = flow(infrared, extent=64).prior
    k2 = torch.exp(2 * (prior.log_sigma[0] - prior.log_sigma)) - 1
    width = prior.log_sigma + 0.5 * torch.log((k2 + 1) / (k2 + 0.07**2))
    modes = torch.exp(width)[:, None] * normals(len(k2), 512)
    prior.load_state_dict(most_likely(prior, modes))
    with torch.no_grad():
        z2 = (modes / torch.exp(prior._widths(prior.small()))).square().mean(1)
    return float(z2[torch.argsort(k2)[1:9]].mean())


def test_the_infrared_is_resolved():
    assert softest(4) == pytest.approx(1, abs=0.15)
    assert softest(0) > 1.5  # the negative control: the cosines alone


def test_the_functions_are_those_of_lighter_masses():
    k2 = torch.tensor([0.0, 0.01, 1.0], dtype=torch.float64)
    log_sigma = -0.5 * torch.log(k2 + 1)
    found = light_masses(log_sigma, 2)
    for row, light in zip(found, (0.25, 0.0625), strict=True):
        assert torch.allclose(row, 0.5 * torch.log((k2 + 1) / (k2 + light)))


def test_further_functions_start_from_a_model_without_them():
    source, target = flow(0, 0.1), flow(3)
    z = normals(16)
    assert not torch.allclose(source(z).log_q, target(z).log_q, atol=0.1)
    target.load_state_dict(transferred(source, target))
    assert torch.allclose(source(z).log_q, target(z).log_q, atol=1e-12, rtol=0)


def test_settings_are_as_they_were_without_them():
    raw = {"ensembles": [{"name": "A", "L": 4, "m2": -4.0, "lam": 6.0}]}

    def settings(model):
        config = parse_config(raw | {"flow": {"model": {"kind": "heatbath", **model}}})
        return stage_settings(config, "train", "A")["flow"]["model"]

    assert settings({"infrared": 0}) == settings({})
    assert "infrared" not in settings({})
    assert settings({"infrared": 4})["infrared"] == 4
