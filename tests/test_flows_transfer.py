"""Weights of a flow as the start of one with more layers."""

import pytest
import torch

from lfmc.config.flow_sections import HeatbathSettings
from lfmc.errors import LfmcError
from lfmc.flows.heatbath.flow import HeatbathFlow
from lfmc.flows.heatbath.transfer import transferred
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.unit


def flow(layers: int, scatter: float = 0.0) -> HeatbathFlow:
    """On 4 x 4 sites, its weights moved at random from where they start."""
    made = HeatbathFlow(Phi4((4, 4), -4.0, 8.0), HeatbathSettings(layers=layers, table=128))
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in made.parameters():
            weight += scatter * torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    return made.requires_grad_(False)


def difference(one: HeatbathFlow, other: HeatbathFlow) -> float:
    z = torch.randn(64, 16, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    pairs = zip(one(z), other(z), strict=True)
    return max(float((a - b).abs().max()) for a, b in pairs)


def test_further_layers_start_as_the_identity():
    """Five layers, so that both halves have had both orders of the axes."""
    source, target = flow(2, 0.1), flow(7)
    assert difference(source, target) > 0.1
    target.load_state_dict(transferred(source, target))
    assert difference(source, target) < 1e-12


def test_further_layers_that_do_something_are_seen():
    """The negative control: what the target had there is kept, and changes the map."""
    source, target = flow(2, 0.1), flow(7, 0.1)
    target.load_state_dict(transferred(source, target))
    assert difference(source, target) > 0.1


def test_fewer_layers_are_no_place_for_the_weights():
    with pytest.raises(LfmcError, match=r"same flow\.model or more layers; .*does not fit"):
        transferred(flow(3), flow(2))


def of_wells(wells: int, lam: float, shape=(4, 4)) -> HeatbathFlow:
    settings = HeatbathSettings(layers=2, table=128, wells=wells)
    return HeatbathFlow(Phi4(shape, -4.0, lam), settings).requires_grad_(False)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ((1, 2.0), (2, 2.0), "that model has one well, this flow two wells apart; start from"),
        ((2, 2.0), (1, 2.0), "that model has two wells apart, this flow one well; start from"),
        ((2, 20.0), (2, 2.0), "that model has two wells that start as one, this flow two wells"),
    ],
)
def test_other_wells_are_no_start(source, target, message):
    """Their parameters have equal shapes, so that nothing else would tell."""
    one, other = of_wells(*source), of_wells(*target)
    assert {k: v.shape for k, v in one.state_dict().items()} == {
        k: v.shape for k, v in other.state_dict().items()
    }
    with pytest.raises(LfmcError, match=message):
        transferred(one, other)


@pytest.mark.parametrize(("wells", "lam"), [(1, 2.0), (2, 2.0), (2, 20.0)])
def test_the_same_wells_of_another_lattice_are_a_start(wells, lam):
    found = transferred(of_wells(wells, lam), of_wells(wells, lam, (6, 6)))
    assert "prior.zero_mode" in found
