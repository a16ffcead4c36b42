"""The whole flow chain, from normals to accepted states, against exactly known targets.

The flows are deliberately bad ones (disturbed starts): exactness must not depend on training.
"""

import numpy as np
import pytest
import torch
from exact_targets import quadrature, sigmas

from lfmc.config.flow_sections import (
    ContinuousSettings,
    ConvolutionalSettings,
    HeatbathSettings,
    MultiscaleSettings,
    RealNvpSettings,
    SplineSettings,
)
from lfmc.flows.build import build_flow
from lfmc.lattice import khat2, volume
from lfmc.samplers.independence import independence_chain
from lfmc.theories.phi4 import Phi4
from lfmc.theories.two_point import averages

pytestmark = pytest.mark.stat

REPLICAS = 64
KINDS = {
    "heatbath": HeatbathSettings(layers=2, table=128),
    "realnvp": RealNvpSettings(couplings=4, hidden=(16,)),
    "convolutional": ConvolutionalSettings(couplings=4, channels=(4,)),
    "continuous": ContinuousSettings(features=2, order=1, steps=6),
    "spline": SplineSettings(couplings=3, hidden=(5,), bins=5),
    "multiscale": MultiscaleSettings(rounds=1, channels=(4,)),
}
# Far enough from constant Jacobians.
SIZES = {"heatbath": 0.3, "continuous": 0.4, "multiscale": 0.8}  # others: 0.6
every_flow = pytest.mark.parametrize("kind", KINDS)


def chain(kind, model: Phi4, target: Phi4, steps: int, size: float, broken=None) -> np.ndarray:
    """Fields (REPLICAS, steps, volume) of chains for `target` with a flow built for `model`."""
    torch.manual_seed(2)
    flow = build_flow(model, KINDS[kind]).requires_grad_(False)
    generator = torch.Generator().manual_seed(4)
    for parameter in flow.parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.add_(size * noise)
    z = torch.randn(REPLICAS * steps, flow.sites, generator=generator, dtype=torch.float64)
    phi, log_q = flow(z)
    fields = phi.numpy()
    log_weight = (-target.evaluate(phi) - log_q).numpy()
    if broken == "sign":
        log_weight = -log_weight
    if broken == "jacobian":
        log_weight = (-target.evaluate(phi) + 0.5 * (z * z).sum(1)).numpy()
    random = np.random.default_rng(6)
    walks = []
    for part in np.split(np.arange(REPLICAS * steps), REPLICAS):
        walk = independence_chain(log_weight[part], random.random(steps), steps // 10)
        walks.append(fields[part][np.repeat(walk.proposal, walk.multiplicity)])
    return np.stack(walks)


def moments(fields: np.ndarray, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Per replica: phi2, phi4, E, chi2."""
    found = averages(fields.reshape(-1, volume(shape)), shape)
    values = {name: found[name] for name in ("phi2", "phi4", "E")}
    values["chi2"] = volume(shape) * found["m"] ** 2
    return {k: v.reshape(len(fields), -1).mean(1) for k, v in values.items()}


@every_flow
def test_2x2_lattice_agrees_with_quadrature(kind):
    """4.5 sigma on 4 numbers x 6 flows, 64 replicas: false-alarm rate 8e-4.

    Negative control: lam off by 10 %.
    """
    action = Phi4((2, 2), -4.0, 5.0)
    size = (
        0.03 if kind == "spline" else 0.1
    )  # a bad flow, which still resolves the negative control
    found = moments(chain(kind, action, action, 3000, size), action.shape)
    exact, wrong = quadrature(action), quadrature(Phi4((2, 2), -4.0, 5.5))
    deviation = {k: float(sigmas(v, exact[k])) for k, v in found.items()}
    assert max(deviation.values()) < 4.5, deviation
    assert max(float(sigmas(v, wrong[k])) for k, v in found.items()) > 8


@every_flow
@pytest.mark.parametrize("broken", ["sign", "jacobian"])
def test_broken_acceptance_is_caught(kind, broken):
    """Accepting with the inverse ratio, or without the Jacobian, moves <phi^2> by many errors."""
    action = Phi4((2, 2), -4.0, 5.0)
    size = SIZES.get(kind, 0.6)
    found = moments(chain(kind, action, action, 2000, size, broken), action.shape)
    exact = quadrature(action)
    assert max(float(sigmas(v, exact[k])) for k, v in found.items()) > 8


def test_free_field_has_the_exact_propagator():
    """4.5 sigma on 16 momenta: false-alarm rate 5e-4. Negative control: m2 off by 10 %.

    Only the heat-bath flow can be built for lam = 0 and still be wrong enough to reject.
    """
    action = Phi4((4, 4), 1.0, 0.0)
    fields = chain("heatbath", action, action, 3000, 0.03)
    mode = np.fft.fft2(fields.reshape(REPLICAS, -1, 4, 4))
    power = (abs(mode) ** 2 / 16).mean(1).reshape(REPLICAS, -1)
    assert sigmas(power, 1 / (2 * (khat2((4, 4)) + 1.0))).max() < 4.5
    assert sigmas(power, 1 / (2 * (khat2((4, 4)) + 1.1))).max() > 6


def test_decoupled_sites_from_a_flow_of_another_action():
    """Target without hopping, model with a little; 4.5 sigma on 3 numbers: 5e-5."""
    target = Phi4((2, 4), 0.0, 2.0, 0.0)
    model = Phi4((2, 4), 0.5, 2.0, 0.2)
    found = moments(chain("heatbath", model, target, 3000, 0.02), target.shape)
    x = np.linspace(-4, 4, 4001)
    weight = np.exp(-2 * x**4)
    assert sigmas(found["phi2"], (weight * x**2).sum() / weight.sum()) < 4.5
    assert sigmas(found["phi4"], (weight * x**4).sum() / weight.sum()) < 4.5
    assert sigmas(found["E"], 0.0) < 4.5
