"""Claims about coarsest lattices of many sites, which the flow `hierarchy` draws by cosets."""

import numpy as np
import pytest
import torch
from hierarchy_claims import uniforms

from lfmc.config.coarsest import LEAST_APART, halvings, refusal, sublattice_of
from lfmc.config.flow_sections import HierarchySettings
from lfmc.flows.hierarchy.kinds import hierarchy_flow
from lfmc.flows.hierarchy.monomials import Monomials, monomials_of
from lfmc.flows.hierarchy.stages import groups, least_step
from lfmc.theories.phi4 import Phi4
from lfmc.theories.spheres import Spheres

pytestmark = pytest.mark.unit

SHAPES = [(18, 18), (22, 22), (44, 44), (14, 28), (28, 44)]  # the last: coprime, no sublattice


@pytest.mark.parametrize("shape", SHAPES)
def test_every_site_is_drawn_once_and_cosets_far_apart(shape):
    stages = groups(shape, 4)
    drawn = [site for group in stages for site in group]
    assert len(set(drawn)) == len(drawn) == shape[0] * shape[1] // 2
    spacing = 1 << halvings(shape)
    coarse = shape[0] * shape[1] // spacing**2
    cosets = [np.array([divmod(site, shape[1]) for site in group]) for group in stages]
    while coarse > 0:
        group = cosets.pop(0)
        coarse -= len(group)
        assert not (group % spacing).any()
        steps = least_step(group[:, None] - group[None], shape) // spacing
        size = (steps**2).sum(-1) + LEAST_APART * np.eye(len(group), dtype=int)
        assert size.min() >= LEAST_APART
    assert coarse == 0


def test_what_works_is_drawn_as_ever():
    """Up to 64 sites of the coarsest lattice each has a law of its own."""
    for shape in [(16, 16), (14, 14), (28, 28), (6, 10)]:
        assert sublattice_of(shape) is None
    assert [len(group) for group in groups((14, 14), 4)] == [1] * 98
    found = sublattice_of((44, 44))
    assert found is not None
    assert found.a * found.d == 11


@pytest.mark.parametrize(
    ("shape", "words"),
    [((18, 18), ""), ((36, 36), ""), ((26, 26), ""), ((7, 8), "needs even extents"),
     ((134, 134), "133 laws"), ((2, 32766), "255 laws")],
)  # fmt: skip
def test_a_lattice_is_drawn_or_refused(shape, words):
    assert words in refusal(shape)
    assert bool(words) == bool(refusal(shape))


@pytest.mark.parametrize("action", [Phi4((18, 18), -4.0, 5.0), Spheres((18, 18), 3, 1.2)])
def test_log_q_of_a_field_drawn_by_cosets_is_that_of_its_draw(action):
    flow = hierarchy_flow(action, HierarchySettings())
    with torch.no_grad():
        flow.k.add_(torch.from_numpy(np.random.default_rng(1).normal(0, 0.05, flow.k.shape)))
    flow.requires_grad_(False)
    phi, log_q = flow(uniforms(flow, 40))
    np.testing.assert_allclose(flow.log_q(phi), log_q, atol=1e-9)
    weight = -flow.action.evaluate(phi) - log_q
    np.testing.assert_allclose(flow.log_weight(phi), weight, atol=1e-9)


def test_sites_of_a_coset_see_the_same():
    """A field that is moved to the next site of the coset gives the same sums; one that is moved
    elsewhere does not (the negative control)."""
    terms, phi = monomials_of((18, 18), 6, 4, True), np.random.default_rng(2).normal(size=(18, 18))
    place = next(i for i, group in enumerate(groups((18, 18), 4)) if len(group) > 1)
    here, there = (np.array(divmod(int(terms.order[place + k]), 18)) for k in (0, 1))
    sums = sums_at(terms, phi, place)
    moved = np.roll(phi, there - here, (0, 1))
    np.testing.assert_allclose(sums_at(terms, moved, place + 1), sums)
    assert not np.allclose(sums_at(terms, np.roll(moved, 2, 1), place + 1), sums)


def sums_at(terms: Monomials, phi, place: int) -> list[float]:
    """Every sum of products that the site at this place of the order sees."""
    values = np.append(phi.ravel(), 1.0)  # nobody is the last one
    own = terms.sums[terms.begin[place] : terms.begin[place + 1]]
    return [values[terms.products[first:last]].prod(1).sum() for _, _, first, last in own]
