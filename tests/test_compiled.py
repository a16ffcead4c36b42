"""The compiled pass of the default flow is the torch flow's, to rounding, and as exact."""

import math

import numpy as np
import pytest
import torch
from flows_disturbed import disturbed, normals

from lfmc.config.flow_sections import HeatbathSettings
from lfmc.flows.base import Flow
from lfmc.flows.build import build_flow
from lfmc.flows.exactness import log_q_error
from lfmc.flows.heatbath.adjoint import scoring
from lfmc.flows.heatbath.arrays import flow_arrays, has_kernels
from lfmc.flows.heatbath.draw import draw, field_log_weight, model_log_weight
from lfmc.flows.heatbath.draw_scores import scored
from lfmc.flows.heatbath.flow import HeatbathFlow
from lfmc.kernels.lanes import LANES
from lfmc.proposals.generate import drawing
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.unit

# Extents whose rings have one, two, three and more sites; other extents, other dimensions.
CASES = [
    ("heatbath", (2, 2), 3.0),
    ("heatbath", (4, 4), 6.975),
    ("heatbath", (6, 6), 5.113),
    ("heatbath", (4, 6), 9.0),
    ("heatbath", (20, 4), 5.0),
    ("heatbath", (4, 2, 4), 14.59),
    # Extents beyond `sublattice.LONGEST_DENSE`: fast transforms, of odd and even multiples too.
    ("heatbath", (16, 16), 5.0),
    ("heatbath", (24, 24), 5.0),
    ("heatbath", (18, 26), 5.0),
    ("heatbath", (22, 4, 6), 14.59),
    ("heatbath without rings", (4, 6), 9.0),
    # One well at the start, and two.
    ("heatbath of two wells", (4, 4), 6.975),
    ("heatbath of two wells", (4, 6), 2.0),
]


def difference(a, b):
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())


@pytest.mark.parametrize(("kind", "shape", "lam"), CASES)
def test_fields_and_log_q_are_those_of_the_flow(kind, shape, lam):
    flow = disturbed(kind, shape, lam)
    z = normals(flow, 3 * LANES)
    ours, theirs = draw(flow_arrays(flow), z.numpy()), flow(z)
    assert difference(ours.phi, theirs.phi) < 1e-12
    assert difference(ours.log_q, theirs.log_q) < 1e-11


@pytest.mark.parametrize(("kind", "shape", "lam"), CASES)
def test_log_weights_of_both_sides_are_those_of_the_flow(kind, shape, lam):
    flow = disturbed(kind, shape, lam)
    z = normals(flow, 2 * LANES)[:, : flow.reduced_sites].contiguous()
    x, log_q = flow.reduced(z)
    assert (
        difference(model_log_weight(flow_arrays(flow), z), -flow.reduced_action(x) - log_q) < 1e-11
    )
    # Fields from elsewhere too, narrower and wider than any that the flow would draw.
    for fields in (flow(normals(flow, LANES)).phi, 0.1 * normals(flow, LANES), normals(flow, 99)):
        ours, theirs = field_log_weight(flow_arrays(flow), fields.numpy()), flow.log_weight(fields)
        assert difference(ours / (1 + abs(theirs.numpy())), theirs / (1 + abs(theirs))) < 1e-10


def test_log_weights_of_drawn_fields_come_back():
    flow = disturbed("heatbath", (6, 6), 5.113)
    phi, log_q = draw(flow_arrays(flow), normals(flow, 200).numpy())
    full = -flow.action.evaluate(phi) - log_q
    # The tables of single sites interpolate: their error shows here, as in the flow itself.
    assert np.std(field_log_weight(flow_arrays(flow), phi) - full) < 1e-4


def test_deep_wells_are_drawn_as_by_the_flow_and_come_back():
    """m2 = -16, lam = 1: an on-site barrier of 36."""
    flow = build_flow(Phi4((4, 4), -16.0, 1.0), HeatbathSettings(layers=2, table=128))
    z = normals(flow.requires_grad_(False), 3 * LANES)
    (ours, density), (phi, log_q) = draw(flow_arrays(flow), z.numpy()), flow(z)
    assert difference(ours, phi) < 1e-12
    assert difference(density, log_q) < 1e-10
    assert difference(flow.log_q(phi), log_q) < 1e-8


def enlarged(axes):
    return axes._replace(numbers=1.001 * axes.numbers)


def wrong_bases(basis):
    """The dense one, or that of two steps with a mistake in either."""
    if len(basis.matrix):
        return [basis._replace(matrix=1.001 * basis.matrix)]
    return [
        basis._replace(factor=1.001 * basis.factor),
        basis._replace(place=basis.place[::-1].copy()),
        basis._replace(axes=enlarged(basis.axes)),
    ]


