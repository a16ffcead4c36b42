"""Conformance of angles, links and unit vectors: lfmc's own pass it, broken ones do not.

Statistical checks have 5 sigma each and fixed seeds: 60 of them per theory raise a false alarm
once in 3e4 seeds.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

import lfmc
from lfmc.config.kinds import theory_class, theory_kinds
from lfmc.conformance import flow, samplers
from lfmc.conformance.compact import action_checks
from lfmc.conformance.flow import flow_checks
from lfmc.conformance.run import conformance
from lfmc.conformance.samplers import sampler_checks
from lfmc.flows.build import build_flow
from lfmc.theories.spheres import THEORY as Spheres
from lfmc.theories.u1 import THEORY as U1

pytestmark = pytest.mark.unit

KINDS = [kind for kind in theory_kinds() if not issubclass(theory_class(kind), lfmc.Scalar)]


def failed(checks):
    return [check.name for check in checks if not check.passed]


@pytest.mark.parametrize("kind", KINDS)
def test_every_theory_conforms(kind):
    checks = list(conformance(kind, {}))
    assert len(checks) > 25
    assert failed(checks) == []


def test_ising_spins_conform():
    """Their gradient is not checked, since signs have no tangent; a ring is exact."""
    checks = list(conformance("spheres", {"N": 1, "beta": 0.4}))
    assert not any("gradient" in check.name for check in checks)
    assert "wolff: chi on 4" in {check.name for check in checks}
    assert failed(checks) == []


@pytest.mark.parametrize("kind", ["decimation", "quenched", "hierarchy", "sphere_couplings"])
def test_every_flow_conforms(kind, monkeypatch):
    if kind in ("quenched", "sphere_couplings"):  # their draws cost ten times as much
        monkeypatch.setattr(flow, "DRAWS", 40_000)
    checks = list(conformance(kind, {}))
    assert len(checks) >= 7
    assert failed(checks) == []


@dataclass(frozen=True)
class WrongStaple(U1):
    kind: ClassVar[str] = "wrong_staple"

    def gradient(self, phi):
        return -super().gradient(phi)


@dataclass(frozen=True)
class OneLinkOff(Spheres):
    kind: ClassVar[str] = "one_link_off"

    def evaluate(self, phi):
        return super().evaluate(phi) - 0.01 * phi[..., 0]


def test_a_gradient_of_the_wrong_sign_is_caught():
    assert failed(action_checks(WrongStaple((4, 4), 2.0), 1)) == [
        "gradient, finite differences on 4x4"
    ]


def test_a_lost_translation_is_caught():
    found = failed(action_checks(OneLinkOff((4, 6), 3, 1.0), 1))
    assert {"translation along axis 0 on 4x6", "translation along axis 1 on 4x6"} <= set(found)


def test_scalars_of_another_theory_are_caught(monkeypatch):
    other = Spheres((4, 4), 1, 0.6).couplings()
    monkeypatch.setattr(Spheres, "couplings", lambda self: other)
    theory = Spheres((4, 4), 1, 0.5)
    assert "kernel measure: force2 on 4x4" in failed(action_checks(theory, 1))


@pytest.mark.parametrize("theory", [U1((4, 4), 2.0), Spheres((4, 4), 3, 1.0)])
def test_a_sampler_of_another_coupling_is_caught(monkeypatch, theory):
    right = samplers._sampled

    def wrong(theory, sampler, seed):
        of_it = replace(theory, beta=1.05 * theory.beta) if sampler == "heatbath" else theory
        return right(of_it, sampler, seed)

    monkeypatch.setattr(samplers, "_sampled", wrong)
    found = failed(sampler_checks(theory, 1))
    assert "heatbath: sd on 4x4" in found
    assert all("heatbath" in name for name in found)
    assert any(" and " in name for name in found)


@pytest.mark.parametrize("kind", ["decimation", "hierarchy"])
def test_a_flow_with_a_wrong_density_is_caught(kind):
    """A factor that depends on the parameters passes every check but the normalisation."""
    from lfmc.config.problems import validated
    from lfmc.config.training_sections import FlowSettings
    from lfmc.conformance.flow import disturb

    settings = validated(FlowSettings, {"model": {"kind": kind}}, kind).model
    theory = U1((4, 4), 2.0) if kind == "decimation" else Spheres((4, 4), 3, 1.0)

    def flow(change):
        made = build_flow(theory, settings).requires_grad_(False)
        forward, density = made.forward, made.log_q
        made.forward = lambda z: (draw := forward(z))._replace(log_q=draw.log_q + change)
        made.log_q = lambda phi: density(phi) + change
        return made

    assert failed(flow_checks(flow(0.0), disturb(flow(0.0)), theory)) == []
    found = failed(flow_checks(flow(0.0), disturb(flow(0.1)), theory))
    assert found == ["Z of the flow at its start and with other parameters"]
