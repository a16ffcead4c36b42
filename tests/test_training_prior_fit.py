"""Claims about the fit of the prior: chains of models at low targets have no long tails."""

import numpy as np
import pytest
import torch
from scipy.special import erfcinv

import lfmc
from lfmc.config import Config, stage_settings
from lfmc.flows.heatbath import prior_likelihood
from lfmc.flows.passes import passes
from lfmc.theories.phi4 import Phi4
from lfmc.training.acceptance import acceptance_from_model
from lfmc.training.optimiser import parameters_of
from lfmc.training.prior_fit import PriorFit
from lfmc.training.target import target_fields
from lfmc.training.trail import worth_deciding, worth_fitting
from lfmc.weights import leaving_probability

THEORY = Phi4((6, 6), m2=-4.0, lam=6.975)
PROPOSALS = 2**17


def model(**settings):
    return lfmc.train(THEORY, 0.5, seed=1904, progress=False, **settings)


@pytest.fixture(scope="module")
def fitted():
    return model()


@pytest.fixture(scope="module")
def unfitted():
    return model(fit_prior=False)


def tau_of_slow(flow):
    """(E[m^4 (1/a - 1/2)] / E[m^4] of centred m^2, what the acceptance implies for Gaussian log w).

    The chain stays in a field for 1/a(w) updates, so the first number is tau_int of m^2 but for the
    correlations of fields that it returns to, none for independent proposals.
    """
    z = np.random.default_rng(5).standard_normal((PROPOSALS, flow.sites))
    phi, log_q = passes(flow).draw(z)
    log_weight = -THEORY.evaluate(phi) - log_q
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    m2 = phi.mean(1) ** 2
    square = (m2 - weight @ m2) ** 2 * weight
    stay = 1 / leaving_probability(log_weight, np.sort(log_weight)) - 0.5
    acceptance = acceptance_from_model(log_weight).value
    width = 2 * erfcinv(acceptance)
    normals = np.random.default_rng(6).standard_normal((2, PROPOSALS))
    of_q = np.sort(width * normals[0] - width**2 / 2)
    implied = 1 / leaving_probability(width * normals[1] + width**2 / 2, of_q) - 0.5
    return square @ stay / square.sum(), implied.mean()


@pytest.mark.stat
def test_chains_of_a_fitted_prior_move_as_their_acceptance_implies(fitted, unfitted):
    """Within a factor of 1.5. Eight sets of proposals gave 1.14 with a scatter of 0.06, six of
    which are missing to the limit; without the fit, the negative control, 3.3 with 0.4."""
    found, implied = tau_of_slow(fitted.flow)
    assert found < 1.5 * implied
    found, implied = tau_of_slow(unfitted.flow)
    assert found > 1.5 * implied


@pytest.mark.unit
def test_models_are_at_their_target_with_and_without_fit(fitted, unfitted):
    for one in (fitted, unfitted):
        assert one.reached
        assert 0.5 < one.acceptance.value < 0.53
    assert fitted.history[-1]["acceptance_fitted"] > fitted.history[-1]["acceptance_q"]
    assert "acceptance_fitted" not in unfitted.history[-1]


@pytest.mark.unit
def test_a_fit_raises_the_likelihood_and_moves_the_prior_alone(unfitted):
    fields = target_fields(THEORY, 2048, 3, "other", "prior")
    before = parameters_of(unfitted.flow)
    after = PriorFit(unfitted.flow, fields)(before)
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert moved == {name for name in before if name.startswith("prior.")}
    flow = unfitted.flow
    likelihood = [flow.log_q(torch.from_numpy(fields)).mean()]
    flow.load_state_dict(after)
    likelihood.append(flow.log_q(torch.from_numpy(fields)).mean())
    flow.load_state_dict(before)
    assert likelihood[1] > likelihood[0] + 0.05
    assert all(torch.equal(v, before[name]) for name, v in parameters_of(unfitted.flow).items())


@pytest.mark.unit
def test_a_fit_in_parts_is_the_same_to_rounding(unfitted, monkeypatch):
    fit = PriorFit(unfitted.flow, target_fields(THEORY, 500, 3, "other", "prior"))
    before = parameters_of(unfitted.flow)
    whole = fit(before)
    each = 64 * unfitted.flow.kept  # the last part has 52
    monkeypatch.setattr(prior_likelihood, "NUMBERS", each)
    for name, value in fit(before).items():
        assert torch.allclose(value, whole[name], rtol=0, atol=1e-6), name


@pytest.mark.unit
def test_compiled_and_torch_fields_of_the_prior_agree(unfitted):
    fields = torch.from_numpy(target_fields(THEORY, 128, 3, "other", "prior"))
    fit = PriorFit(unfitted.flow, fields.numpy())
    compiled = fit._prior_field()
    with torch.no_grad():
        by_torch = fit.flow.prior_field(fields)
    assert torch.allclose(compiled, by_torch, rtol=0, atol=1e-9)


@pytest.mark.unit
def test_parameters_that_cannot_be_fitted_are_returned(unfitted):
    before = parameters_of(unfitted.flow)
    broken = before | {"prior.log_width": torch.full_like(before["prior.log_width"], torch.nan)}
    after = PriorFit(unfitted.flow, target_fields(THEORY, 64, 3, "other", "prior"))(broken)
    assert all(torch.equal(v, broken[n]) for n, v in after.items() if n != "prior.log_width")
    assert torch.isnan(after["prior.log_width"]).all()


@pytest.mark.unit
def test_the_fit_does_not_depend_on_the_configured_targets():
    row = {"acceptance_q": 0.4, "acceptance_q_error": 0.01, "acceptance_fitted": 0.6}
    assert worth_deciding(row, 0.6)
    assert not worth_deciding(row, 0.7)
    assert not worth_deciding(row, 0.9)  # above all targets with a fit
    assert worth_fitting([row], 0.5)
    assert not worth_fitting([row], 0.05)
    assert not worth_fitting([row | {"acceptance_fitted": 0.95}], 0.5)


@pytest.mark.unit
@pytest.mark.parametrize(
    "flow", [{"training": {"fit_prior": False}}, {"model": {"kind": "spline"}}]
)
def test_runs_without_a_fit_have_the_settings_that_they_had(flow):
    raw = {"ensembles": [{"name": "A", "L": 4, "d": 2, "m2": -4.0, "lam": 6.975}], "flow": flow}
    settings = stage_settings(Config.model_validate(raw), "train", "A")
    assert "fit_prior" not in settings["flow"]["training"]
    settings = stage_settings(Config.model_validate(raw | {"flow": {}}), "train", "A")
    assert settings["flow"]["training"]["fit_prior"] is True
