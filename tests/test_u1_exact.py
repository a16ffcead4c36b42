"""U(1) in two dimensions: exact numbers, loops, gauge invariance, and what must fail."""

import math

import numpy as np
import pytest
import torch

from lfmc.errors import LfmcError
from lfmc.kernels.lanes import LANES, broadcast, kernel, load, store
from lfmc.kernels.theory import action_change, measure, site_change, slope
from lfmc.kernels.tuples import store_each
from lfmc.lattice import volume
from lfmc.lattice.links import plaquettes, staples
from lfmc.theories.u1 import U1, exact
from lfmc.theories.u1.loops import areas, loop_cosines, plaquette_angles

pytestmark = pytest.mark.unit
SHAPES = [(2, 2), (4, 4), (4, 6), (2, 8)]


def fields(shape, count=5, seed=1):
    random = np.random.default_rng(seed)
    return random.uniform(-math.pi, math.pi, (count, 2 * volume(shape)))


def transformed(phi, shape, seed=2):
    """The same configurations in another gauge."""
    angle = np.random.default_rng(seed).uniform(-9, 9, (len(phi), *shape))
    links = phi.reshape(-1, *shape, 2).copy()
    for mu in range(2):
        links[..., mu] += angle - np.roll(angle, -1, 1 + mu)
    return links.reshape(phi.shape)


# <Q^2> and <cos P> of a separate program, to the digits given.
@pytest.mark.parametrize(
    ("extent", "beta", "charge", "cosine"),
    [
        (16, 1.0, 10.40288, 0.4463900),
        (16, 2.0, 4.95720, 0.6977747),
        (16, 3.0, 2.83157, 0.8099853),
        (16, 5.0, 1.47349, 0.8933831),
        (16, 7.0, 1.00641, 0.9255322),
        (16, 10.0, 0.68508, 0.9485998),
        (8, 1.0, 2.600719, 0.44639),
        (8, 3.0, 0.707843, 0.80999),
    ],
)
def test_exact_numbers_are_those_of_an_independent_computation(extent, beta, charge, cosine):
    assert exact.charge_squared(beta, extent**2) == pytest.approx(charge, abs=6e-6)
    assert exact.plaquette(beta, extent**2) == pytest.approx(cosine, abs=6e-6)


def test_exact_numbers_agree_with_each_other():
    beta, count = 2.3, 36
    step = 1e-4
    up, down = (exact.log_partition(beta + s, count) for s in (step, -step))
    assert (up - down) / (2 * step * count) == pytest.approx(exact.plaquette(beta, count), 1e-7)
    assert exact.wilson_loop(beta, count, 1) == pytest.approx(exact.plaquette(beta, count), 1e-12)
    assert exact.wilson_loop(beta, count, count) == pytest.approx(1.0, abs=1e-12)
    found = exact.charges(beta, count)
    assert found[0] + 2 * found[1:].sum() == pytest.approx(1.0, abs=1e-12)
    angles = np.array([0.0, 0.7, math.pi])
    sums = found[0] + 2 * (found[1:] * np.cos(np.outer(angles, np.arange(1, len(found))))).sum(1)
    assert np.allclose(exact.theta_ratio(beta, count, angles), sums, atol=1e-12)


