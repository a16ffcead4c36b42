"""Path gradients: d log q / dx by finite differences, zero at the optimum, right in the mean."""

from copy import deepcopy

import pytest
import torch
from flows_small import small

from lfmc.config.flow_sections import (
    KINDS,
    ContinuousSettings,
    ConvolutionalSettings,
    HeatbathSettings,
    MultiscaleSettings,
    RealNvpSettings,
    SplineSettings,
)
from lfmc.errors import LfmcError
from lfmc.flows import alternating, multiscale
from lfmc.flows.base import Flow
from lfmc.flows.build import build_flow
from lfmc.flows.density_gradient import Carried, gradient_at
from lfmc.flows.heatbath.flow import HeatbathFlow
from lfmc.theories.phi4 import Phi4
from lfmc.training.gradient import ESTIMATORS, path, reparametrised
from lfmc.training.train import Trainer

SETTINGS = {
    "heatbath": HeatbathSettings(layers=3, table=256),
    "realnvp": RealNvpSettings(couplings=3, hidden=(12,), prior="variational"),
    "convolutional": ConvolutionalSettings(couplings=4, channels=(3,)),
    "continuous": ContinuousSettings(features=2, order=1, steps=20),
    "spline": SplineSettings(couplings=3, hidden=(5,), bins=5),
    "multiscale": MultiscaleSettings(rounds=1, channels=(3,)),
}
CARRYING = [kind for kind in SETTINGS if kind not in ("continuous", "heatbath")]
SHAPES = [(4, 4), (2, 6), (4, 2, 4)]


def built(kind: str, shape: tuple[int, ...], m2: float, lam: float, size: float = 0.0) -> Flow:
    """A flow away from its start by `size`, in float64."""
    torch.manual_seed(5)
    flow = build_flow(Phi4(shape, m2, lam), SETTINGS[kind])
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(size * torch.randn_like(parameter))
    return flow


def normals(flow: Flow, count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, flow.reduced_sites, generator=generator, dtype=torch.float64)


def gradient(flow: Flow, estimate, z: torch.Tensor) -> torch.Tensor:
    """Of all parameters, one vector."""
    flow.zero_grad()
    estimate(flow, z)
    parts = [p.grad if p.grad is not None else torch.zeros_like(p) for p in flow.parameters()]
    return torch.cat([part.flatten() for part in parts])


@pytest.mark.unit
def test_every_kind_is_here():
    # The others have no map in torch.
    elsewhere = {"decimation", "quenched", "hierarchy", "sphere_couplings"}
    assert set(SETTINGS) | elsewhere == set(KINDS)


