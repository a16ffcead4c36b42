"""The default flow on every member of the scalar family, torch and compiled."""

import numpy as np
import pytest
import torch
from flows_disturbed import SETTINGS, disturbed_for, normals
from test_flows_exactness import jacobian_log_det

from lfmc.config.flow_sections import HeatbathSettings
from lfmc.flows.base import standard_normal_log_density
from lfmc.flows.build import build_flow
from lfmc.flows.heatbath.adjoint import scoring
from lfmc.flows.heatbath.arrays import flow_arrays, has_kernels
from lfmc.flows.heatbath.draw import draw, field_log_weight, model_log_weight
from lfmc.flows.heatbath.draw_scores import scored
from lfmc.flows.heatbath.flow import HeatbathFlow
from lfmc.flows.passes import TorchPasses, passes
from lfmc.flows.variational import variational_gaussian
from lfmc.kernels.lanes import LANES
from lfmc.theories.free import Free
from lfmc.theories.phi4_in_field import Phi4InField
from lfmc.theories.sine_gordon import SineGordon

pytestmark = pytest.mark.unit

THEORIES = {
    "sine_gordon": SineGordon((4, 6), beta=1.5, g=0.8, m2=0.5),
    "sine_gordon of many wells": SineGordon((4, 4), beta=3.0, g=2.0, m2=0.05),
    "free": Free((6, 4), m2=0.3),
    "phi4_in_field": Phi4InField((4, 6), m2=-4.0, lam=5.113, J=0.2),
    "phi4_in_field, down": Phi4InField((4, 4), m2=-4.0, lam=5.113, J=-0.05),
}
every_theory = pytest.mark.parametrize("name", THEORIES)


def difference(a, b):
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())


@every_theory
def test_log_q_is_the_density_both_ways(name):
    flow = disturbed_for(THEORIES[name], "heatbath")
    for z in normals(flow, 2):
        expected = float(standard_normal_log_density(z)) - jacobian_log_det(
            lambda y: flow(y).phi, z
        )
        assert float(flow(z[None]).log_q) == pytest.approx(expected, abs=1e-10)
    phi, log_q = flow(normals(flow, 100))
    assert torch.allclose(flow.log_q(phi), log_q, rtol=0, atol=1e-10)


@every_theory
def test_the_reduced_weight_is_that_of_the_full_field_up_to_a_constant(name):
    """The tables of single sites interpolate: their error shows here, never in log q."""
    errors = {}
    for nodes in (24, 256):
        flow = HeatbathFlow(THEORIES[name], HeatbathSettings(layers=2).model_copy(
            update={"table": nodes})).requires_grad_(False)  # fmt: skip
        phi, log_q = flow(normals(flow, 200))
        errors[nodes] = float((flow.log_weight(phi) + flow.action.evaluate(phi) + log_q).std())
    assert errors[256] < 5e-4
    # The quantile of a free site is linear in u and J: any table is exact.
    assert name == "free" or errors[24] > 10 * errors[256]


def scale(values):
    """Of rounding in sums that are in the hundreds, and proportionally above."""
    return max(1.0, float(values.abs().max()) / 100)


@every_theory
def test_kernels_agree_with_the_torch_flow(name):
    flow = disturbed_for(THEORIES[name], "heatbath")
    assert has_kernels(flow)
    z, arrays = normals(flow, 2 * LANES + 3), flow_arrays(flow)
    (ours, density), (phi, log_q) = draw(arrays, z.numpy()), flow(z)
    assert difference(ours, phi) < 1e-12
    assert difference(density, log_q) < 1e-11
    assert difference(draw(arrays, z.numpy()[5:6]).phi, ours[5:6]) == 0
    theirs = flow.log_weight(phi)
    assert difference(field_log_weight(arrays, phi.numpy()), theirs) < 1e-10 * scale(theirs)
    reduced = z[:, : flow.reduced_sites].contiguous()
    x, log_q = flow.reduced(reduced)
    theirs = -flow.reduced_action(x) - log_q
    assert difference(model_log_weight(arrays, reduced.numpy()), theirs) < 1e-11 * scale(theirs)
    flow.requires_grad_(True)
    scores, expected = scored(scoring(flow), reduced.numpy()).scores, flow.scores(reduced).scores.T
    assert difference(scores, expected) < 1e-9 * (1 + float(expected.abs().max()))


