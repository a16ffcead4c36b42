"""Claims about the map of the zero mode to two wells."""

import numpy as np
import pytest
import torch

from lfmc.config import parse_config, stage_settings
from lfmc.config.flow_sections import HeatbathSettings
from lfmc.errors import LfmcError
from lfmc.flows.build import build_flow
from lfmc.flows.heatbath.wells import SHARPNESS, Wells, inverse_wells_map, wells_map
from lfmc.flows.variational import gaussian_of_one_well
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.unit


def wells(width, place, sharpness=SHARPNESS):
    return Wells(*(torch.tensor([v], dtype=torch.float64) for v in (width, place, sharpness)))


@pytest.mark.parametrize(
    ("width", "place", "sharpness"),
    [(1.0, 0.0, 2.4), (0.7, 0.9, 1.5), (0.05, 1.0, 2.4), (0.01, 1.0, 3.0), (1.1, -0.6, 2.0)],
)
def test_the_map_is_its_inverse_and_its_derivative_both_ways(width, place, sharpness):
    """Up to a barrier of exp(300)."""
    numbers = wells(width, place, sharpness)
    z = torch.tensor(
        [-6.0, -1.0, -0.03, -1e-6, 1e-6, 0.2, 2.0, 9.0], dtype=torch.float64, requires_grad=True
    )
    m, ladj = wells_map(z, numbers)
    (slope,) = torch.autograd.grad(m.sum(), z)
    assert torch.allclose(ladj, torch.log(slope), atol=1e-9, rtol=0)
    assert torch.allclose(m, -wells_map(-z, numbers).value, atol=0, rtol=0)
    again, back = inverse_wells_map(m.detach(), numbers)
    assert torch.allclose(again, z, atol=1e-12, rtol=1e-9)
    assert torch.allclose(back, ladj, atol=1e-9, rtol=0)


def divergence(p, x, numbers):
    """KL(p || q) and the acceptance of independence Metropolis, q of the map, p on a grid x."""
    z, ladj = inverse_wells_map(torch.from_numpy(x), numbers)
    q = np.exp((-0.5 * z * z - ladj).numpy()) / np.sqrt(2 * np.pi)
    step = x[1] - x[0]
    pairs = np.minimum(p[:, None] * q, q[:, None] * p)
    return float((p * np.log(p / q)).sum() * step), float(pairs.sum() * step * step)


@pytest.mark.parametrize("width", [0.2, 0.02])
def test_wells_are_nearly_normal_however_far_apart(width):
    x = np.linspace(-1 - 6 * width, 1 + 6 * width, 1601)
    p = np.exp(-0.5 * ((np.abs(x) - 1) / width) ** 2) / (2 * width * np.sqrt(2 * np.pi))
    p = np.maximum(p, 1e-200)
    best = wells(1.219 * width, 1 - 0.7225 * width)
    found, acceptance = divergence(p, x, best)
    assert found < 0.004
    assert acceptance > 0.96
    # The negative control: flanks that are too flat.
    assert divergence(p, x, best._replace(sharpness=best.sharpness / 2))[0] > 0.05


def test_the_start_is_the_gaussian_of_one_well():
    ordered, symmetric = Phi4((8, 8), -4.0, 1.0), Phi4((8, 8), -4.0, 8.0)
    well = gaussian_of_one_well(ordered)
    assert well is not None
    assert well.mean == pytest.approx(2**0.5, rel=0.1)  # the minimum of m2 phi^2 + lam phi^4
    assert gaussian_of_one_well(symmetric) is None
    generator = torch.Generator().manual_seed(1)
    for theory, deep in ((ordered, True), (symmetric, False)):
        flow = build_flow(theory, HeatbathSettings(wells=2))
        z = torch.randn(2000, 64, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            m = flow(z).phi.mean(1)
        assert (m > 0).double().mean() == pytest.approx(0.5, abs=0.06)  # 5 sigma
        assert bool((m.abs() < 0.5 * m.abs().mean()).double().mean() < 0.02) is deep


def test_samples_of_p_put_the_wells_where_they_are():
    """Wells nearer and wider than the variational ones; tolerances of 5 sigma or more."""
    flow = build_flow(Phi4((4, 4), -4.0, 2.0), HeatbathSettings(wells=2))
    random = np.random.default_rng(1)
    size = np.abs(0.5 + 0.15 * random.standard_normal((flow.start_samples, 1)))
    noise = 0.3 * random.standard_normal((flow.start_samples, 16))
    signs = random.choice([-1, 1], (flow.start_samples, 1))
    fields = signs * size + noise - noise.mean(1, keepdims=True)

    def of_kept(phi):
        m = phi[:, flow.order[: flow.kept]].mean(1).abs()
        return float(m.mean()), float(m.std())

    def drawn():
        generator = torch.Generator().manual_seed(2)
        with torch.no_grad():
            return of_kept(
                flow(torch.randn(4000, 16, generator=generator, dtype=torch.float64)).phi
            )

    mean, scatter = of_kept(torch.from_numpy(fields))
    assert drawn()[0] > 1.3 * mean  # the start without samples
    flow.start_from(fields)
    assert drawn()[0] == pytest.approx(mean, rel=0.05)
    assert drawn()[1] == pytest.approx(scatter, rel=0.15)


def test_settings_are_as_they_were_with_one_well():
    raw = {"ensembles": [{"name": "A", "L": 4, "m2": -4.0, "lam": 6.0}]}

    def settings(model):
        config = parse_config(raw | {"flow": {"model": {"kind": "heatbath", **model}}})
        return stage_settings(config, "train", "A")

    assert settings({"wells": 1}) == settings({})
    assert "wells" not in settings({})["flow"]["model"]
    assert settings({"wells": 2})["flow"]["model"]["wells"] == 2


def test_actions_that_are_not_even_are_refused():
    field = {"kind": "phi4_in_field", "m2": -4.0, "lam": 6.0, "J": 0.1}
    raw = {"ensembles": [{"name": "B", "L": 4, "theory": field}]}
    with pytest.raises(LfmcError, match=r"ensemble B .* wells: 2 needs an even action"):
        parse_config(raw | {"flow": {"model": {"kind": "heatbath", "wells": 2}}})
