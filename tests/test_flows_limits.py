"""Claims about what single kinds of flows cannot do, and the order of coarse and fine sites."""

import sys

import pytest
import torch
from flows_disturbed import disturbed, normals

from lfmc.config.flow_sections import (
    ConvolutionalSettings,
    HeatbathSettings,
    SplineSettings,
)
from lfmc.errors import LfmcError
from lfmc.flows.build import build_flow
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.unit


def test_heatbath_flow_refuses_one_dimension():
    with pytest.raises(LfmcError, match="d >= 2"):
        build_flow(Phi4((8,), -2.0, 1.0), HeatbathSettings())


def test_convolutions_refuse_what_they_cannot_do():
    with pytest.raises(LfmcError, match="d = 1, 2, 3"):
        build_flow(Phi4((2, 2, 2, 2), -8.0, 1.0), ConvolutionalSettings())
    with pytest.raises(LfmcError, match="at most 5"):
        build_flow(Phi4((2, 4), -4.0, 1.0), ConvolutionalSettings(kernel=7))


def test_spline_flow_says_what_to_install_when_zuko_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "zuko.transforms", None)
    with pytest.raises(LfmcError, match=r"pip install 'lfmc\[spline\]'"):
        build_flow(Phi4((4, 4), -4.0, 6.975), SplineSettings())


def test_multiscale_flow_draws_coarse_sites_before_the_others():
    flow = disturbed("multiscale", (8, 8), 5.113)
    z = normals(flow, 3)
    assert [len(level.new) for level in flow.levels] == [1, 3, 12, 48]
    again = z.clone()
    again[:, 16:] += 1
    same = torch.isclose(flow(z).phi, flow(again).phi, rtol=0, atol=1e-12).reshape(3, 8, 8)
    assert bool(same[:, ::2, ::2].all())
    assert not bool(same[:, 1::2].any() or same[:, :, 1::2].any())
