"""Claims about the action: the paper's convention, its gradient, its symmetries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfmc.lattice import coordinates, neighbours, point_group, volume
from lfmc.theories.phi4 import Phi4

pytestmark = pytest.mark.unit

shapes = st.sampled_from([(2,), (8,), (2, 2), (4, 4), (4, 6), (2, 4, 2), (4, 4, 4)])
seeds = st.integers(0, 2**32 - 1)


def fields(shape, seed, batch=3):
    return np.random.default_rng(seed).normal(size=(batch, volume(shape)))


def by_definition(phi, shape, m2, lam):
    """S with the box operator written out, eq. 20-21 of arXiv:1904.12072."""
    grid = phi.reshape(-1, *shape)
    axes = range(1, grid.ndim)
    box = sum(2 * grid - np.roll(grid, 1, a) - np.roll(grid, -1, a) for a in axes)
    density = grid * box + m2 * grid**2 + lam * grid**4
    return density.reshape(len(phi), -1).sum(1)


@given(shapes, seeds)
def test_action_is_the_papers_without_one_half(shape, seed):
    phi = fields(shape, seed)
    action = Phi4(shape, m2=-1.3, lam=0.7)
    assert np.allclose(action.evaluate(phi), by_definition(phi, shape, -1.3, 0.7), rtol=1e-12)


def test_the_one_half_of_the_slides_is_another_action():
    phi = fields((4, 4), 1)
    whole, half = Phi4((4, 4), 0.4, 0.7), Phi4((4, 4), 0.4, 0.7, normalisation=0.5)
    quartic = 0.7 * (phi**4).sum(1)
    assert np.allclose(half.evaluate(phi) - quartic, (whole.evaluate(phi) - quartic) / 2)


def test_at_minus_2d_the_quadratic_term_cancels():
    assert Phi4((4, 4), -4.0, 1.0).quadratic == 0
    assert Phi4((4, 4, 4), -6.0, 1.0).quadratic == 0


@given(st.sampled_from([(6,), (4, 4), (2, 4), (2, 4, 4)]), seeds, st.sampled_from([1.0, 0.5]))
def test_gradient_is_the_finite_difference_of_the_action(shape, seed, normalisation):
    action = Phi4(shape, m2=-1.3, lam=0.7, normalisation=normalisation)
    phi = fields(shape, seed, batch=1)[0]
    step = 1e-5
    shifts = step * np.eye(len(phi))
    numeric = (action.evaluate(phi + shifts) - action.evaluate(phi - shifts)) / (2 * step)
    assert np.allclose(action.gradient(phi), numeric, rtol=1e-7, atol=1e-7)


def test_gradient_with_the_wrong_hopping_sign_would_be_caught():
    shape, phi = (4, 4), fields((4, 4), 5, batch=1)[0]
    action = Phi4(shape, m2=-1.3, lam=0.7)
    wrong = action.gradient(phi) + 4 * action.hopping * action.neighbour_sum(phi)
    shifts = 1e-5 * np.eye(len(phi))
    numeric = (action.evaluate(phi + shifts) - action.evaluate(phi - shifts)) / 2e-5
    assert not np.allclose(wrong, numeric, rtol=1e-3)


@given(shapes, seeds)
def test_action_is_even_and_translation_invariant(shape, seed):
    phi = fields(shape, seed)
    action = Phi4(shape, m2=-2.0, lam=1.1)
    value = action.evaluate(phi)
    assert np.allclose(action.evaluate(-phi), value, rtol=1e-12)
    for mu in range(len(shape)):
        assert np.allclose(action.evaluate(phi[:, neighbours(shape)[:, 2 * mu]]), value, rtol=1e-12)


@given(st.sampled_from([(4, 4), (4, 4, 4)]), seeds)
def test_action_is_invariant_under_the_point_group(shape, seed):
    phi = fields(shape, seed)
    action = Phi4(shape, m2=-2.0, lam=1.1)
    x = coordinates(shape)
    for axes, signs in point_group(len(shape)):
        image = np.ravel_multi_index(tuple((x[:, axes] * np.asarray(signs) % shape[0]).T), shape)
        assert np.allclose(action.evaluate(phi[:, image]), action.evaluate(phi), rtol=1e-12)


@given(shapes, seeds)
def test_free_action_is_diagonal_in_momentum_space(shape, seed):
    from lfmc.lattice import khat2

    phi = fields(shape, seed)
    power = np.abs(np.fft.fftn(phi.reshape(-1, *shape), axes=range(1, len(shape) + 1))) ** 2
    expected = power.reshape(len(phi), -1) @ (khat2(shape) + 0.6) / volume(shape)
    assert np.allclose(Phi4(shape, m2=0.6, lam=0.0).evaluate(phi), expected, rtol=1e-10)


@given(st.sampled_from([(8,), (4, 6), (2, 4, 4)]), seeds)
def test_torch_and_numpy_give_the_same_action_and_autograd_the_same_gradient(shape, seed):
    import torch

    phi = fields(shape, seed)
    action = Phi4(shape, m2=-1.3, lam=0.7)
    tensor = torch.from_numpy(phi).requires_grad_()
    value = action.evaluate(tensor)
    (gradient,) = torch.autograd.grad(value.sum(), tensor)
    assert np.allclose(value.detach().numpy(), action.evaluate(phi), rtol=1e-13)
    assert np.allclose(gradient.numpy(), action.gradient(phi), rtol=1e-12, atol=1e-12)
