"""log q is the exact density of the map as computed, for every flow, both ways."""

import numpy as np
import pytest
import torch
from flows_disturbed import SETTINGS, disturbed, normals

from lfmc.config import flow_sections
from lfmc.config.flow_sections import (
    ContinuousSettings,
    ConvolutionalSettings,
    HeatbathSettings,
    MultiscaleSettings,
    RealNvpSettings,
    SplineSettings,
)
from lfmc.flows.base import Draw, standard_normal_log_density
from lfmc.flows.build import build_flow
from lfmc.flows.exactness import log_q_error
from lfmc.flows.heatbath.flow import HeatbathFlow
from lfmc.flows.monotone import inverse_tanh_map, strength, tanh_map
from lfmc.lattice import coordinates
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.unit

CASES = [
    ("heatbath", (4, 4), 6.975),
    ("heatbath", (6, 6), 5.113),
    ("heatbath", (4, 6), 9.0),
    ("heatbath", (2, 2), 3.0),
    ("heatbath without rings", (4, 6), 9.0),
    ("heatbath", (4, 2, 4), 14.59),
    ("heatbath", (2, 4, 2, 2), 28.8),
    ("realnvp", (4, 4), 6.975),
    ("realnvp", (2, 4), 6.975),
    ("realnvp", (8,), 6.975),
    ("realnvp", (2, 2, 4), 14.59),
    ("realnvp", (2, 2, 2, 2), 28.8),
    ("realnvp+prior", (4, 6), 6.975),
    ("convolutional", (4, 4), 6.975),
    ("convolutional", (2, 6), 6.975),
    ("convolutional", (8,), 6.975),
    ("convolutional", (4, 2, 4), 14.59),
    ("convolutional leaky", (4, 4), 6.975),
    ("spline", (4, 4), 6.975),
    ("spline", (2, 6), 6.975),
    ("spline", (8,), 6.975),
    ("spline", (4, 2, 4), 14.59),
    ("spline connected", (4, 4), 6.975),
    ("spline connected", (8,), 6.975),
    ("spline connected", (2, 2, 4), 14.59),
    ("spline connected", (2, 2, 2, 2), 28.8),
    ("multiscale", (4, 4), 6.975),
    ("multiscale", (6, 6), 5.113),
    ("multiscale", (8,), 6.975),
    ("multiscale", (4, 2, 4), 14.59),
    ("continuous", (4, 4), 6.975),
    ("continuous", (2, 6), 6.975),
    ("continuous", (8,), 6.975),
    ("continuous", (4, 2, 4), 14.59),
    ("continuous", (2, 2, 2, 2), 28.8),
]

# One for each kind, and for each conditioner of splines, which exist in different dimensions.
KINDS = (
    "heatbath",
    "realnvp",
    "convolutional",
    "spline",
    "spline connected",
    "multiscale",
    "continuous",
)

# Of log q: rounding, or for the continuous flow what 30 steps leave (16 times less than 15 leave).
TOLERANCE = {"continuous": 2e-5}


def test_every_kind_is_checked_in_every_dimension_in_which_it_exists():
    exists = {(name, d) for name in KINDS for d in SETTINGS[name].exists_in()}
    assert {SETTINGS[name].kind for name in KINDS} == {
        kind for kind, settings in flow_sections.KINDS.items() if settings.space == "real"
    }
    assert exists == {(name, len(shape)) for name, shape, _ in CASES if name in KINDS}


def jacobian_log_det(function, at: torch.Tensor) -> float:
    matrix = torch.autograd.functional.jacobian(lambda y: function(y[None])[0], at)
    return float(torch.linalg.slogdet(matrix)[1])


@pytest.mark.parametrize(("kind", "shape", "lam"), CASES)
def test_log_q_is_the_density_by_the_autograd_jacobian(kind, shape, lam):
    flow = disturbed(kind, shape, lam)
    for z in normals(flow, 2):
        expected = float(standard_normal_log_density(z)) - jacobian_log_det(
            lambda y: flow(y).phi, z
        )
        allowed = TOLERANCE.get(kind, 1e-10)
        assert float(flow(z[None]).log_q) == pytest.approx(expected, abs=allowed)


@pytest.mark.parametrize(("kind", "shape", "lam"), CASES)
def test_inverse_gives_the_same_log_q(kind, shape, lam):
    flow = disturbed(kind, shape, lam)
    phi, log_q = flow(normals(flow, 200))
    assert torch.allclose(flow.log_q(phi), log_q, rtol=0, atol=TOLERANCE.get(kind, 1e-10))