def changed_plans(flow):
    """Plans with one mistake each, in every part that is computed by itself."""
    good = flow_arrays(flow)
    first, *others = good.couplings
    for name in ("hidden", "ring", "odd", "even", "hidden_odd", "hidden_even", "strength",
                 "sharpness", "frequency", "hidden_frequency", "field_scale", "background",
                 "constant"):  # fmt: skip
        wrong = first._replace(**{name: 1.001 * getattr(first, name)})
        yield name, good._replace(couplings=(wrong, *others))
    for name in ("to_modes", "to_sites", "waves_to_modes", "waves_to_sites"):
        wrong = first._replace(**{name: enlarged(getattr(first, name))})
        yield name, good._replace(couplings=(wrong, *others))
    for name in ("ring_rows", "ring_edges"):
        wrong = first._replace(**{name: getattr(first, name)[::-1].copy()})
        yield name, good._replace(couplings=(wrong, *others))
    for name in ("widths", "breathing", "response", "zero"):
        wrong_prior = good.prior._replace(**{name: 1.001 * getattr(good.prior, name)})
        yield name, good._replace(prior=wrong_prior)
    for basis in wrong_bases(good.prior.to_sites):
        yield "basis of the prior", good._replace(prior=good.prior._replace(to_sites=basis))
    for name in ("quantile", "steps"):
        wrong_site = good.integrated._replace(**{name: 1.001 * getattr(good.integrated, name)})
        yield name, good._replace(integrated=wrong_site)
    yield "order", good._replace(order=good.order[::-1].copy())


@pytest.mark.parametrize("shape", [(6, 6), (16, 6)])
def test_a_mistake_in_any_part_is_caught(shape):
    flow = disturbed("heatbath", shape, 5.113)
    z = normals(flow, LANES)
    theirs = flow(z)
    for name, wrong in changed_plans(flow):
        ours = draw(wrong, z.numpy())
        seen = max(difference(ours.phi, theirs.phi), difference(ours.log_q, theirs.log_q))
        assert seen > 1e-7, name


@pytest.mark.parametrize(("kind", "shape", "lam"), CASES)
def test_scores_are_those_of_the_flow(kind, shape, lam):
    flow = disturbed(kind, shape, lam)
    flow.requires_grad_(True)
    z = normals(flow, LANES + 3)[:, : flow.reduced_sites].contiguous()
    ours, theirs = scored(scoring(flow), z.numpy()), flow.scores(z)
    assert difference(ours.log_weight, theirs.log_weight) < 1e-11
    assert ours.scores.shape == theirs.scores.T.shape
    assert difference(ours.scores, theirs.scores.T) < 1e-9 * (1 + float(theirs.scores.abs().max()))


def changed_scorings(flow):
    """What scores need, with one mistake each."""
    good = scoring(flow)
    first, *others = good.couplings
    for name in first._fields:
        value = getattr(first, name)
        if name == "offsets":
            changed = value._replace(hidden_odd=value.hidden_even, hidden_even=value.hidden_odd)
        elif name in ("to_modes", "to_sites"):
            changed = enlarged(value)
        elif name in ("group_members", "group_starts"):
            changed = np.maximum(value - (np.arange(len(value)) == 1), 0)
        else:
            changed = 1.001 * value
        yield name, good._replace(couplings=(first._replace(**{name: changed}), *others))
    cosines = good.prior._replace(cosines=1.001 * good.prior.cosines)
    slope = good.prior._replace(zero_slope=1.001 * good.prior.zero_slope)
    yield "cosines", good._replace(prior=cosines)
    yield "zero_slope", good._replace(prior=slope)


@pytest.mark.parametrize("shape", [(6, 6), (16, 6)])
def test_a_mistake_in_any_part_of_the_scores_is_caught(shape):
    flow = disturbed("heatbath", shape, 5.113)
    z = normals(flow, LANES)[:, : flow.reduced_sites].contiguous()
    good = scored(scoring(flow), z.numpy()).scores
    for name, wrong in changed_scorings(flow):
        assert difference(scored(wrong, z.numpy()).scores, good) > 1e-6, name


@pytest.mark.parametrize("shape", [(6, 6), (16, 6)])
def test_a_mistake_in_the_reduced_action_or_the_inverse_is_caught(shape):
    flow = disturbed("heatbath", shape, 5.113)
    phi = flow(normals(flow, LANES)).phi
    good, theirs = flow_arrays(flow), flow.log_weight(phi)
    site = good.integrated
    for wrong in (
        good._replace(integrated=site._replace(log_z=1.001 * site.log_z)),
        good._replace(theory=good.theory._replace(lam=1.001 * good.theory.lam)),
        good._replace(integrated=site._replace(near=np.roll(site.near, 1))),
        *(
            good._replace(prior=good.prior._replace(to_modes=basis))
            for basis in wrong_bases(good.prior.to_modes)
        ),
    ):
        assert difference(field_log_weight(wrong, phi.numpy()), theirs) > 1e-7