@pytest.mark.unit
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", SETTINGS)
def test_gradient_of_log_q_is_its_finite_difference(kind, shape):
    flow = built(kind, shape, -2.0 * len(shape), 6.975, 0.1)
    z = normals(flow, 20)
    x, log_q, found = flow.with_gradient(z)
    plain = flow.reduced(z)
    # The same formulas in other operations, which libraries may round in other ways: some hundred
    # operations on numbers of order one, sums of about a hundred terms in log q.
    assert torch.allclose(x, plain.phi, rtol=0, atol=1e-12)
    assert torch.allclose(log_q, plain.log_q, rtol=0, atol=1e-11)
    direction = normals(flow, 20, seed=1)
    step = 1e-5
    with torch.no_grad():
        above = flow.reduced_log_q(x + step * direction)
        below = flow.reduced_log_q(x - step * direction)
    expected = (above - below) / (2 * step)
    assert torch.allclose((found * direction).sum(1), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.unit
@pytest.mark.parametrize("kind", SETTINGS)
def test_every_sample_of_a_free_field_has_no_path_gradient(kind):
    """lam = 0: the start is the target itself. Negative control: a mass 5 % off."""
    flow = built(kind, (4, 4), 0.7, 0.0)
    for row in normals(flow, 4):
        assert float(gradient(flow, path, row[None]).norm()) < 1e-4
        assert float(gradient(flow, reparametrised, row[None]).norm()) > 0.1
    flow.action = Phi4((4, 4), 0.735, 0.0)
    assert float(gradient(flow, path, normals(flow, 1)).norm()) > 1e-3


@pytest.mark.unit
@pytest.mark.parametrize("kind", ["realnvp", "convolutional", "spline"])
def test_a_flow_compared_with_itself_has_no_path_gradient(kind):
    """Far from its start, the action being -log q of a copy. Negative control: another copy."""
    flow = built(kind, (4, 4), -4.0, 6.975, 0.3)
    copy = deepcopy(flow)
    flow.reduced_action = lambda x: -copy.reduced_log_q(x)
    z = normals(flow, 50)
    same = gradient(flow, path, z).norm()
    kept = gradient(flow, reparametrised, z).norm()
    with torch.no_grad():
        for parameter in copy.parameters():
            parameter.mul_(1.01)
    assert float(same) < 1e-10 * float(kept)
    assert float(gradient(flow, path, z).norm()) > 1e-4 * float(kept)


def largest_deviation(flow: Flow) -> float:
    """Of the two estimators' means over batches, in standard errors, over all parameters."""
    rows = []
    for seed in range(200):
        z = normals(flow, 32, seed)
        rows.append(gradient(flow, path, z) - gradient(flow, reparametrised, z))
    difference = torch.stack(rows)
    error = difference.std(0) / len(rows) ** 0.5
    moving = error > 1e-12
    return float((difference.mean(0).abs() / error)[moving].max())


class Forgetful(Carried):
    """Forgets that the frozen half drives the moved one."""

    def through(self, coupling, frozen, moved, at_frozen, at_moved):
        before = self.gradient[:, at_frozen].clone()
        mapped = super().through(coupling, frozen, moved, at_frozen, at_moved)
        self.gradient[:, at_frozen] = before
        return mapped


@pytest.mark.stat
@pytest.mark.parametrize("kind", SETTINGS)
def test_both_estimators_have_the_same_mean(kind, monkeypatch):
    """5.8 sigma of 200 batches on some 3000 parameters of six flows: false-alarm rate 1e-4.

    Negative controls: a gradient without the conditioners, and one without determinants.
    """
    flow = built(kind, (4, 4), -4.0, 9.0, 0.1)
    assert largest_deviation(flow) < 5.8
    if kind in CARRYING:
        for module in (alternating, multiscale):
            monkeypatch.setattr(module, "Carried", Forgetful)
        assert largest_deviation(flow) > 8
    if kind == "heatbath":
        whole = HeatbathFlow._pull
        monkeypatch.setattr(
            HeatbathFlow, "_pull", lambda *given, **named: (whole(*given, **named)[0], 0.0)
        )
        assert largest_deviation(flow) > 8


@pytest.mark.unit
def test_inverses_that_seek_no_roots_agree_with_the_carried_gradient():
    """What `Flow.with_gradient` does for a flow that carries nothing."""
    flow = built("spline", (4, 4), -4.0, 6.975, 0.3)
    z = normals(flow, 20)
    carried, inverted = flow.with_gradient(z), Flow.with_gradient(flow, z)
    assert torch.allclose(carried.gradient, inverted.gradient, rtol=0, atol=1e-9)


@pytest.mark.unit
def test_both_report_the_same_loss_and_leave_no_graph():
    flow = built("convolutional", (4, 4), -4.0, 6.975, 0.1)
    z = normals(flow, 30)
    losses = [estimate(flow, z) for estimate in ESTIMATORS.values()]
    assert float(losses[0]) == pytest.approx(float(losses[1]), abs=1e-12)
    assert not any(loss.requires_grad for loss in losses)
    value, slope = gradient_at(flow.reduced_action, flow.reduced(z).phi)
    assert not value.requires_grad
    assert torch.allclose(slope, flow.action.gradient(flow.reduced(z).phi.detach()))


def training(**settings):
    model = {"kind": "convolutional", "couplings": 4}
    sizes = {"batch": 256, "check_samples": 1024, "decide_samples": 2048, "max_steps": 3000}
    return small(flow={"model": model, "targets": [0.5], "training": {**sizes, **settings}})


@pytest.mark.unit
def test_training_by_path_gradients_reaches_half_and_resumes_to_the_same_bits(tmp_path):
    config, calls = training(gradient="path"), []

    def once() -> bool:
        calls.append(0)
        return len(calls) == 8

    def run(folder, stop):
        return Trainer(config, config.ensembles[0], folder).run(lambda state: None, stop)

    whole = run(tmp_path / "whole", lambda: False).state
    assert not run(tmp_path / "parts", once).finished
    parts = run(tmp_path / "parts", lambda: False).state
    assert whole.passed[0]["acceptance_p"] >= 0.5
    for name, value in whole.passed[0]["weights"].items():
        assert torch.equal(value, parts.passed[0]["weights"][name])


@pytest.mark.unit
def test_the_estimator_is_a_setting_of_adam_only():
    assert training(gradient="path").flow.gradient == "path"
    assert training().flow.gradient == "reparametrised"
    network = {"kind": "realnvp", "prior": "variational"}
    assert small(flow={"model": network}).flow.gradient == "path"
    with pytest.raises(LfmcError, match=r"training.gradient .* optimiser: adam"):
        small(flow={"model": {"kind": "heatbath"}, "training": {"gradient": "path"}})
    with pytest.raises(LfmcError, match="'path' or 'reparametrised'"):
        training(gradient="score")
