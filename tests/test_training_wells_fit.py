"""Claims about the fit of a prior with two wells at the maximum of its likelihood."""

import math
from copy import deepcopy

import numpy as np
import pytest
import torch

from lfmc.config.flow_sections import HeatbathSettings
from lfmc.flows.build import build_flow
from lfmc.flows.heatbath.checkerboard import split
from lfmc.flows.heatbath.mode_prior import ModePrior
from lfmc.flows.heatbath.prior_likelihood import most_likely
from lfmc.flows.modes import modes
from lfmc.theories.phi4 import Phi4
from lfmc.training.prior_fit import PriorFit
from lfmc.training.target import target_fields
from lfmc.training.wells_fit import most_likely_wells

pytestmark = pytest.mark.unit

SOFT = 5  # modes, of the lowest momenta


@pytest.fixture(scope="module")
def near_a_transition():
    """A prior of 8 x 8, and modes of which a few are between the wells, the soft ones four times
    as wide there."""
    found, cells = modes(Phi4((8, 8), -4.0, 4.0), 2), split((8, 8)).kept_cells
    prior = ModePrior(found, cells, two_wells=True).requires_grad_(False)
    random = np.random.default_rng(5)
    m = random.choice([-1, 1], 4096) * random.normal(1, 0.15, 4096)
    m[::40] = random.uniform(-0.8, 0.8, len(m[::40]))
    soft = math.log(4.0) * np.exp(1 - (found.momenta**2).sum(1))[:, None] * (1 - m * m)
    modes_of_p = random.standard_normal((32, 4096)) * np.exp(found.log_width[:, None] + soft)
    modes_of_p[0] = m * math.exp(float(prior.log_sigma[0]))
    return prior, torch.from_numpy(modes_of_p), np.abs(m) < 0.5


def fitted(prior, parameters):
    made = deepcopy(prior)
    made.load_state_dict(parameters)
    return made


@torch.no_grad()
def likelihood(prior, modes_of_p):
    return float(prior.log_density_of_modes(modes_of_p).mean())


def test_the_likelihood_is_at_its_maximum(near_a_transition):
    """It is the same from elsewhere; the negative control, L-BFGS of all parameters, is below."""
    prior, modes_of_p, _ = near_a_transition
    found = fitted(prior, most_likely_wells(prior, modes_of_p))
    elsewhere = fitted(prior, {n: v + 0.1 for n, v in found.state_dict().items()})
    again = fitted(prior, most_likely_wells(elsewhere, modes_of_p))
    assert likelihood(again, modes_of_p) == pytest.approx(likelihood(found, modes_of_p), abs=1e-3)
    others = fitted(prior, most_likely(deepcopy(prior), modes_of_p))
    assert likelihood(others, modes_of_p) < likelihood(found, modes_of_p) - 0.005


def test_fields_between_the_wells_have_their_widths(near_a_transition):
    prior, modes_of_p, between = near_a_transition
    found = fitted(prior, most_likely_wells(prior, modes_of_p))

    def square(one):
        return float(one.normals_of_modes(modes_of_p)[1:SOFT, between].square().mean())

    with torch.no_grad():
        assert square(found) == pytest.approx(1, abs=0.25)
        assert square(prior) > 2  # the negative control: the start


def test_samples_of_one_place_say_little_of_the_widths_elsewhere():
    """All m within 0.03 of the wells: between them widths change by less than a factor of ten."""
    found, cells = modes(Phi4((8, 8), -4.0, 2.0), 2), split((8, 8)).kept_cells
    prior = ModePrior(found, cells, two_wells=True).requires_grad_(False)
    random = np.random.default_rng(6)
    modes_of_p = random.standard_normal((32, 512)) * np.exp(found.log_width[:, None])
    modes_of_p[0] = random.normal(1, 0.01, 512) * math.exp(float(prior.log_sigma[0]))
    made = fitted(prior, most_likely_wells(prior, torch.from_numpy(modes_of_p)))
    with torch.no_grad():
        here, there = (
            made._breathing(torch.full((1, 1), m, dtype=torch.float64), made.small())
            for m in (1.0, 0.0)
        )
    assert float((there - here).abs().max()) < math.log(10)


def test_models_with_two_wells_are_fitted_that_way():
    theory = Phi4((4, 4), -4.0, 2.0)
    flow = build_flow(theory, HeatbathSettings(layers=2, table=128, wells=2))
    fields = target_fields(theory, 512, 1, "A")
    found = PriorFit(flow, fields)(flow.state_dict())
    with torch.no_grad():
        kept = flow.prior.basis.to_modes(flow.prior_field(torch.from_numpy(fields)))
    for name, value in most_likely_wells(flow.prior.requires_grad_(False), kept).items():
        assert torch.allclose(found[f"prior.{name}"], value, atol=1e-6)