def test_log_q_is_the_density_of_the_compiled_map_itself():
    """By central differences: what the kernels say of their own map, no torch in between."""
    flow = disturbed("heatbath", (4, 4), 6.975)
    arrays, step = flow_arrays(flow), 1e-5
    for z in normals(flow, 3).numpy():
        shifted = np.concatenate([z + step * np.eye(16), z - step * np.eye(16), z[None]])
        phi, log_q = draw(arrays, shifted)
        jacobian = (phi[:16] - phi[16:32]) / (2 * step)
        expected = -0.5 * (z @ z) - 8 * math.log(2 * math.pi) - np.linalg.slogdet(jacobian)[1]
        assert log_q[32] == pytest.approx(expected, abs=1e-6)


def test_the_error_that_a_model_carries_is_that_of_its_kernels_too():
    flow = disturbed("heatbath", (4, 4), 6.975)
    good = drawing(flow)
    assert log_q_error(flow, samples=3, draw=good) < 1e-12

    def broken(z):
        phi, log_q = good(z)
        return phi, log_q + 1e-3

    assert log_q_error(flow, samples=3, draw=broken) == pytest.approx(1e-3, rel=1e-6)


def test_bits_of_a_field_do_not_depend_on_its_batch():
    flow = disturbed("heatbath", (6, 6), 5.113)
    arrays, z = flow_arrays(flow), normals(flow, 2 * LANES + 5).numpy()
    together, turned = draw(arrays, z), draw(arrays, z[::-1].copy())
    assert np.array_equal(together.phi, turned.phi[::-1])
    assert np.array_equal(together.log_q, turned.log_q[::-1])
    alone = field_log_weight(arrays, together.phi[7:8])
    assert alone[0] == field_log_weight(arrays, together.phi)[7]


def test_what_is_not_finite_becomes_no_number():
    flow = disturbed("heatbath", (4, 4), 6.975)
    z = normals(flow, LANES).numpy()
    good = draw(flow_arrays(flow), z)
    for bad in (np.nan, np.inf, 1e300):
        spoiled = z.copy()
        spoiled[3, 5] = bad
        phi, log_q = draw(flow_arrays(flow), spoiled)
        assert not (math.isfinite(log_q[3]) and np.isfinite(phi[3]).all())
        assert np.array_equal(np.delete(log_q, 3), np.delete(good.log_q, 3))
        fields = good.phi.copy()
        fields[3] = bad
        assert not math.isfinite(field_log_weight(flow_arrays(flow), fields)[3])


@pytest.mark.parametrize("name", ["constant", "ring_strength", "background"])
def test_a_map_that_overflows_is_no_number(name):
    flow = disturbed("heatbath", (4, 4), 6.975)
    getattr(flow.couplings[1], name).data.fill_(1e200)
    assert not np.isfinite(draw(flow_arrays(flow), normals(flow, LANES).numpy()).log_q).any()


def test_only_the_default_flow_has_kernels():
    flow = HeatbathFlow(Phi4((4, 4), -4.0, 6.975), HeatbathSettings(layers=2, table=128))

    class Other(HeatbathFlow):
        """Another map under the same settings."""

    assert has_kernels(flow)
    assert not has_kernels(Other(flow.action, HeatbathSettings(layers=2, table=128)))
    assert not any(has_kernels(disturbed(kind, (4, 4), 6.975)) for kind in ("realnvp", "spline"))


def test_weights_in_float32_are_evaluated_as_they_are():
    """What training checks: within what the flow itself computes in float32."""
    flow: Flow = disturbed("heatbath", (6, 6), 5.113).float()
    z = normals(flow, LANES)[:, : flow.reduced_sites]
    x, log_q = flow.reduced(z.float())
    theirs = -flow.reduced_action(x) - log_q
    assert has_kernels(flow)
    ours = model_log_weight(flow_arrays(flow), z.float().double().numpy())
    assert 0 < difference(ours, theirs) < 1e-3


def test_gradients_are_no_business_of_the_kernels():
    flow = disturbed("heatbath", (4, 4), 6.975)
    flow.requires_grad_(True)
    assert not torch.from_numpy(draw(flow_arrays(flow), normals(flow, 1).numpy()).phi).requires_grad
