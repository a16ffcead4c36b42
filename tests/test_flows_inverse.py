"""Claims about the compiled inverse: log q of whole fields, against the draw and the torch flow."""

import numpy as np
import pytest
import torch
from flows_disturbed import disturbed_for, normals

from lfmc.flows.passes import passes
from lfmc.theories.phi4 import Phi4
from lfmc.theories.phi4_in_field import Phi4InField
from lfmc.theories.sine_gordon import SineGordon

pytestmark = pytest.mark.unit

THEORIES = [
    Phi4((6, 6), m2=-4.0, lam=6.975),
    Phi4((4, 4, 4), m2=-6.0, lam=10.0),
    Phi4((4, 6), m2=-8.0, lam=1.5),  # a high barrier, over which the quantile nearly jumps
    Phi4InField((4, 4), m2=-2.0, lam=2.0, J=0.3),
    SineGordon((6, 4), beta=1.5, g=0.8, m2=0.5),
]


@pytest.mark.parametrize("kind", ["heatbath", "realnvp+prior"])
@pytest.mark.parametrize("theory", THEORIES, ids=str)
def test_log_q_of_a_drawn_field_is_that_of_the_draw(theory, kind):
    """A field of another flow, or moved by 1e-3, has another one."""
    flow = disturbed_for(theory, kind)
    found = passes(flow)
    phi, log_q = found.draw(normals(flow, 70).numpy())
    assert np.abs(found.log_q(phi) - log_q).max() < flow.inverse_tolerance
    moved = phi.copy()
    moved[:, 1] += 1e-3
    assert np.abs(found.log_q(moved) - log_q).min() > flow.inverse_tolerance
    other = passes(disturbed_for(theory, kind, size=0.11))
    assert np.abs(other.log_q(phi) - log_q).max() > 1e-3


@pytest.mark.parametrize("width", [0.05, 1.0, 6.0, 40.0])
@pytest.mark.parametrize("theory", THEORIES, ids=str)
def test_log_q_of_any_field_is_that_of_the_torch_flow(theory, width):
    """Fields from elsewhere, also far beyond all tables."""
    flow = disturbed_for(theory, "heatbath")
    phi = width * normals(flow, 40, seed=1)
    theirs = flow.log_q(phi).numpy()
    ours = passes(flow).log_q(phi.numpy())
    assert np.abs((ours - theirs) / (1 + np.abs(theirs))).max() < flow.inverse_tolerance


def test_log_q_does_not_depend_on_the_batch():
    flow = disturbed_for(THEORIES[0], "heatbath")
    phi = normals(flow, 70).numpy()
    whole = passes(flow).log_q(phi)
    assert np.array_equal(whole[5:9], passes(flow).log_q(np.ascontiguousarray(phi[5:9])))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_field_that_is_not_finite_has_no_log_q(bad):
    flow = disturbed_for(THEORIES[0], "heatbath")
    for site in range(flow.sites):
        phi = normals(flow, 3).numpy()
        phi[1, site] = bad
        log_q = passes(flow).log_q(phi)
        assert np.isfinite(log_q).tolist() == [True, False, True]


def test_the_density_of_a_line_is_normalised():
    """int dphi_x q(phi) over one integrated site is the density of the others: both by the map."""
    flow = disturbed_for(THEORIES[0], "heatbath")
    site = int(flow.order[-1])
    phi = flow(normals(flow, 1)).phi.numpy()
    line = np.linspace(-3, 3, 40_001)
    fields = np.repeat(phi, len(line), 0)
    fields[:, site] = line
    log_q = passes(flow).log_q(fields)
    x = phi[:, flow.order[: flow.kept].numpy()]
    j = flow.neighbour_sums(torch.from_numpy(x))
    scores, ladj = flow.site.inverse(torch.from_numpy(phi)[:, flow.order[flow.kept :]], j)
    own = -0.5 * scores[0, -1] ** 2 - 0.5 * np.log(2 * np.pi) - ladj[0, -1]
    others = passes(flow).log_q(phi)[0] - float(own)
    integral = np.exp(log_q - others).sum() * (line[1] - line[0])
    assert integral == pytest.approx(1.0, abs=1e-6)