@every_theory
def test_another_potential_in_the_kernels_is_caught(name):
    flow = disturbed_for(THEORIES[name], "heatbath")
    phi, good = flow(normals(flow, LANES)).phi, flow_arrays(flow)
    constants = tuple(1.001 * c for c in good.theory.constants)
    wrong = good._replace(theory=good.theory._replace(constants=constants))
    assert difference(field_log_weight(wrong, phi.numpy()), flow.log_weight(phi)) > 1e-4


def test_the_free_field_is_sampled_exactly_from_the_start():
    theory = Free((6, 4), m2=0.3)
    flow = build_flow(theory, HeatbathSettings(layers=2)).requires_grad_(False)
    phi, log_q = draw(flow_arrays(flow), normals(flow, 500).numpy())
    assert float(np.std(-theory.evaluate(phi) - log_q)) < 1e-5
    other = Free((6, 4), m2=0.33)
    assert float(np.std(-other.evaluate(phi) - log_q)) > 0.05


KINDS = ("realnvp+prior", "convolutional", "continuous", "spline", "multiscale")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["sine_gordon", "phi4_in_field, down"])
def test_other_kinds_are_exact_for_other_theories(name, kind):
    """Of the continuous flow, log q is the integral in 30 steps: its error is not rounding."""
    flow, allowed = disturbed_for(THEORIES[name], kind), 2e-5 if kind == "continuous" else 1e-9
    (z,) = normals(flow, 1)
    exact = float(standard_normal_log_density(z)) - jacobian_log_det(lambda y: flow(y).phi, z)
    assert float(flow(z[None]).log_q) == pytest.approx(exact, abs=allowed)
    phi, log_q = flow(normals(flow, 50))
    assert torch.allclose(flow.log_q(phi), log_q, rtol=0, atol=allowed)


@pytest.mark.parametrize("kind", KINDS)
def test_other_kinds_start_at_the_variational_mean(kind):
    theory = THEORIES["phi4_in_field"]
    flow = build_flow(theory, SETTINGS[kind]).requires_grad_(False)
    fields = flow(normals(flow, 4000)).phi
    wanted, error = variational_gaussian(theory), float(fields.mean(1).std()) / 4000**0.5
    assert abs(float(fields.mean()) - wanted.mean) < 4.5 * error  # false-alarm rate 7e-6
    assert wanted.mean > 100 * error
    even = build_flow(THEORIES["sine_gordon"], SETTINGS[kind])
    assert {name for name, _ in flow.named_parameters()} - {
        name for name, _ in even.named_parameters()
    } in ({"mean"}, {"prior.mean"})


def test_compiled_passes_are_those_of_torch_through_one_interface():
    flow = disturbed_for(THEORIES["phi4_in_field"], "heatbath").requires_grad_(True)
    ours, torchs = passes(flow), TorchPasses(flow)
    assert ours.compiled
    assert not torchs.compiled
    assert not passes(disturbed_for(THEORIES["free"], "realnvp+prior")).compiled
    z = normals(flow, LANES)
    reduced = z[:, : flow.reduced_sites].contiguous()
    (phi, log_q), theirs = ours.draw(z.numpy()), torchs.draw(z.numpy())
    assert difference(phi, theirs[0]) < 1e-12
    assert difference(log_q, theirs[1]) < 1e-11
    fields = torch.from_numpy(phi)
    theirs = torchs.field_log_weight(fields)
    assert difference(ours.field_log_weight(fields), theirs) < 1e-10 * scale(theirs)
    found, expected = ours.scores(reduced), torchs.scores(reduced)
    rounding = 1e-11 * scale(expected.log_weight)
    assert difference(found.log_weight, expected.log_weight) < rounding
    assert difference(found.log_weight, ours.model_log_weight(reduced)) < rounding
    assert difference(expected.log_weight, torchs.model_log_weight(reduced)) < rounding
    assert difference(found.scores, expected.scores) < 1e-8