@pytest.mark.parametrize(("kind", "shape", "lam"), CASES)
def test_log_weight_is_that_of_the_full_field_up_to_a_constant(kind, shape, lam):
    # The single-site tables interpolate: their error may show here, never in log q.
    flow = disturbed(kind, shape, lam)
    phi, log_q = flow(normals(flow, 100))
    full = -flow.action.evaluate(phi) - log_q
    difference = flow.log_weight(phi) - full
    assert float(difference.std()) < 1e-4


def test_a_missing_jacobian_is_caught():
    class Broken(HeatbathFlow):
        def forward(self, z):
            phi, log_q = super().forward(z)
            x = self.reduced(z[:, : self.kept]).phi
            site = self.site.map(z[:, self.kept :], self.neighbour_sums(x))
            return Draw(phi, log_q + site.ladj.sum(1))

    flow = Broken(Phi4((4, 4), -4.0, 6.975), HeatbathSettings(layers=2, table=128))
    flow.requires_grad_(False)
    z = normals(flow, 1)[0]
    expected = float(standard_normal_log_density(z)) - jacobian_log_det(lambda y: flow(y).phi, z)
    assert abs(float(flow(z[None]).log_q) - expected) > 0.1


@pytest.mark.parametrize(("kind", "shape", "lam"), CASES)
def test_a_sample_does_not_depend_on_its_batch(kind, shape, lam):
    flow = disturbed(kind, shape, lam)
    z = normals(flow, 33)
    together, alone = flow(z), [flow(row[None]) for row in z]
    assert torch.allclose(together.phi, torch.cat([a.phi for a in alone]), rtol=0, atol=1e-12)
    assert torch.allclose(together.log_q, torch.cat([a.log_q for a in alone]), rtol=0, atol=1e-10)
    other = torch.cat([z[:1], 5 * normals(flow, 32, seed=9)])
    assert torch.allclose(flow(other).phi[0], together.phi[0], rtol=0, atol=1e-12)