def test_partition_of_a_tiny_lattice_is_its_integral():
    """2 x 2 by quadrature over three plaquettes, the fourth being minus their sum."""
    beta, n = 0.8, 24
    x = 2 * math.pi * np.arange(n) / n
    a, b, c = np.meshgrid(x, x, x, indexing="ij")
    weight = np.exp(beta * (np.cos(a) + np.cos(b) + np.cos(c) + np.cos(a + b + c)))
    log_z = math.log(weight.mean()) + 8 * math.log(2 * math.pi)
    assert exact.log_partition(beta, 4) == pytest.approx(log_z, abs=1e-10)
    cosine = float((weight * np.cos(a)).sum() / weight.sum())
    assert exact.plaquette(beta, 4) == pytest.approx(cosine, abs=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_everything_is_gauge_invariant(shape):
    theory, phi = U1(shape, 1.7), fields(shape)
    other = transformed(phi, shape)
    assert np.allclose(theory.evaluate(other), theory.evaluate(phi), rtol=0, atol=1e-12)
    for name, values in theory.measure(phi).items():
        assert np.abs(theory.measure(other)[name] - values).max() < 1e-12, name
    assert np.abs(theory.correlators(other) - theory.correlators(phi)).max() < 1e-12
    links = phi.copy()
    links[:, 0] += 0.3  # no gauge transformation
    assert np.abs(theory.evaluate(links) - theory.evaluate(phi)).max() > 1e-3


@pytest.mark.parametrize("shape", SHAPES)
def test_charge_is_a_whole_number(shape):
    angle = plaquette_angles(fields(shape, 200), shape)
    turns = angle / (2 * math.pi)
    charge = (turns - np.rint(turns)).sum(1)
    assert np.abs(charge - np.rint(charge)).max() < 1e-9
    assert set(np.rint(charge)) >= {-1.0, 0.0, 1.0}


@pytest.mark.parametrize("shape", SHAPES)
def test_links_and_staples_are_those_of_the_formula(shape):
    near, links = fields(shape, 1)[0], fields(shape, 1)[0].reshape(*shape, 2)
    ahead = np.roll(links, -1, 0)[..., 1] - np.roll(links, -1, 1)[..., 0]
    wanted = links[..., 0] + ahead - links[..., 1]
    assert np.allclose(plaquette_angles(near, shape).reshape(shape), wanted, atol=1e-13)
    table, corners = staples(shape), plaquettes(shape)
    for link in range(len(near)):
        a = near[table[link, 0]] - near[table[link, 1]] - near[table[link, 2]] + near[link]
        b = near[table[link, 3]] + near[table[link, 4]] - near[table[link, 5]] - near[link]
        holding = [
            (wanted.ravel()[p], 1 if link in corners[p, :2] else -1)
            for p in range(len(corners))
            if link in corners[p]
        ]
        assert sorted(holding, key=lambda pair: -pair[1]) == [
            (pytest.approx(a, abs=1e-12), 1),
            (pytest.approx(b, abs=1e-12), -1),
        ]


def test_a_loop_round_an_area_is_the_product_of_its_links():
    shape = (6, 8)
    phi = fields(shape, 3)
    links = phi.reshape(-1, *shape, 2)
    found = loop_cosines(phi, shape)
    assert areas(shape)[:4] == (1, 2, 4, 6)
    direct = 0.0
    for x in range(shape[0]):
        for y in range(shape[1]):
            across = [((x + i) % 6, y, 0, 1) for i in range(2)]
            across += [((x + i) % 6, (y + 3) % 8, 0, -1) for i in range(2)]
            up = [((x + 2) % 6, (y + j) % 8, 1, 1) for j in range(3)]
            up += [(x, (y + j) % 8, 1, -1) for j in range(3)]
            direct += np.cos(sum(s * links[:, a, b, mu] for a, b, mu, s in across + up)) / 48
    assert np.allclose(found[:, 3], direct, atol=1e-12)
    lines = links[..., 0].sum(1)
    pair = np.cos(lines - np.roll(lines, -2, 1)).mean(1)
    assert np.allclose(found[:, areas(shape).index(12, 4)], pair, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient_is_that_of_the_action(shape):
    theory, phi = U1(shape, 1.3), fields(shape)
    tensor = torch.tensor(phi, requires_grad=True)
    theory.evaluate(tensor).sum().backward()
    assert np.allclose(theory.gradient(phi), tensor.grad.numpy(), atol=1e-12)


@kernel
def _answers(block, near, couplings, slopes, seen, changes):
    for x in range(near.shape[0]):
        store(slopes, x, slope(load(block, x), block, near, x, couplings))
    old = measure(block, near, couplings)
    store_each(seen, 0, old)
    step = broadcast(0.4)
    store(changes, 0, site_change(load(block, 3), step, block, near, 3, couplings))
    store(block, 3, load(block, 3) + step)
    store(changes, 1, action_change(measure(block, near, couplings), old, near, couplings))


@pytest.mark.parametrize("shape", SHAPES)
def test_kernels_are_the_arrays(shape):
    theory, phi = U1(shape, 1.3), fields(shape, LANES)
    block = np.ascontiguousarray(phi.T)
    slopes, seen, changes = np.empty_like(block), np.empty((3, LANES)), np.empty((2, LANES))
    _answers(block, theory.geometry(), theory.couplings(), slopes, seen, changes)
    assert np.allclose(slopes.T, theory.gradient(phi), atol=1e-12)
    for row, name in zip(seen, theory.scalars, strict=True):
        assert np.allclose(row, theory.measure(phi)[name], atol=1e-12), name
    moved = phi.copy()
    moved[:, 3] += 0.4
    change = theory.evaluate(moved) - theory.evaluate(phi)
    assert np.allclose(changes, change, atol=1e-11)


@pytest.mark.parametrize("shape", [(4,), (4, 4, 4), (1, 4)])
def test_other_lattices_are_refused_in_one_line(shape):
    with pytest.raises(LfmcError, match="two dimensions"):
        U1(shape, 1.0)


def test_a_coupling_that_is_not_positive_is_refused():
    with pytest.raises(LfmcError, match="must be above 0"):
        U1((4, 4), -1.0)
