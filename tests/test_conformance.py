"""`lfmc conformance`: lfmc's own theories and flows pass it, broken ones do not.

Statistical checks have 5 sigma each and fixed seeds: 30 of them per theory raise a false alarm
once in 5e4 seeds.
"""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from click.testing import CliRunner

import lfmc
from lfmc.cli.conformance import conformance as command
from lfmc.config.kinds import theory_class, theory_kinds
from lfmc.conformance.chains import chain_checks
from lfmc.conformance.check import Check, table
from lfmc.conformance.exact import exact_averages
from lfmc.conformance.flow import flow_checks
from lfmc.conformance.kernels import kernel_checks
from lfmc.conformance.run import conformance
from lfmc.conformance.theory import action_checks
from lfmc.errors import LfmcError
from lfmc.flows.build import build_flow
from lfmc.theories.free import Free
from lfmc.theories.phi4 import Phi4
from lfmc.theories.phi4_in_field import Phi4InField
from lfmc.theories.sine_gordon import SineGordon

pytestmark = pytest.mark.unit


SCALAR = [kind for kind in theory_kinds() if issubclass(theory_class(kind), lfmc.Scalar)]


def failed(checks):
    return [check.name for check in checks if not check.passed]


@pytest.mark.parametrize("kind", SCALAR)
def test_every_theory_conforms(kind):
    checks = list(conformance(kind, {}))
    assert len(checks) > 50
    assert failed(checks) == []


@pytest.mark.parametrize(
    "kind", ["heatbath", "realnvp", "convolutional", "continuous", "multiscale"]
)
def test_every_flow_conforms(kind):
    checks = list(conformance(kind, {}))
    assert len(checks) == 9
    assert failed(checks) == []


@dataclass(frozen=True)
class WrongSlope(SineGordon):
    kind: ClassVar[str] = "wrong_slope"

    @staticmethod
    def slope(phi, a, g, beta):
        return SineGordon.slope(phi, a, g, beta) + 0.01 * phi


@dataclass(frozen=True)
class NotEven(Phi4InField):
    kind: ClassVar[str] = "not_even"
    even: ClassVar[bool] = True


def test_a_wrong_slope_is_caught():
    found = failed(action_checks(WrongSlope((4, 6), 1.5, 0.8, 0.5), 1))
    assert found == ["gradient, finite differences on 4x6"]


def test_a_symmetry_that_does_not_hold_is_caught():
    theory = NotEven((4, 6), -4.0, 6.0, 0.1)
    assert failed(action_checks(theory, 1)) == ["phi -> -phi on 4x6"]
    assert "cluster: m on 2x2" in failed(chain_checks(NotEven((2, 2), -4.0, 6.0, 0.1), 1))


def test_kernels_of_another_theory_are_caught(monkeypatch):
    theory = SineGordon((4, 4), 1.5, 0.8, 0.5)
    other = SineGordon((4, 4), 1.5, 0.81, 0.5).couplings()
    monkeypatch.setattr(SineGordon, "couplings", lambda self: other)
    assert {"kernel slope", "kernel measure: U"} <= set(failed(kernel_checks(theory, 1)))


def test_a_flow_with_a_wrong_density_is_caught():
    theory = Phi4((2, 2), -4.0, 6.008)

    def flow(error):
        from lfmc.config.flow_sections import RealNvpSettings

        settings = RealNvpSettings(hidden=(8,), prior="variational")
        made = build_flow(theory, settings).requires_grad_(False)
        forward = made.forward

        def wrong(z):
            draw = forward(z)
            return draw._replace(log_q=draw.log_q + error)

        made.forward = wrong
        return made

    right = failed(flow_checks(flow(0.0), flow(0.0), theory))
    assert right == []
    found = failed(flow_checks(flow(0.1), flow(0.1), theory))
    assert "log q, automatic Jacobian at its start" in found
    assert "log q of given fields at its start" in found
    assert "<exp(-S - log q)> = Z on 2x2" in found


def test_exact_values_of_the_free_field():
    free = exact_averages(Free((2, 2), 0.25))
    assert free["chi2"] == pytest.approx(1 / (2 * 0.25), abs=1e-6)
    assert free["phi2"] == pytest.approx((2 + 2 / 8.5 + 1 / 16.5) / 4, abs=1e-6)
    # log Z of a Gaussian: 1/2 sum_k log(pi / (khat^2 + m2)), khat^2 = 0, 4, 4, 8
    exact = 0.5 * sum(torch.log(torch.tensor(torch.pi / (k + 0.25))) for k in (0.0, 4.0, 4.0, 8.0))
    assert free["log_Z"] == pytest.approx(float(exact), abs=1e-5)


def test_the_table_gives_a_verdict_per_line():
    lines = table([Check("one", 1e-12, 1e-9), Check("two", float("nan"), 1.0)]).splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "FAILED"]


def test_the_command_ends_with_its_verdict():
    done = CliRunner().invoke(command, ["realnvp", "--set", "hidden=[8, 8]"])
    assert done.exit_code == 0
    assert done.output.splitlines()[-1] == "realnvp conforms: 9 checks passed"
    with pytest.raises(LfmcError, match="expected NAME=VALUE"):
        CliRunner().invoke(command, ["free", "--set", "m2"], catch_exceptions=False)
    with pytest.raises(LfmcError, match="m2: must be greater than 0"):
        CliRunner().invoke(command, ["free", "--set", "m2=-1"], catch_exceptions=False)
    with pytest.raises(LfmcError, match="nothing"):
        CliRunner().invoke(command, ["nothing"], catch_exceptions=False)