def images(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Site permutations under which a heat-bath flow on a square lattice is invariant."""
    x, extent = coordinates(shape), np.asarray(shape)

    def sites(y: np.ndarray) -> np.ndarray:
        return np.ravel_multi_index(tuple((y % extent).T), shape)

    centre = np.array([1, 0])  # an odd site: a turn about it keeps both halves
    turned = np.stack([-(x - centre)[:, 1], (x - centre)[:, 0]], 1) + centre
    return {
        "diagonal translation": sites(x + [2, 0]),
        "translation of both halves": sites(x + [1, 1]),
        "reflection": sites(x * [1, -1]),
        "quarter turn": sites(turned),
    }


@pytest.mark.parametrize("kind", ["heatbath", "heatbath without rings"])
@pytest.mark.parametrize("name", sorted(images((6, 6))))
def test_heatbath_flow_has_the_symmetries_of_the_lattice(name, kind):
    flow = disturbed(kind, (6, 6), 5.113)
    phi = flow(normals(flow, 20)).phi
    image = phi[:, torch.tensor(images((6, 6))[name])]
    same = torch.allclose(flow.log_q(image), flow.log_q(phi), rtol=0, atol=1e-9)
    # Layers that differ break the exchange of the halves, ring maps that of the axes.
    broken = {"translation of both halves", *(["quarter turn"] if kind == "heatbath" else [])}
    assert same == (name not in broken)


@pytest.mark.parametrize("name", sorted(images((6, 6))))
def test_convolutional_flow_keeps_translations_of_the_colours(name):
    """Nothing keeps its kernels from breaking reflections and turns."""
    flow = disturbed("convolutional", (6, 6), 5.113)
    phi = flow(normals(flow, 20)).phi
    image = phi[:, torch.tensor(images((6, 6))[name])]
    same = torch.allclose(flow.log_q(image), flow.log_q(phi), rtol=0, atol=1e-9)
    assert same == ("translation" in name)


def test_convolutional_weights_apply_to_any_lattice():
    """The same weights on 12 x 12: fields of period 6 are mapped to the same fields, repeated."""
    small, large = (disturbed("convolutional", shape, 5.113) for shape in ((6, 6), (12, 12)))
    large.load_state_dict(small.state_dict())
    x = 0.5 * torch.randn(3, 6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    tiled = x.repeat(1, 2, 2).reshape(3, -1)
    for coarse, fine in zip(small.couplings, large.couplings, strict=True):
        frozen, wide = coarse.features.frozen, fine.features.frozen
        value, ladj = coarse(x.reshape(3, -1)[:, frozen], x.reshape(3, -1)[:, coarse.moved])
        again = fine(tiled[:, wide], tiled[:, fine.moved])
        field = torch.zeros(3, 36, dtype=torch.float64)
        field[:, coarse.moved] = value
        expected = field.reshape(3, 6, 6).repeat(1, 2, 2).reshape(3, -1)[:, fine.moved]
        assert torch.allclose(again.value, expected, rtol=0, atol=1e-12)
        assert torch.allclose(again.ladj.sum(1), 4 * ladj.sum(1), rtol=0, atol=1e-10)


def test_continuous_flow_has_every_symmetry_of_the_lattice():
    flow = disturbed("continuous", (6, 6), 5.113)
    phi = flow(normals(flow, 20)).phi
    maps = images((6, 6))
    maps["translation by one site"] = np.roll(np.arange(36).reshape(6, 6), 1, 0).ravel()
    for name, sites in maps.items():
        same = torch.allclose(flow.log_q(phi[:, sites]), flow.log_q(phi), rtol=0, atol=1e-9)
        assert same, name


def test_error_of_a_continuous_flow_falls_with_the_fourth_power_of_its_steps():
    torch.manual_seed(0)
    coarse, fine = (disturbed("continuous", (4, 4), 6.975) for _ in range(2))
    errors = []
    for steps in (10, 20):
        flow = build_flow(coarse.action, ContinuousSettings(features=3, order=2, steps=steps))
        flow.load_state_dict(fine.state_dict())
        errors.append(log_q_error(flow.requires_grad_(False), samples=8))
    assert 8 < errors[0] / errors[1] < 40
    assert errors[1] > 1e-9  # it is not the log-determinant of the discretised map


def test_measured_error_of_couplings_is_rounding_and_a_wrong_one_is_seen():
    flow = disturbed("convolutional", (4, 4), 6.975)
    assert log_q_error(flow, samples=3) < 1e-12

    class Broken(type(flow)):
        def forward(self, z):
            phi, log_q = super().forward(z)
            return Draw(phi, log_q + 1e-3)

    flow.__class__ = Broken
    assert log_q_error(flow, samples=3) == pytest.approx(1e-3, rel=1e-6)
    assert log_q_error(build_flow(Phi4((34, 34), -4.0, 5.0), SETTINGS["realnvp"])) is None


@pytest.mark.parametrize("kind", ["heatbath", "convolutional", "continuous", "multiscale"])
def test_flow_is_odd(kind):
    flow = disturbed(kind, (6, 6), 5.113)
    z = normals(flow, 20)
    plus, minus = flow(z), flow(-z)
    assert torch.allclose(plus.phi, -minus.phi, rtol=0, atol=1e-12)
    assert torch.allclose(plus.log_q, minus.log_q, rtol=0, atol=1e-10)


def test_training_view_and_proposals_see_the_same_reduced_density():
    flow = disturbed("heatbath", (6, 6), 5.113)
    x, log_q = flow.reduced(normals(flow, 50)[:, : flow.reduced_sites])
    assert torch.allclose(flow.reduced_log_q(x), log_q, rtol=0, atol=1e-10)


@pytest.mark.parametrize("raw", [-6.0, -1.0, 0.0, 0.7, 4.0])
def test_tanh_map_is_inverted_to_rounding(raw):
    alpha, beta = strength(torch.tensor(raw, dtype=torch.float64)), torch.tensor(2.7)
    y = torch.linspace(-30, 30, 4001, dtype=torch.float64)
    back = inverse_tanh_map(tanh_map(y, alpha, beta.double()).value, alpha, beta.double())
    assert torch.allclose(back, y, rtol=0, atol=1e-12)
    # Logarithms and an exponential of numbers up to 2, each good to 4 units in the last place.
    assert float(strength(torch.zeros((), dtype=torch.float64))) == pytest.approx(0, abs=5e-15)


FREE = {
    "heatbath": HeatbathSettings(layers=2, table=256),
    "realnvp": RealNvpSettings(prior="variational"),
    "convolutional": ConvolutionalSettings(),
    "continuous": ContinuousSettings(),
    "spline": SplineSettings(),
    "multiscale": MultiscaleSettings(),
}


@pytest.mark.parametrize("kind", FREE)
@pytest.mark.parametrize("shape", [(6, 6), (4, 2, 6)])
def test_free_field_is_sampled_exactly_from_the_start(kind, shape):
    # lam = 0: the variational Gaussian and the Gaussian heat bath are the target itself.
    flow = build_flow(Phi4(shape, 0.7, 0.0), FREE[kind])
    phi, log_q = flow.requires_grad_(False)(normals(flow, 500))
    log_weight = -flow.action.evaluate(phi) - log_q
    assert float(log_weight.std()) < 1e-5
