"""Claims about the gradient of log w in the base normals, and about their inverse."""

import numpy as np
import pytest
import torch
from flows_disturbed import disturbed, disturbed_for, normals

import lfmc
from lfmc.config.kinds import theory_class
from lfmc.errors import LfmcError
from lfmc.flows.heatbath.adjoint import scoring
from lfmc.flows.heatbath.log_weight_gradient import gradient_arrays, log_weight_gradient
from lfmc.flows.passes import TorchPasses, passes
from lfmc.kernels.lanes import LANES

pytestmark = pytest.mark.unit

# Extents whose rings have one, two, three and more sites; fast transforms; three dimensions.
CASES = [
    ("heatbath", (2, 2), 3.0),
    ("heatbath", (4, 6), 9.0),
    ("heatbath", (4, 2, 4), 14.59),
    ("heatbath", (18, 26), 5.0),
    ("heatbath without rings", (4, 4), 6.975),
    ("heatbath of two wells", (4, 4), 4.0),
]


def reduced_normals(flow, count=LANES + 3):
    return normals(flow, count)[:, : flow.reduced_base.numbers].numpy().copy()


def with_slope_of_table(flow):
    """The flow with the slope of its table of log Z, as in the kernels, instead of a table of the
    slope, which differs by 1e-5."""
    _, c1, c2, c3 = flow.site.log_z_cubic.unbind(-1)
    slope = torch.stack([c1, 2 * c2, 3 * c3, torch.zeros_like(c1)], -1)
    flow.site.mean_cubic = slope / flow.site.j_step
    return flow


def difference(a, b):
    """The largest one, in units of 1 + |value|."""
    return float((np.abs(a - b) / (1 + np.abs(b))).max())


@pytest.mark.parametrize(("kind", "shape", "lam"), CASES)
def test_the_compiled_gradient_is_that_of_automatic_differentiation(kind, shape, lam):
    flow = with_slope_of_table(disturbed(kind, shape, lam))
    z = reduced_normals(flow)
    found, expected = passes(flow).gradient(z), TorchPasses(flow).gradient(z)
    assert found.shape == z.shape
    assert np.abs(expected).max() > 0.1
    assert difference(found, expected) < 1e-10


@pytest.mark.parametrize("kind", ["phi4_in_field"])
def test_the_gradient_exists_for_every_scalar_theory(kind):
    theory = lfmc.theory(kind, (4, 4), **theory_class(kind).example)
    flow = with_slope_of_table(disturbed_for(theory, "heatbath"))
    z = reduced_normals(flow)
    assert difference(passes(flow).gradient(z), TorchPasses(flow).gradient(z)) < 1e-10


def test_the_gradient_is_the_slope_of_the_log_weight():
    """Central differences of the compiled log weight along a direction, to their own error; the
    negative control is the gradient of another coupling."""
    flow, other = disturbed("heatbath", (4, 4), 6.975), disturbed("heatbath", (4, 4), 6.0)
    z, step = reduced_normals(flow), 1e-5
    direction = np.random.default_rng(2).standard_normal(z.shape)
    weight = passes(flow).model_log_weight
    ahead, behind = (weight(torch.tensor(z + s * direction)).numpy() for s in (step, -step))
    slope = (ahead - behind) / (2 * step)
    assert difference((passes(flow).gradient(z) * direction).sum(1), slope) < 1e-6
    assert difference((passes(other).gradient(z) * direction).sum(1), slope) > 1e-3


def test_a_gradient_does_not_depend_on_its_batch():
    arrays = gradient_arrays(scoring(disturbed("heatbath", (4, 6), 9.0)))
    z = reduced_normals(disturbed("heatbath", (4, 6), 9.0), 2 * LANES + 1)
    whole = log_weight_gradient(arrays, z)
    parts = [log_weight_gradient(arrays, z[begin : begin + 5]) for begin in range(0, len(z), 5)]
    assert np.array_equal(whole, np.concatenate(parts))


@pytest.mark.parametrize(
    "kind", ["heatbath", "realnvp", "realnvp+prior", "convolutional", "spline", "multiscale"]
)
def test_normals_are_those_that_a_field_was_drawn_from(kind):
    flow = disturbed(kind, (4, 4), 6.975)
    found, z = passes(flow), normals(flow, LANES)
    phi, log_q = found.draw(z.numpy())
    assert difference(found.normals(phi), z.numpy()) < 1e-10
    assert difference(found.log_q(phi), log_q) < 1e-9


def test_a_flow_without_an_exact_inverse_is_refused():
    flow = disturbed("continuous", (4, 4), 6.975)
    with pytest.raises(LfmcError, match="no exact inverse to base normals"):
        passes(flow).normals(np.zeros((1, 16)))


def test_a_field_that_is_not_finite_has_no_normals():
    phi = np.zeros((2, 16))
    phi[1, 3] = np.nan
    z = passes(disturbed("heatbath", (4, 4), 6.975)).normals(phi)
    assert np.isfinite(z[0]).all()
    assert np.isnan(z[1]).any()
